"""A listener that keeps a search in an Optuna storage too: `optuna.journal` in its folder, written as it goes.

    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend("runs/NAME/optuna.journal"))
    optuna.load_study(study_name=None, storage=storage).trials_dataframe()

A trial of the search is one of Optuna's: its setting, the validation accuracy of each epoch, and how it ended. What
belongs to a choice that was not taken is no parameter of it. Stopped trials are pruned, with their last value; those
that diverged or failed have failed. As user attributes they have their name, the setting in words, the beginning of the
recipe's fingerprint, the outcome, and of a baseline that it is one.

Runs of the confirmation, and a baseline that is no setting of the study, are no trials there: without parameters, or
with those of another trial, they would confuse importances and whoever samples from the study. What they gave stands
in user attributes of the study. So does what the test split said: Optuna lets nobody change a trial that has ended.
"""

import csv
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.trial import TrialState

from raykd.protocols.event import (
    METRIC,
    EpochEnded,
    Event,
    SearchBegan,
    SearchEnded,
    SearchResumed,
    TrialBegan,
    TrialEnded,
)
from raykd.protocols.outcome import CONFIRMATION, TrialOutcome
from raykd.runs.optuna_study import OptunaStudy
from raykd.runs.result import SUMMARY, TABLE
from raykd.runs.trial import VALUES, read_epochs
from raykd.space.ranges import holds
from raykd.space.serialise import fingerprint
from raykd.storage.layout import JOURNAL, TRIALS
from raykd.storage.storage import Storage
from raykd.studies.study import Study
from raykd.studies.words import in_a_few_words

OUTCOME = "outcome"
_STATES = {"complete": TrialState.COMPLETE, "stopped": TrialState.PRUNED}  # all else has failed
APART = "baselines and confirmation"  # the study's attribute that has what is no trial of Optuna's, by trial
_DIGITS = 8  # of a recipe's fingerprint, at the end of a trial's name


class OptunaJournal:
    """What a resumed search finds missing in its journal it writes from the trials' own records.

    Args:
        study: that is searched.
        storage: that the search lies in.
        cost: that is a second goal, of a setting; None where accuracy is the only one.
    """

    def __init__(self, study: Study, storage: Storage, cost: Callable[[Mapping[str, Any]], float] | None = None):
        self._study, self._storage, self._cost = study, storage, cost
        self._apart = dict[str, dict[str, Any]]()

    def __call__(self, event: Event, /) -> None:
        match event:
            case SearchBegan(folder=folder, ranges=ranges):
                self._folder, self._ranges = folder, ranges
                self._journal = OptunaStudy(folder / JOURNAL, folder.name, self._study.pareto)
                self._apart = dict(self._journal.noted(APART) or {})
                self._journal.note("study", self._study.name)
                self._journal.note("recipe", fingerprint(self._study.recipe))
            case SearchResumed(ended=ended):
                for name, outcome in ended.items():
                    self._make_up(name, outcome)
            case TrialBegan(trial=name, setting=setting, values=values):
                self._begin(name, setting, values)
            case EpochEnded(trial=name, number=number, metrics=metrics):
                if self._runs(name):
                    self._journal.report(name, number, metrics[METRIC])
            case TrialEnded(trial=name, outcome=outcome, error=error):
                self._end(name, outcome, error)
            case SearchEnded():
                self._close(event)
            case _:
                pass

    def _runs(self, trial: str) -> bool:
        return self._journal.state(trial) == TrialState.RUNNING

    def _begin(self, trial: str, setting: str, values: Mapping[str, Any]) -> None:
        if trial.startswith(CONFIRMATION) or not values:
            self._apart[trial] = {"setting": setting}
        elif self._journal.state(trial) in (None, TrialState.FAIL):
            attributes: dict[str, Any] = {"setting": setting, "recipe": trial[-_DIGITS:]}
            attributes["baseline"] = not trial.startswith("trial-")
            if self._cost is not None and self._study.pareto is not None:
                attributes[self._study.pareto] = self._cost(values)
            self._journal.begin(trial, values, self._distributions(values), attributes)

    def _distributions(self, values: Mapping[str, Any]) -> dict[str, BaseDistribution]:
        """Of each path one for all trials where that can be, as Optuna compares what has the same one."""
        chosen = {path: value for path, value in values.items() if path in self._study.choices}
        own = self._study.ranges_of(chosen)
        return {
            path: self._ranges[path] if holds(self._ranges[path], value) else own[path]
            for path, value in values.items()
        }

    def _end(self, trial: str, outcome: TrialOutcome, error: str = "") -> None:
        if trial in self._apart or trial.startswith(CONFIRMATION):
            told = {OUTCOME: outcome.kind, METRIC: outcome.accuracy}
            self._apart[trial] = self._apart.get(trial, {}) | told
            self._journal.note(APART, self._apart)
            return
        if self._journal.state(trial) is None:  # its workers never came up
            self._journal.begin(trial, {}, {}, {})
        if self._runs(trial):
            attributes = {OUTCOME: outcome.kind} | ({"error": error} if error else {})
            state = _STATES.get(outcome.kind, TrialState.FAIL)
            self._journal.end(trial, state, self._values(trial, state, outcome.accuracy), attributes)

    def _values(self, trial: str, state: TrialState, accuracy: float | None) -> list[float] | None:
        """What a trial's end has for each goal."""
        if state == TrialState.FAIL or accuracy is None:
            return None
        if self._study.pareto is None:
            return [accuracy]
        return [accuracy, self._journal.attribute(trial, self._study.pareto)] if state == TrialState.COMPLETE else None

    def _make_up(self, trial: str, outcome: TrialOutcome) -> None:
        """Writes what is missing of a trial that ended before this process began."""
        if self._journal.state(trial) not in (None, TrialState.RUNNING) or METRIC in self._apart.get(trial, {}):
            return
        folder = self._folder / TRIALS / trial
        values: dict[str, Any] = json.loads(self._storage.read(folder / VALUES) or b"{}")
        words = trial[: -_DIGITS - 1].replace("-", " ")
        if "trial-" in trial and values:
            words = in_a_few_words(self._study.recipe_of(values), self._study.recipe)
        if values or not trial.startswith("trial-"):
            self._begin(trial, words, values)
        if self._runs(trial):
            for epoch in read_epochs(folder)[: outcome.epochs]:
                self._journal.report(trial, epoch["number"], epoch[METRIC])
        self._end(trial, outcome)

    def _close(self, event: SearchEnded) -> None:
        summary = json.loads((self._folder / SUMMARY).read_text())
        self._journal.note("best", event.best)
        self._journal.note("verdict", event.verdict)
        if event.interrupted:
            return
        for trial in self._journal.running():  # a killed driver had begun it, and another setting took its number
            self._journal.end(trial, TrialState.FAIL, None, {OUTCOME: "left"})
        self._journal.note("test/accuracy", _tested(self._folder / TABLE))
        self._journal.note("teacher test/accuracy", summary["teacher"])
        self._journal.note("confirmed", summary["confirmed"])


def _tested(table: Path) -> dict[str, float]:
    """The test accuracies of those trials for which the test split was read."""
    with table.open(newline="") as file:
        found = {row["name"]: float(row["test/accuracy"] or "nan") for row in csv.DictReader(file)}
    return {name: accuracy for name, accuracy in found.items() if not math.isnan(accuracy)}
