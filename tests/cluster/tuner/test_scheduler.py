"""ASHA: a trial that falls behind at a rung is stopped, a baseline never is."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from controllers import add, new_controller
from optuna.distributions import CategoricalDistribution, IntDistribution
from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler
from small_studies import tiny_study

import tiny
from raykd.cluster.tuner.callback import ProgressCallback
from raykd.cluster.tuner.ended_trials import Record
from raykd.cluster.tuner.history import History
from raykd.cluster.tuner.scheduler import ASHA
from raykd.cluster.tuner.trials import Trials
from raykd.optim import SGD, Cosine
from raykd.storage.local import LocalStorage
from raykd.studies.grace import most_epochs

CONTROLLER: Any = SimpleNamespace(_tune_controller=SimpleNamespace())


def trial(name, **config):
    return Trial("stub", stub=True, trial_id=name, config={"values": tiny_study().complete({})} | config)


def result(value, epoch, finished=False):
    return {"val/accuracy": value, "epoch": epoch, "finished": finished, "error": ""}


@pytest.fixture
def trials(study, tmp_path):
    return Trials(study, tmp_path, LocalStorage(root=tmp_path))


@pytest.fixture
def scheduler(study, trials):
    made = ASHA(study, trials)
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


def test_a_baseline_and_a_first_setting_are_what_others_are_judged_by(study, trials):
    made = ASHA(study, trials)
    for name, config in (("plain", {"baseline": "plain KD"}), ("first", {"number": 0, "first": True})):
        protected = trial(name, **config)
        made.on_trial_add(CONTROLLER, protected)
        assert made.on_trial_result(CONTROLLER, protected, result(0.5, 2)) == TrialScheduler.CONTINUE
    drawn, better, worse = (trial(name, number=1, first=False) for name in ("drawn", "better", "worse"))
    for added in (drawn, better, worse):
        made.on_trial_add(CONTROLLER, added)
    assert made.on_trial_result(CONTROLLER, drawn, result(0.4, 2)) == TrialScheduler.STOP
    assert made.on_trial_result(CONTROLLER, better, result(0.6, 2)) == TrialScheduler.CONTINUE
    late = trial("late", number=2, first=True)
    made.on_trial_add(CONTROLLER, late)
    assert made.on_trial_result(CONTROLLER, late, result(0.1, 2)) == TrialScheduler.CONTINUE


def test_a_baseline_that_is_no_setting_takes_no_part(study, trials):
    made, alone = ASHA(study, trials), Trial("stub", stub=True, trial_id="alone", config={"baseline": "student alone"})
    made.on_trial_add(CONTROLLER, alone)
    assert made.on_trial_result(CONTROLLER, alone, result(0.9, 2)) == TrialScheduler.CONTINUE
    made.on_trial_complete(CONTROLLER, alone, result(0.9, 4, finished=True))
    assert all(not recorded for _, recorded in made._brackets[0]._rungs)


def test_a_trial_is_judged_when_its_own_recipe_can_be(trials):
    """A route's last leg begins at epoch 6 of 12: its trial is judged at 9, so at none of the rungs 6 and 12."""
    study = tiny_study(recipe=tiny.recipe(epochs=12, optimiser=SGD(schedule=Cosine())), grace=None, reduction=2)
    made = ASHA(study, replace(trials, study=study))
    for name, value in (("plain", 0.5), ("worse", 0.4)):
        plain = trial(name, number=0, values=study.complete({}))
        made.on_trial_add(CONTROLLER, plain)
        told = [made.on_trial_result(CONTROLLER, plain, result(value, epoch)) for epoch in range(1, 7)]
    assert told == ["CONTINUE"] * 5 + ["STOP"]
    late = trial("late", number=1, values=study.complete({"route": "equal interval"}))
    made.on_trial_add(CONTROLLER, late)
    assert {made.on_trial_result(CONTROLLER, late, result(0.1, epoch)) for epoch in range(1, 12)} == {"CONTINUE"}
    made.on_trial_complete(CONTROLLER, late, result(0.9, 12, finished=True))
    assert [set(recorded) for epoch, recorded in made._brackets[0]._rungs if epoch == 6] == [{"plain", "worse"}]


@pytest.mark.parametrize("left", [0, 1, 3])
def test_a_resumed_search_knows_the_trials_before_it(study, trials, scheduler, monkeypatch, left):
    """Those that have ended from the first, `left` others when Tune adds them: each of them once."""
    history, judged = History(), {}
    monkeypatch.setattr(ProgressCallback, "history", history)
    known = [
        trial(f"known{index}", number=index, values=study.complete({"optimiser/lr": 0.02 + index / 100}))
        for index in range(3)
    ]
    names = {trials.name(one.config): one.trial_id for one in known}
    for index, (one, value) in enumerate(zip(known, (0.9, 0.8, 0.7), strict=True)):
        name = trials.name(one.config)
        history.begin(name, one.config)
        for number in (1, 2, 3):
            history.epoch(name, number, value * number / 2, is_last=False)
        if index >= left:
            judged[name] = history.begun[name].epochs
            history.end(Record.of(one, name, "stopped"), of_tune="", again=False)
    resumed = ASHA(study, trials, judged)
    for one in known[:left]:
        resumed.on_trial_add(CONTROLLER, one)
    assert [
        (milestone, {names.get(name, name).replace("known", "better"): value for name, value in recorded.items()})
        for milestone, recorded in resumed._brackets[0]._rungs
    ] == scheduler._brackets[0]._rungs


def test_one_that_had_failed_and_is_tried_again_is_compared_with_once(study, trials, monkeypatch):
    history, one = History(), trial("again", number=0)
    monkeypatch.setattr(ProgressCallback, "history", history)
    name = trials.name(one.config)
    history.begin(name, one.config)
    begun = history.begun[name]
    history.epoch(name, 2, 0.5, is_last=False)
    history.end(Record.of(one, name, "failed"), of_tune="", again=True)
    history.begun[name] = begun
    made = ASHA(study, trials, {name: {2: 0.5}})
    made.on_trial_add(CONTROLLER, one)
    assert [recorded for milestone, recorded in made._brackets[0]._rungs if milestone == 2] == [{"again": 0.5}]


def test_a_trial_is_held_where_the_search_is_to_stop(scheduler, monkeypatch):
    monkeypatch.setattr(ProgressCallback, "stopping", True)
    monkeypatch.setattr(ProgressCallback, "_waiting", set(), raising=False)
    baseline, behind = trial("baseline", baseline="student alone"), trial("behind", number=5)
    for added in (baseline, behind):
        scheduler.on_trial_add(CONTROLLER, added)
    assert scheduler.on_trial_result(CONTROLLER, baseline, result(0.0, 2)) == TrialScheduler.NOOP
    assert scheduler.on_trial_result(CONTROLLER, behind, result(0.1, 1)) == TrialScheduler.NOOP
    assert scheduler.on_trial_result(CONTROLLER, behind, result(0.1, 2)) == TrialScheduler.STOP
    assert ProgressCallback._waiting == {"baseline", "behind"}


def searching_epochs(epochs):
    """The tiny study with its epochs searched too."""
    return tiny_study(ranges={**tiny_study().ranges, "epochs": epochs}, grace=6)


def test_epochs_at_most_are_the_recipes_or_the_upper_end_of_their_range():
    assert most_epochs(tiny_study()) == 4
    assert most_epochs(searching_epochs(IntDistribution(2, 6))) == 6
    assert most_epochs(searching_epochs(CategoricalDistribution([2, 8, 4]))) == 8


def test_a_trial_of_more_epochs_than_the_base_recipe_has_trains_them_all(trials):
    made = ASHA(searching_epochs(IntDistribution(2, 6)), trials)
    longer = trial("longer", number=0)
    made.on_trial_add(CONTROLLER, longer)
    assert [made.on_trial_result(CONTROLLER, longer, result(0.5, epoch)) for epoch in range(1, 6)] == ["CONTINUE"] * 5


@pytest.mark.usefixtures("ray_cluster")
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_the_first_trial_that_waits_is_run_next(study, trials, tmp_path, monkeypatch):
    monkeypatch.setattr(ProgressCallback, "history", History())
    scheduler = ASHA(study, trials)
    controller = new_controller(tmp_path, scheduler=scheduler)
    second, running, first = (add(controller, f"t_000{number}", "PENDING") for number in ("10", "08", "09"))
    running.set_status(Trial.RUNNING)
    assert scheduler.choose_trial_to_run(controller._wrapped()) is first
    first.set_status(Trial.RUNNING)
    second.set_status(Trial.RUNNING)
    assert scheduler.choose_trial_to_run(controller._wrapped()) is None
