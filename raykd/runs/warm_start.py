"""What an earlier search has found, for the sampler of a new one: read from its `optuna.journal`.

Only trials are taken whose parameters are a setting of the new study: each of its choices and ranges has a value,
within it, and there is no other. A cost that is a second goal is not read, as the new search knows its own. Whether
their accuracies can be compared with those to come, as for the same data, teacher and epochs, is for whoever asks for
it to know.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.distributions import CategoricalDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from raykd.errors import InvalidError, MissingError
from raykd.runs.optuna_journal import OUTCOME
from raykd.space.ranges import holds
from raykd.storage.layout import JOURNAL
from raykd.studies.study import Study


@dataclass(frozen=True, kw_only=True)
class WarmStart:
    """Trials of another search.

    Args:
        file: that they were read from.
        known: those that are settings of the new study, as its sampler is told of them.
        left_out: the number of those that have a result too, and are none.
    """

    file: Path
    known: tuple[FrozenTrial, ...]
    left_out: int

    def __str__(self) -> str:
        outside = f", {self.left_out} left out: not within this study's space" if self.left_out else ""
        told = f"{len(self.known)} of {len(self.known) + self.left_out} trials of {self.file} are known to the sampler"
        return f"warm start: {told}{outside}"


def known_before(path: str | os.PathLike[str] | None, study: Study, *, begins: bool) -> WarmStart | None:
    """As `read_warm_start`, where there is a path; a search that goes on with its own trials refuses one."""
    if path is not None and not begins:
        raise InvalidError("warm_start begins a new search (--warm-start); leave it out to go on with one")
    return None if path is None else read_warm_start(path, study)


def read_warm_start(path: str | os.PathLike[str], study: Study) -> WarmStart:
    """What of a search is known to the sampler of a study.

    Args:
        path: the search's folder, or its journal.

    Raises:
        FileNotFoundError: there is no journal.
        ValueError: it cannot be read, or has no study of one value that is to be maximised, or of it and a cost.
    """
    file = Path(path).expanduser()
    file = file / JOURNAL if file.is_dir() else file
    if not file.is_file():
        raise MissingError(f"warm start: no {file}; needs the folder of a search, or its {JOURNAL}")
    found = [_known(study, trial) for trial in _trials(file) if _result(trial) is not None]
    known = tuple(trial for trial in found if trial is not None)
    return WarmStart(file=file, known=known, left_out=len(found) - len(known))


def _trials(file: Path) -> list[FrozenTrial]:
    try:
        storage = JournalStorage(JournalFileBackend(str(file)))
        studies = storage.get_all_studies()
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidError(f"warm start: {file} is no journal of Optuna's ({error})") from None
    wanted = [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE]
    if len(studies) != 1 or studies[0].directions not in (wanted[:1], wanted):
        raise InvalidError(
            f"warm start: {file} needs one study, of one value to be maximised, or of it and a cost; it has "
            f"{len(studies)}"
        )
    return storage.get_all_trials(storage.get_study_id_from_name(studies[0].study_name), deepcopy=False)


def _result(trial: FrozenTrial) -> tuple[TrialState, float, int] | None:
    """How a trial ended, its last accuracy and the epoch that it was reached in; None of one without a result."""
    if trial.last_step is None:
        return None
    accuracy = trial.intermediate_values[trial.last_step]
    if trial.user_attrs.get(OUTCOME) == "diverged":  # which counts as complete, at 0, with the sampler
        return TrialState.COMPLETE, accuracy, trial.last_step
    return (trial.state, accuracy, trial.last_step) if trial.state in _KNOWN else None


_KNOWN = (TrialState.COMPLETE, TrialState.PRUNED)


def _known(study: Study, trial: FrozenTrial) -> FrozenTrial | None:
    """A trial as the study would have drawn it; None where it could not, or where the trial has no result."""
    result = _result(trial)
    return None if result is None else known_trial(study, trial.params, *result)


def known_trial(
    study: Study, values: Mapping[str, Any], state: TrialState, accuracy: float, epoch: int
) -> FrozenTrial | None:
    """A trial of another search as the study would have drawn it; None where it could not."""
    if (distributions := _distributions(study, values)) is None:
        return None
    return create_trial(
        state=state,
        value=accuracy if state == TrialState.COMPLETE else None,
        params=dict(values),
        distributions=distributions,
        intermediate_values={epoch: accuracy},
    )


def _distributions(study: Study, values: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a study draws a setting from; None where the setting is none of its own."""
    chosen: dict[str, Any] = {path: values.get(path) for path in study.choices}
    choices = {path: CategoricalDistribution(list(options)) for path, options in study.choices.items()}
    if not all(holds(choices[path], option) for path, option in chosen.items()):
        return None
    try:
        ranges = choices | study.ranges_of(chosen)
        inside = ranges.keys() == values.keys() and all(holds(ranges[path], value) for path, value in values.items())
        if inside:
            study.recipe_of(values)
    except ValueError:  # components or values that do not fit together
        return None
    return ranges if inside else None
