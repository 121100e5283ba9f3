"""What a search was asked for: how much, by which seed, for which goals, and whether it begins or goes on."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raykd.cluster.goals import as_it_was
from raykd.errors import InvalidError
from raykd.runs.remote_search import prepare_storage
from raykd.runs.search_folder import Search, new_folder, old_folder
from raykd.runs.warm_start import WarmStart, known_before
from raykd.storage.storage import Storage
from raykd.studies.sizes import aimed, check_sizes
from raykd.studies.study import Study


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A search that can begin or go on.

    Args:
        study: with the search's goals.
        known: of an earlier search, by which this one is begun.
    """

    study: Study
    storage: Storage
    folder: Path
    search: Search
    known: WarmStart | None


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Arguments of `tune`, which says what they are.

    Args:
        known: its `warm_start`.
        options: those that are not as they are by default, which who goes on with the search is told.
    """

    storage: str | os.PathLike[str]
    name: str | None
    trials: int | None
    more_trials: int | None
    confirm: int | None
    seed: int
    resume: bool
    known: str | os.PathLike[str] | None
    pareto: str | None
    options: Mapping[str, Any]

    def __post_init__(self) -> None:
        for word, least in (("trials", 1), ("more_trials", 1), ("confirm", 0)):
            value = getattr(self, word)
            if value is not None and value < least:
                raise InvalidError(f"{word} must be at least {least}, got {value}")

    def open(self, study: Study, needed: int) -> Opened:
        """The search, whose folder is made where it begins.

        Args:
            needed: processes of a trial.

        Raises:
            UserError: one line on what is wrong; nothing was made then.
        """
        begins = not (self.resume or self.more_trials)
        study = aimed(study, self.pareto) if begins else study
        known = known_before(self.known, study, begins=begins)
        study.check(needed)
        storage = prepare_storage(self.storage, self.name, resume=not begins)
        if begins:
            check_sizes(study, needed)
            search = Search.of(study, self.trials, self.seed, self.confirm, self.options)
            folder = new_folder(storage, self.name, search, study)
        else:
            folder, search = old_folder(storage.root, self.name, study)
            search = search.gone_on_with(folder.name, self.trials, self.more_trials or 0, self.confirm, self.options)
            study = as_it_was(study, folder.name, search, self.pareto, needed)
        return Opened(study=study, storage=storage, folder=folder, search=search, known=known)
