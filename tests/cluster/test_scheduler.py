"""ASHA: a trial that falls behind at a rung is stopped, a baseline never is."""

import pytest
from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler

from raykd.cluster.scheduler import Rungs


def trial(name, **config):
    return Trial("stub", stub=True, trial_id=name, config=config)


def result(value, epoch, finished=False):
    return {"val/accuracy": value, "epoch": epoch, "finished": finished, "error": ""}


@pytest.fixture
def scheduler(study):
    made = Rungs(study)
    for index, value in enumerate((0.9, 0.8, 0.7)):
        better = trial(f"better{index}", number=index)
        made.on_trial_add(None, better)
        made.on_trial_result(None, better, result(value, 2))
    return made


def test_a_trial_that_falls_behind_at_a_rung_is_stopped(scheduler):
    behind = trial("behind", number=5)
    scheduler.on_trial_add(None, behind)
    assert scheduler.on_trial_result(None, behind, result(0.1, 1)) == TrialScheduler.CONTINUE
    assert scheduler.on_trial_result(None, behind, result(0.1, 2)) == TrialScheduler.STOP


def test_a_trial_that_leads_goes_on(scheduler):
    leader = trial("leader", number=5)
    scheduler.on_trial_add(None, leader)
    assert scheduler.on_trial_result(None, leader, result(0.95, 2)) == TrialScheduler.CONTINUE


def test_a_baseline_is_never_stopped(scheduler):
    baseline = trial("baseline", baseline="student alone")
    scheduler.on_trial_add(None, baseline)
    assert scheduler.on_trial_result(None, baseline, result(0.0, 2)) == TrialScheduler.CONTINUE
    scheduler.on_trial_complete(None, baseline, result(0.0, 4, finished=True))
