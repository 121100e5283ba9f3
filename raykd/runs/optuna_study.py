"""A search's trials as a study of Optuna's in a journal, written one by one as they begin, train and end."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.storages import JournalStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial

from raykd.protocols.event import METRIC
from raykd.storage.journal import JournalFile

TRIAL = "trial"  # the user attribute that has a trial's name


class OptunaStudy:
    """The only study of a journal.

    What has ended there stays as it is, as Optuna wants it: one that failed and is tried once more is a trial anew.

    Args:
        file: the journal; made where it is missing.
        name: of the study, if it is made.
        goal: what is to be low beside accuracy, if anything is.
    """

    def __init__(self, file: Path, name: str, goal: str | None = None):
        self._storage = JournalStorage(JournalFile(file))
        if not self._storage.get_all_studies():
            _make(self._storage, name, goal)
        (study,) = self._storage.get_all_studies()
        self._id = self._storage.get_study_id_from_name(study.study_name)
        self._ids = dict[str, int]()  # by the names of trials; of one that was tried again the last
        for trial in self._storage.get_all_trials(self._id, deepcopy=False):
            if TRIAL in trial.user_attrs:
                id_ = self._storage.get_trial_id_from_study_id_trial_number(self._id, trial.number)
                self._ids[trial.user_attrs[TRIAL]] = id_

    def state(self, trial: str) -> TrialState | None:
        """How it is with the trial of this name; None where there is none."""
        return self._storage.get_trial(self._ids[trial]).state if trial in self._ids else None

    def running(self) -> list[str]:
        """The names of the trials that have not ended."""
        return [name for name in self._ids if self.state(name) == TrialState.RUNNING]

    def begin(
        self,
        trial: str,
        values: Mapping[str, Any],
        distributions: Mapping[str, BaseDistribution],
        attributes: Mapping[str, Any],
    ) -> None:
        """Adds a trial that runs; `distributions` has one for each value."""
        begun = create_trial(
            state=TrialState.RUNNING,
            params=dict(values),
            distributions=dict(distributions),
            user_attrs={TRIAL: trial, **attributes},
        )
        self._ids[trial] = self._storage.create_new_trial(self._id, begun)

    def report(self, trial: str, epoch: int, value: float) -> None:
        """Adds what an epoch of a running trial gave, once."""
        if epoch not in self._storage.get_trial(self._ids[trial]).intermediate_values:
            self._storage.set_trial_intermediate_value(self._ids[trial], epoch, value)

    def end(self, trial: str, state: TrialState, values: list[float] | None, attributes: Mapping[str, Any]) -> None:
        """Ends a running trial; one that failed has no values, nor has one of two goals that was stopped."""
        for name, attribute in attributes.items():
            self._storage.set_trial_user_attr(self._ids[trial], name, attribute)
        self._storage.set_trial_state_values(self._ids[trial], state, values)

    def attribute(self, trial: str, name: str) -> Any:
        """A user attribute of a trial."""
        return self._storage.get_trial(self._ids[trial]).user_attrs[name]

    def noted(self, name: str) -> Any:
        """A user attribute of the study itself; None where there is none."""
        return self._storage.get_study_user_attrs(self._id).get(name)

    def note(self, name: str, attribute: Any) -> None:
        """Sets a user attribute of the study itself."""
        if self.noted(name) != attribute:
            self._storage.set_study_user_attr(self._id, name, attribute)


def _make(storage: JournalStorage, name: str, goal: str | None) -> None:
    storage.create_new_study([StudyDirection.MAXIMIZE, *([StudyDirection.MINIMIZE] if goal else [])], name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        optuna.load_study(study_name=name, storage=storage).set_metric_names([METRIC, *([goal] if goal else [])])
