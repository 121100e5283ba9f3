"""What Optuna is told: a stopped trial is pruned with its last value, a failed one failed, a baseline is no trial."""

import math
import pickle

import pytest
from optuna.trial import TrialState
from small_studies import tiny_study

from raykd.cluster.tuner.searcher import StudySearch
from raykd.studies.baselines import baselines

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


@pytest.fixture
def searcher(study):
    return make_searcher(study)


def make_searcher(study, seed=0):
    return StudySearch(study, seed, [study.complete(values) for values in study.first])


def told(searcher):
    """The trials that Optuna knows of, without the first settings that wait for their turn."""
    return [trial for trial in searcher.get_state()["optuna"].trials if trial.state != TrialState.WAITING]


def result(value, epoch, finished=False):
    return {"val/accuracy": value, "epoch": epoch, "finished": finished, "training_iteration": 1}


def test_baselines_then_the_first_settings_then_tpe(searcher, study):
    configs = [searcher.suggest(f"t{index}") for index in range(6)]
    assert [config["baseline"] for config in configs[:2]] == list(baselines(study.recipe))
    assert [config["number"] for config in configs[2:]] == [0, 1, 2, 3]
    assert [config["values"] for config in configs[2:4]] == [study.complete(values) for values in study.first]
    for config in configs[2:]:
        assert study.complete(config["values"]) == config["values"]


def test_a_finished_trial_is_complete_with_its_last_value(searcher):
    for trial_id in ("a", "b", "c"):
        searcher.suggest(trial_id)
    searcher.on_trial_result("c", result(0.5, 1))
    searcher.on_trial_complete("c", result(0.7, 2, finished=True))
    (trial,) = told(searcher)
    assert (trial.state, trial.value, trial.intermediate_values) == (TrialState.COMPLETE, 0.7, {1: 0.5, 2: 0.7})


def test_a_stopped_trial_is_pruned_with_its_last_value(searcher):
    for trial_id in ("a", "b", "c"):
        searcher.suggest(trial_id)
    searcher.on_trial_result("c", result(0.5, 1))
    searcher.on_trial_complete("c", result(0.6, 2))
    (trial,) = told(searcher)
    assert (trial.state, trial.value, trial.intermediate_values) == (TrialState.PRUNED, 0.6, {1: 0.5, 2: 0.6})


@pytest.mark.parametrize(
    "end", [{"result": None, "error": True}, {"result": result(math.nan, 1, True)}, {"result": None}, {"result": {}}]
)
def test_a_failed_trial_has_failed(searcher, end):
    for trial_id in ("a", "b", "c"):
        searcher.suggest(trial_id)
    searcher.on_trial_complete("c", **end)
    assert [trial.state for trial in told(searcher)] == [TrialState.FAIL]


def test_a_diverged_trial_is_the_worst_not_lost(searcher):
    for trial_id in ("a", "b", "c"):
        searcher.suggest(trial_id)
    searcher.on_trial_complete("c", result(0.0, 1, finished=True))
    assert [(trial.state, trial.value) for trial in told(searcher)] == [(TrialState.COMPLETE, 0.0)]


def test_an_epoch_told_twice_counts_once(searcher, recwarn):
    for trial_id in ("a", "b", "c"):
        searcher.suggest(trial_id)
    for _ in range(2):
        searcher.on_trial_result("c", result(0.5, 1))
    assert told(searcher)[0].intermediate_values == {1: 0.5}
    assert not [warning for warning in recwarn if "already reported" in str(warning.message)]


def test_baselines_tell_optuna_nothing(searcher):
    searcher.suggest("a")
    searcher.on_trial_result("a", result(0.5, 1))
    searcher.on_trial_complete("a", result(0.5, 4, finished=True))
    assert told(searcher) == []


def test_a_restored_searcher_goes_on_as_the_old_one_would(searcher):
    for index in range(6):
        searcher.suggest(f"t{index}")
    for index in range(2, 6):
        searcher.on_trial_complete(f"t{index}", result(0.1 * index, 4, finished=True))
    restored = make_searcher(tiny_study(), seed=9)
    restored.set_state(pickle.loads(pickle.dumps(searcher.get_state())))
    assert [restored.suggest(f"u{index}") for index in range(3)] == [
        searcher.suggest(f"u{index}") for index in range(3)
    ]
