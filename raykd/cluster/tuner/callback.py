"""Turns what Tune hears of trials into the events of a search; ends a search when it is asked to."""

import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from ray.tune import Callback
from ray.tune.experiment import Trial

from raykd.cluster.tuner.ended_trials import Record, kind_of_end
from raykd.cluster.tuner.history import History
from raykd.cluster.tuner.trials import Trials
from raykd.cluster.workers.preparation import Preparation
from raykd.protocols.event import (
    METRIC,
    EpochEnded,
    Listener,
    SearchStopping,
    TrialBegan,
    TrialEnded,
    TrialInterrupted,
)
from raykd.runs.status import is_asked_to_stop


@dataclass(frozen=True, kw_only=True)
class _Driver:
    """What the process that runs a search gives the callback.

    Args:
        tell: is told of every event.
        each_step: called after each step of Tune's, some ten times a second.
    """

    tell: Listener
    each_step: Callable[[], None]


class _Known(NamedTuple):
    """What the events of a trial say of it, found out once: its recipe is made from its setting for that."""

    name: str
    epochs: int


class StoppedEarlyError(Exception):
    """A search was asked to stop before a trial began."""


class ProgressCallback(Callback):
    """What it shares with the searcher and the scheduler, which Tune does not bring together, is the class's.

    A search that is asked to stop gets no new trial (`TrialGenerator`) and no new epoch (`ASHA`). When the last running
    epoch has ended, it is interrupted as by Ctrl-C. Tune starts its first trials while their groups still make what all
    of them share: that they have begun is told when it is made.
    """

    driver: ClassVar[_Driver | None] = None
    history: ClassVar[History] = History()
    stopping: ClassVar[bool] = False
    preparation: ClassVar[Preparation | None] = None  # while it goes on
    _waiting: ClassVar[set[str]]  # ids of the trials that have been told to train no further epoch

    def __init__(self, trials: Trials):
        self._trials = trials
        self._known: dict[str, _Known] = {}  # by id, that have not ended
        self._started: dict[str, Trial] = {}  # by id, that have not ended

    @classmethod
    def begin(cls, tell: Listener, each_step: Callable[[], None], preparation: Preparation | None = None) -> None:
        """Tells this listener from now on, and forgets the trials of the search before.

        Args:
            each_step: called after each step of Tune's, some ten times a second.
            preparation: what goes on before the first trial begins.
        """
        cls.driver = _Driver(tell=tell, each_step=each_step)
        cls.history, cls.stopping, cls._waiting = History(), False, set()
        cls.preparation = preparation

    @classmethod
    def holds(cls, trial: Trial) -> bool:
        """Whether a trial that has just ended an epoch shall train no further one."""
        if cls.stopping:
            cls._waiting.add(trial.trial_id)
        return cls.stopping

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._started[trial.trial_id] = trial
        if self.preparation is None:
            self._tell_began(trial)

    def _tell_began(self, trial: Trial) -> None:
        if self.driver is not None:
            config, name = trial.config, self._about(trial).name
            setting, values = self._trials.setting(config), config.get("values", {})
            self.driver.tell(TrialBegan(trial=name, setting=setting, values=values))

    def on_trial_recover(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        if self.driver is not None and self.preparation is None:
            self.driver.tell(TrialInterrupted(trial=self._about(trial).name))

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        if self.preparation is not None:  # which has ended since the last step, or there would be no result
            self._look_at(self.preparation)
        if self.driver is None or result["error"]:
            return
        # Workers that go on with a trial first answer with its last epoch, which this or another driver may have heard
        # of before.
        about, number = self._about(trial), result["epoch"]
        if number > self.history.told(about.name):
            self.history.epoch(about.name, number, result[METRIC], is_last=bool(result.get("done")))
            metrics = {METRIC: result[METRIC]}
            self.driver.tell(EpochEnded(trial=about.name, number=number, epochs=about.epochs, metrics=metrics))

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        last = trial.last_result or {}
        self._end(trial, kind_of_end(last), last.get("error", ""))

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._end(trial, "failed", "its slot died again and again", again=True)

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        if self.driver is None:
            return
        self.driver.each_step()
        self.history.flush()
        self._started = {name: trial for name, trial in self._started.items() if not trial.is_finished()}
        if self.preparation is not None:
            self._look_at(self.preparation)
            return
        training = [trial for trial in self._started.values() if trial.status == Trial.RUNNING]  # others are restarted
        if threading.current_thread() is not threading.main_thread():
            return  # nobody could interrupt it there: it goes on to its end
        if not self.stopping and is_asked_to_stop(self._trials.folder):
            type(self).stopping = True
            self.driver.tell(SearchStopping())
        # Tune's own handler of Ctrl-C, which it sets in the main thread alone, lets its loop end after this step, save
        # once more and give back what it has. A trial that Tune starts again is in no epoch, and is not waited for.
        if self.stopping and all(trial.trial_id in self._waiting for trial in training):
            signal.raise_signal(signal.SIGINT)

    def _look_at(self, preparation: Preparation) -> None:
        assert self.driver is not None
        if preparation.look(self.driver.tell):
            type(self).preparation = None
            for trial in self._started.values():
                self._tell_began(trial)
        elif is_asked_to_stop(self._trials.folder):
            raise StoppedEarlyError  # Tune ends what it has begun, and hands it on

    def _end(self, trial: Trial, kind: str, error: str, *, again: bool = False) -> None:
        if self.driver is None:
            return
        name = self._about(trial).name
        del self._known[trial.trial_id]
        record = Record.of(trial, name, kind)
        self.history.end(record, of_tune=trial.trial_id, again=again)
        self.driver.tell(TrialEnded(trial=name, outcome=record.end, error=error))

    def _about(self, trial: Trial) -> _Known:
        if trial.trial_id not in self._known:
            epochs = self._trials.recipe(trial.config).epochs
            self._known[trial.trial_id] = _Known(self._trials.name(trial.config), epochs)
        return self._known[trial.trial_id]
