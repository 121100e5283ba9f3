"""The events that a search makes of what Tune tells, and how it ends when it is asked to."""

import signal
from typing import Any

import pytest
from ray.tune.experiment import Trial
from small_studies import tiny_study

from raykd.cluster.tuner.callback import ProgressCallback
from raykd.cluster.tuner.trials import Trials
from raykd.protocols.event import EpochEnded, SearchStopping, TrialBegan, TrialEnded, TrialInterrupted
from raykd.protocols.outcome import TrialOutcome
from raykd.runs.status import ask_to_stop
from raykd.storage.local import LocalStorage


@pytest.fixture
def raised(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The signals that were raised, none of which comes through."""
    numbers: list[int] = []
    monkeypatch.setattr(signal, "raise_signal", numbers.append)
    return numbers


@pytest.fixture
def told() -> list[Any]:
    """The events, and a word for each step of Tune's."""
    return []


@pytest.fixture
def callback(study, tmp_path, told):
    ProgressCallback.begin(told.append, each_step=lambda: told.append("step"))
    yield ProgressCallback(Trials(study, tmp_path, LocalStorage(root=tmp_path)))
    ProgressCallback.driver, ProgressCallback.stopping = None, False


def trial(number: int, status: str = Trial.RUNNING, **result: Any) -> Trial:
    values = tiny_study().complete({"optimiser/lr": 0.02 + number / 100})
    made = Trial("stub", stub=True, trial_id=f"t{number}", config={"number": number, "values": values})
    made.set_status(status)
    if result:
        made.update_last_result({"error": "", "training_iteration": 1, "time_total_s": 1.0} | result)
    return made


def begin(callback: ProgressCallback, *trials: Trial) -> None:
    """As the search does when it suggests them."""
    for trial in trials:
        ProgressCallback.history.begin(callback._trials.name(trial.config), trial.config)


def step(callback: ProgressCallback, *trials: Trial) -> None:
    """A step of Tune's, before which those that run have started."""
    for trial in trials:
        if trial.status == Trial.RUNNING:
            callback.on_trial_start(iteration=1, trials=list(trials), trial=trial)
    callback.on_step_end(iteration=1, trials=list(trials))


def test_a_search_that_is_to_stop_is_interrupted_when_the_last_running_epoch_has_ended(
    callback, raised, told, tmp_path
):
    first, second, waiting = trial(0), trial(1), trial(2, Trial.PENDING)
    step(callback, first, second, waiting)
    assert not ProgressCallback.holds(first)
    ask_to_stop(tmp_path)
    step(callback, first, second, waiting)
    assert (ProgressCallback.stopping, raised) == (True, [])
    assert told[-2:] == ["step", SearchStopping()]
    assert ProgressCallback.holds(first)
    step(callback, first, second, waiting)
    assert raised == []
    second.set_status(Trial.TERMINATED)  # its last epoch
    step(callback, first, second, waiting)
    assert raised == [signal.SIGINT]
    assert told.count(SearchStopping()) == 1


def test_a_search_whose_trials_all_wait_stops_at_once(callback, raised, tmp_path):
    ask_to_stop(tmp_path)
    step(callback, trial(0, Trial.PENDING))
    assert raised == [signal.SIGINT]


def tell_of(callback: ProgressCallback, trial: Trial, epoch: int, **more: Any) -> None:
    """A result of a trial, as Tune tells of it."""
    result = {"val/accuracy": epoch / 10, "epoch": epoch, "error": "", "finished": False} | more
    callback.on_trial_result(iteration=1, trials=[trial], trial=trial, result=result)
    trial.update_last_result(result | {"training_iteration": 1, "time_total_s": 1.0})


def test_a_trial_in_events(callback, told):
    one = trial(0)
    name = callback._trials.name(one.config)
    begin(callback, one)
    step(callback, one)
    for epoch in (1, 2):
        tell_of(callback, one, epoch)
    callback.on_trial_recover(iteration=1, trials=[one], trial=one)
    callback.on_trial_start(iteration=1, trials=[one], trial=one)
    tell_of(callback, one, 2)  # the epoch that its new workers go on from
    tell_of(callback, one, 3)
    tell_of(callback, one, 0, error="ValueError: no", finished=True)
    callback.on_trial_complete(iteration=1, trials=[one], trial=one)
    began = TrialBegan(trial=name, setting="lr 0.02", values=one.config["values"])
    first, second, third = (
        EpochEnded(trial=name, number=number, epochs=4, metrics={"val/accuracy": number / 10}) for number in (1, 2, 3)
    )
    failed = TrialOutcome(kind="failed", accuracy=0.0, epochs=0)
    ended = TrialEnded(trial=name, outcome=failed, error="ValueError: no")
    assert told == [began, "step", first, second, TrialInterrupted(trial=name), began, third, ended]


def test_how_trials_end(callback, told):
    ends = (
        trial(0, **{"val/accuracy": 0.5, "epoch": 4, "finished": True}),
        trial(1, **{"val/accuracy": 0.25, "epoch": 2, "finished": False}),
        trial(2, **{"val/accuracy": 0.0, "epoch": 1, "finished": True, "diverged": True}),
        trial(3, **{"val/accuracy": float("nan"), "epoch": 0, "finished": True, "error": "no memory"}),
    )
    for ended in ends:
        callback.on_trial_complete(iteration=1, trials=[], trial=ended)
    dead = trial(4, **{"val/accuracy": 0.125, "epoch": 3, "finished": False})
    callback.on_trial_error(iteration=1, trials=[], trial=dead)
    assert [(event.outcome.kind, event.outcome.accuracy, event.outcome.epochs, event.error) for event in told] == [
        ("complete", 0.5, 4, ""),
        ("stopped", 0.25, 2, ""),
        ("diverged", 0.0, 1, ""),
        ("failed", None, 0, "no memory"),
        ("failed", 0.125, 3, "its slot died again and again"),
    ]
    assert [event.trial[:10] for event in told] == [f"trial-000{number}" for number in range(5)]


def test_each_trial_that_was_begun_is_found_once(callback):
    ended, left, waiting = trial(0), trial(1), trial(2)
    begin(callback, ended, left, waiting)
    for one in (ended, left):
        tell_of(callback, one, 2)
    callback.on_trial_complete(iteration=1, trials=[], trial=ended)
    found = {record.config["number"]: record.end for record in ProgressCallback.history.found()}
    assert found == {
        0: TrialOutcome(kind="stopped", accuracy=0.2, epochs=2),
        1: TrialOutcome(kind="unfinished", accuracy=0.2, epochs=2),
        2: TrialOutcome(kind="unfinished", accuracy=None, epochs=0),
    }
