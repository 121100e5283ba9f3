"""What a search says of itself, and how it ends when it is asked to."""

import io
import pickle
import signal
from types import SimpleNamespace
from typing import Any

import pytest
from controllers import add, new_controller
from ray.tune.experiment import Trial
from rich.console import Console
from small_studies import tiny_study

from raykd.cluster.tuner.callback import ProgressCallback
from raykd.cluster.tuner.disk_pruning import Pruning
from raykd.cluster.tuner.trials import Trials
from raykd.reporting.progress import Progress
from raykd.runs.status import StatusFile, TrialOutcome, ask_to_stop, read_status
from raykd.storage.local import LocalStorage


@pytest.fixture
def raised(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The signals that were raised, none of which comes through."""
    numbers: list[int] = []
    monkeypatch.setattr(signal, "raise_signal", numbers.append)
    return numbers


@pytest.fixture
def watch(study, tmp_path):
    ProgressCallback.begin(
        Progress(5, Console(file=io.StringIO())),
        StatusFile(tmp_path, 5),
        Pruning(tmp_path, LocalStorage(root=tmp_path)),
    )
    yield ProgressCallback(Trials(study, tmp_path, LocalStorage(root=tmp_path)))
    ProgressCallback.progress, ProgressCallback.status_file, ProgressCallback.stopping = None, None, False


def trial(number: int, status: str = Trial.RUNNING, **result: Any) -> Trial:
    values = tiny_study().complete({"optimiser/lr": 0.02 + number / 100})
    made = Trial("stub", stub=True, trial_id=f"t{number}", config={"number": number, "values": values})
    made.set_status(status)
    if result:
        made.update_last_result({"error": "", "training_iteration": 1, "time_total_s": 1.0} | result)
    return made


def step(watch: ProgressCallback, *trials: Trial) -> None:
    """A step of Tune's, before which those that run have started."""
    for trial in trials:
        if trial.status == Trial.RUNNING:
            watch.on_trial_start(iteration=1, trials=list(trials), trial=trial)
    watch.on_step_end(iteration=1, trials=list(trials))


def test_a_search_that_is_to_stop_is_interrupted_when_the_last_running_epoch_has_ended(watch, raised, tmp_path):
    first, second, waiting = trial(0), trial(1), trial(2, Trial.PENDING)
    step(watch, first, second, waiting)
    assert not ProgressCallback.holds(first)
    ask_to_stop(tmp_path)
    step(watch, first, second, waiting)
    assert (ProgressCallback.stopping, raised) == (True, [])
    assert ProgressCallback.holds(first)
    step(watch, first, second, waiting)
    assert raised == []
    second.set_status(Trial.TERMINATED)  # its last epoch
    step(watch, first, second, waiting)
    assert raised == [signal.SIGINT]


def test_a_search_whose_trials_all_wait_stops_at_once(watch, raised, tmp_path):
    ask_to_stop(tmp_path)
    step(watch, trial(0, Trial.PENDING))
    assert raised == [signal.SIGINT]


def test_others_read_what_runs_and_what_has_ended(watch, tmp_path):
    ends = {
        "complete": trial(0, **{"val/accuracy": 0.5, "epoch": 4, "finished": True}),
        "stopped": trial(1, **{"val/accuracy": 0.25, "epoch": 2, "finished": False}),
        "diverged": trial(2, **{"val/accuracy": 0.0, "epoch": 1, "finished": True, "diverged": True}),
        "failed": trial(3, **{"val/accuracy": float("nan"), "epoch": 0, "finished": True, "error": "no memory"}),
    }
    for ended in ends.values():
        watch.on_trial_complete(iteration=1, trials=[], trial=ended)
    assert watch.status_file is not None
    step(watch, trial(4))
    watch.status_file.change(at_once=True)
    state = read_status(tmp_path)
    assert state is not None
    assert [(end.kind, end.accuracy, end.epochs) for end in state.ended.values()] == [
        ("complete", 0.5, 4),
        ("stopped", 0.25, 2),
        ("diverged", 0.0, 1),
        ("failed", None, 0),
    ]
    assert [name[:10] for name in state.running] == ["trial-0004"]
    assert (state.failed, state.best) == (1, (next(iter(state.ended)), 0.5))


def test_each_trial_that_was_begun_is_found_once(watch):
    ended, left = (trial(number, **{"val/accuracy": 0.5, "epoch": 2, "finished": True}) for number in range(2))
    watch.on_trial_complete(iteration=1, trials=[ended, left], trial=ended)
    watch.on_experiment_end(trials=[ended, left])  # Tune keeps the last trial that has ended
    assert [(record.id, record.end.kind) for record in watch.found()] == [("t0", "complete"), ("t1", "unfinished")]


@pytest.mark.usefixtures("ray_cluster")
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_what_tune_leaves_is_found_when_it_ends(watch, tmp_path):
    controller = new_controller(tmp_path, watch)
    for name in ("a", "b"):
        add(controller, name, "PENDING")
    controller.cleanup()  # also of a search that was interrupted
    assert [(record.id, record.end.kind) for record in watch.found()] == [("a", "unfinished"), ("b", "unfinished")]


class Searching:
    """A search that counts what it has given out."""

    count = 0

    def to_save(self) -> int:
        return self.count

    def go_on(self, saved: int) -> None:
        self.count = saved


def test_a_resumed_search_brings_back_what_has_ended(watch, tmp_path):
    controller = SimpleNamespace(search_alg=Searching())
    assert ProgressCallback.go_on(controller) == []
    controller.search_alg.count = 3
    ended = trial(0, **{"val/accuracy": 0.5, "epoch": 4, "finished": True})
    watch.on_trial_complete(iteration=1, trials=[], trial=ended)
    resumed: Any = SimpleNamespace(raykd=pickle.loads(pickle.dumps(controller.raykd)), search_alg=Searching())
    progress = Progress(5, Console(file=io.StringIO()))
    ProgressCallback.begin(progress, StatusFile(tmp_path, 5), Pruning(tmp_path, LocalStorage(root=tmp_path)))
    (record,) = ProgressCallback.go_on(resumed)
    assert (record.id, record.config, resumed.search_alg.count) == ("t0", ended.config, 3)
    assert ProgressCallback.ended == {record.name: TrialOutcome(kind="complete", accuracy=0.5, epochs=4)}
    assert (progress.done, progress.best) == (1, 0.5)
    assert ProgressCallback.go_on(resumed) == []
