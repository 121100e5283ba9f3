"""What every test runs under: shapes and types checked at each call, one thread, seeds, a quiet Ray that starts fast.

The import hook must stand before the first import of raykd, and the settings before the first import of
torch and Ray. No test here starts Ray; those that need it find their fixtures in `tests/cluster/conftest.py`.
"""

import os
import random
import signal

os.environ |= {
    "OMP_NUM_THREADS": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",  # local clusters warn about their token otherwise
    "RAY_DEDUP_LOGS": "1",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.1",  # the default of 2 s holds up each report for as long
}

import hypothesis
import numpy as np
import pytest
import torch
from jaxtyping import install_import_hook

hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.load_profile("repeatable")
torch.set_num_threads(1)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it, and so do its children
install_import_hook("raykd", "beartype.beartype")


def _seed() -> None:
    """The same random numbers whichever tests run, in whichever order."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


def pytest_collectstart(collector: pytest.Collector) -> None:
    _seed()  # the parameters of a test are made when its file is imported


@pytest.hookimpl(tryfirst=True)  # before its fixtures
def pytest_runtest_setup(item: pytest.Item) -> None:
    _seed()
