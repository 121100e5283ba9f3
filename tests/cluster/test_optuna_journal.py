"""A real search, as Optuna reads it while it runs and afterwards."""

import math

import pytest
from optuna.trial import TrialState
from small_studies import optuna_trials

from raykd.protocols.event import METRIC
from raykd.runs.result import Result
from raykd.runs.trial import read_epochs

pytestmark = [
    pytest.mark.usefixtures("ray_cluster"),
    pytest.mark.timeout(400),
    pytest.mark.filterwarnings("ignore::ray.util.annotations.RayDeprecationWarning"),
]
STATES = {"complete": TrialState.COMPLETE, "stopped": TrialState.PRUNED}


def test_optuna_has_every_setting_of_the_table_with_its_epochs_and_its_end(found: Result, study):
    trials = {trial.user_attrs["trial"]: trial for trial in optuna_trials(found.folder)}
    rows = {row["name"]: row for row in found.frame.to_dict("records")}
    assert trials.keys() == rows.keys()
    for name, row in rows.items():
        trial = trials[name]
        assert trial.state == STATES.get(row["outcome"], TrialState.FAIL)
        assert trial.value is None or trial.value == row[METRIC]
        assert trial.params == {
            path: value
            for path, value in row.items()
            if path in study.every_range() and not (isinstance(value, float) and math.isnan(value))
        }
        told = {epoch["number"]: epoch[METRIC] for epoch in read_epochs(found.folder / "trials" / name)}
        assert trial.intermediate_values == {number: told[number] for number in range(1, row["epochs"] + 1)}
        assert trial.user_attrs["setting"] == row["setting"]
        assert (trial.user_attrs["outcome"], trial.user_attrs["baseline"]) == (row["outcome"], row["baseline"])


def test_optuna_reads_a_search_that_runs(looked: list[dict[str, TrialState]], found: Result):
    first, last = looked[0], looked[-1]
    assert TrialState.RUNNING in first.values() and len(first) < len(last)
    assert TrialState.RUNNING not in last.values()
