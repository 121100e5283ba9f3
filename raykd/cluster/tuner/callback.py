"""Tells a `Progress`, and other processes by a `StatusFile`, what Tune hears of trials; ends a search when asked to."""

import math
import signal
import threading
from typing import Any, ClassVar

from ray.tune import Callback
from ray.tune.experiment import Trial

from raykd.cluster.tuner.disk_pruning import Pruning
from raykd.cluster.tuner.ended_trials import UNFINISHED, EndedTrials, Record
from raykd.cluster.tuner.saved_parts import save_with
from raykd.cluster.tuner.trials import Trials
from raykd.protocols.epoch import METRIC
from raykd.reporting.progress import Progress
from raykd.runs.status import StatusFile, TrialOutcome, is_asked_to_stop


class ProgressCallback(Callback):
    """Tune brings its callbacks back in a resumed search as they were made; what is this process's own is the class's.

    A search that is asked to stop gets no new trial (`TrialGenerator`) and no new epoch (`ASHA`). When the last running
    epoch has ended, it is interrupted as by Ctrl-C.
    """

    progress: ClassVar[Progress | None] = None
    status_file: ClassVar[StatusFile | None] = None
    records: ClassVar[EndedTrials]
    ended: ClassVar[dict[str, TrialOutcome]]
    stopping: ClassVar[bool] = False
    _pruning: ClassVar[Pruning]
    _left: ClassVar[list[Record]]
    _waiting: ClassVar[set[str]]  # ids of the trials that have been told to train no further epoch

    def __init__(self, trials: Trials):
        self._trials = trials
        self._names: dict[str, str] = {}
        self._started: dict[str, Trial] = {}  # by id, that have not ended

    @classmethod
    def begin(cls, progress: Progress, status_file: StatusFile, pruning: Pruning) -> None:
        """Reports to these from now on, and forgets the trials of the search before."""
        cls.progress, cls.status_file, cls._pruning = progress, status_file, pruning
        cls.records, cls.ended, cls.stopping, cls._waiting = EndedTrials(), {}, False, set()
        cls._left = []

    @classmethod
    def found(cls) -> list[Record]:
        """A record of each trial that was begun, once by its name; of a search that Tune has ended."""
        return [*({record.name: record for record in (*cls._left, *cls.records)}).values()]

    @classmethod
    def go_on(cls, controller: Any) -> list[Record]:
        """Lets Tune save what is known of a search; with the first trial of one that is resumed, brings it back.

        Returns:
            The trials that have ended, that once. Tune's own state of a trial would not tell: one that Ctrl-C has cut
            off has the state of one that has ended.
        """
        if cls.progress is None:
            return []
        # A resumed controller adds the trials that it still has before it asks for a new one (Ray 2.60). So the first
        # of them is the moment to bring back what the search knew: the next suggestion already builds on it.
        search = controller.search_alg
        saved = save_with(controller, ended=lambda: cls.records.to_save(), search=search.to_save)
        if not saved:
            return []
        search.go_on(saved["search"])
        cls.records = EndedTrials(saved["ended"])
        cls.ended.update({record.name: record.end for record in cls.records})
        # The pruning begins anew with each driver: all that ended before is told it again, and deleted again at most.
        for name, end in cls.ended.items():
            cls._pruning.ended(name, end)
        complete = {name: end.accuracy if end.kind == "complete" else None for name, end in cls.ended.items()}
        cls.progress.resume(complete)
        return list(cls.records)

    @classmethod
    def holds(cls, trial: Trial) -> bool:
        """Whether a trial that has just ended an epoch shall train no further one."""
        if cls.stopping:
            cls._waiting.add(trial.trial_id)
        return cls.stopping

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._started[trial.trial_id] = trial

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        if self.progress is not None:
            self.progress.epoch()

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        last = trial.last_result
        value = last[METRIC] if last.get("finished") and not last["error"] else None
        self._end(trial, summary(last), value, died=False)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._end(trial, "its slot died again and again", None, died=True)

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        if self.status_file is None:
            return
        self._started = {name: trial for name, trial in self._started.items() if not trial.is_finished()}
        training = [trial for trial in self._started.values() if trial.status == Trial.RUNNING]  # others are restarted
        running = tuple(self._name(trial) for trial in training)
        self.status_file.change(doing="stopping after the running epochs" if self.stopping else "", running=running)
        if threading.current_thread() is not threading.main_thread():
            return  # nobody could interrupt it there: it goes on to its end
        if not self.stopping and is_asked_to_stop(self._trials.folder):
            type(self).stopping = True
        # Tune's own handler of Ctrl-C, which it sets in the main thread alone, lets its loop end after this step, save
        # once more and give back what it has. A trial that Tune starts again is in no epoch, and is not waited for.
        if self.stopping and all(trial.trial_id in self._waiting for trial in training):
            signal.raise_signal(signal.SIGINT)

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        type(self)._left = [Record.of(trial, self._name(trial), UNFINISHED) for trial in trials]

    def _end(self, trial: Trial, said: str, value: float | None, died: bool) -> None:
        if self.progress is None or self.status_file is None:
            return
        name = self._name(trial)
        record = Record.of(trial, name, kind_of_end(trial.last_result or {}, died))
        end = record.end
        self.records.add(record)
        self.ended[name] = end
        del self._names[trial.trial_id]
        self.progress.trial(name, said, value, failed=end.kind == "failed")
        self.status_file.change(ended=dict(self.ended))
        self._pruning.ended(name, end)
        self._pruning.prune()

    def _name(self, trial: Trial) -> str:
        if trial.trial_id not in self._names:
            self._names[trial.trial_id] = self._trials.name(trial.config)
        return self._names[trial.trial_id]


def kind_of_end(last: dict[str, Any], died: bool) -> str:
    """How a trial ended, from its last result: complete, stopped, diverged or failed."""
    if last.get("error") or died:
        return "failed"
    if last.get("diverged"):
        return "diverged"
    if last.get("finished"):
        return "complete"
    return "stopped"


def summary(result: dict[str, Any]) -> str:
    """A trial's last result in a few words."""
    if result.get("error"):
        return f"failed, {result['error']}"
    value, epoch = result.get(METRIC, math.nan), result.get("epoch", 0)
    if result.get("diverged"):
        return f"diverged in epoch {epoch}"
    return f"{METRIC} {value:.4f} after {epoch} epochs{'' if result.get('finished') else ', stopped'}"
