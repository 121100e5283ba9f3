"""The events that a search makes of what Tune tells, and how it ends when it is asked to."""

import pickle
import signal
from types import SimpleNamespace
from typing import Any

import pytest
from controllers import add, new_controller
from ray.tune.experiment import Trial
from small_studies import tiny_study

from raykd.cluster.tuner.callback import ProgressCallback
from raykd.cluster.tuner.trials import Trials
from raykd.protocols.event import EpochEnded, SearchResumed, SearchStopping, TrialBegan, TrialEnded, TrialInterrupted
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
    ended, left = (trial(number, **{"val/accuracy": 0.5, "epoch": 2, "finished": True}) for number in range(2))
    callback.on_trial_complete(iteration=1, trials=[ended, left], trial=ended)
    callback.on_experiment_end(trials=[ended, left])  # Tune keeps the last trial that has ended
    assert [(record.id, record.end.kind) for record in callback.found()] == [("t0", "complete"), ("t1", "unfinished")]


@pytest.mark.usefixtures("ray_cluster")
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_what_tune_leaves_is_found_when_it_ends(callback, tmp_path):
    controller = new_controller(tmp_path, callback)
    for name in ("a", "b"):
        add(controller, name, "PENDING")
    controller.cleanup()  # also of a search that was interrupted
    assert [(record.id, record.end.kind) for record in callback.found()] == [("a", "unfinished"), ("b", "unfinished")]


class Searching:
    """A search that counts what it has given out."""

    count = 0

    def to_save(self) -> int:
        return self.count

    def go_on(self, saved: int) -> None:
        self.count = saved


def test_a_resumed_search_brings_back_what_has_ended(callback, told):
    controller = SimpleNamespace(search_alg=Searching())
    assert ProgressCallback.go_on(controller) == []
    controller.search_alg.count = 3
    ended = trial(0, **{"val/accuracy": 0.5, "epoch": 4, "finished": True})
    callback.on_trial_complete(iteration=1, trials=[], trial=ended)
    resumed: Any = SimpleNamespace(raykd=pickle.loads(pickle.dumps(controller.raykd)), search_alg=Searching())
    again: list[Any] = []
    ProgressCallback.begin(again.append, each_step=lambda: None)
    (record,) = ProgressCallback.go_on(resumed)
    assert (record.id, record.config, resumed.search_alg.count) == ("t0", ended.config, 3)
    assert [event.trial for event in told] == [record.name]
    assert again == [SearchResumed(ended={record.name: TrialOutcome(kind="complete", accuracy=0.5, epochs=4)})]
    assert ProgressCallback.go_on(resumed) == []
    assert len(again) == 1
