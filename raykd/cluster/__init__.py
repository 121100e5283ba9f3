"""The only package that imports Ray: worker groups, trials, the search.

Its settings are given before Ray is imported, because Ray reads them then; what a user has set stays.
"""

import os

SETTINGS = {
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",  # at Ray's 2 s a group's start and end wait for the next check
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # raykd writes its own records, one folder a trial
    "TUNE_GLOBAL_CHECKPOINT_S": "1",  # at Ray's 10 s a killed driver loses what the search learnt since
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}

for _name, _value in SETTINGS.items():
    os.environ.setdefault(_name, _value)
