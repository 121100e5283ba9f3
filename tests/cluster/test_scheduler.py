"""ASHA: a trial that falls behind at a rung is stopped, a baseline never is."""

from typing import Any

import pytest
from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler

from raykd.cluster.scheduler import Rungs

CONTROLLER: Any = None  # the scheduler does not use it


def trial(name, **config):
    return Trial("stub", stub=True, trial_id=name, config=config)


def result(value, epoch, finished=False):
    return {"val/accuracy": value, "epoch": epoch, "finished": finished, "error": ""}


@pytest.fixture
def scheduler(study):
    made = Rungs(study)
    for index, value in enumerate((0.9, 0.8, 0.7)):
        better = trial(f"better{index}", number=index)
        made.on_trial_add(CONTROLLER, better)
        made.on_trial_result(CONTROLLER, better, result(value, 2))
    return made


def test_a_trial_that_falls_behind_at_a_rung_is_stopped(scheduler):
    behind = trial("behind", number=5)
    scheduler.on_trial_add(CONTROLLER, behind)
    assert scheduler.on_trial_result(CONTROLLER, behind, result(0.1, 1)) == TrialScheduler.CONTINUE
    assert scheduler.on_trial_result(CONTROLLER, behind, result(0.1, 2)) == TrialScheduler.STOP


def test_a_trial_that_leads_goes_on(scheduler):
    leader = trial("leader", number=5)
    scheduler.on_trial_add(CONTROLLER, leader)
    assert scheduler.on_trial_result(CONTROLLER, leader, result(0.95, 2)) == TrialScheduler.CONTINUE


def test_a_baseline_is_never_stopped(scheduler):
    baseline = trial("baseline", baseline="student alone")
    scheduler.on_trial_add(CONTROLLER, baseline)
    assert scheduler.on_trial_result(CONTROLLER, baseline, result(0.0, 2)) == TrialScheduler.CONTINUE
    scheduler.on_trial_complete(CONTROLLER, baseline, result(0.0, 4, finished=True))
