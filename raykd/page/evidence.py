"""What the files in a search's folder say, read for the page: its trials, their epochs, what was confirmed."""

import dataclasses
import functools
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas

from raykd.errors import InvalidError, MissingError
from raykd.protocols.event import METRIC
from raykd.protocols.outcome import CONFIRMATION
from raykd.runs.confirmed import Confirmed
from raykd.runs.folder_format import check_format
from raykd.runs.result import TABLE
from raykd.runs.saved_result import read_table
from raykd.runs.search_folder import BASE_RECIPE, Search, read_search
from raykd.runs.status import SearchStatus, read_status
from raykd.runs.trial import VALUES, read_epochs
from raykd.storage.layout import CONFIRMATION_TABLE, RECIPE, SEARCH, SUMMARY, TRIALS
from raykd.storage.storage import Storage
from raykd.studies.baselines import PLAIN_KD
from raykd.studies.recipe_file import load_recipe
from raykd.studies.words import in_a_few_words

State = Literal["running", "stopped", "finished"]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A trial or a baseline, as far as it is.

    Args:
        name: of its folder.
        setting: in a few words.
        outcome: complete, stopped, diverged, failed, unfinished or running.
        test: its accuracy on the test split, 0 to 1; None where that was not read.
        epochs: what each finished epoch gave, in order.
        values: of its setting, by path; a path that is not there was not drawn.
        recipe: as it stands in its file; empty where it has none yet.
    """

    name: str
    setting: str
    is_baseline: bool
    outcome: str
    test: float | None
    epochs: tuple[Mapping[str, Any], ...]
    values: Mapping[str, Any]
    recipe: Mapping[str, Any]

    @property
    def accuracy(self) -> float | None:
        """On the validation split after the last epoch, 0 to 1; None before the first one, or where it diverged."""
        last = self.epochs[-1] if self.epochs else {}
        value = last.get(METRIC, math.nan)
        return value if math.isfinite(value) and not last.get("diverged") else None

    @property
    def seconds(self) -> float:
        """Of its epochs, wall time."""
        return float(sum(epoch["seconds"] for epoch in self.epochs))


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that the page is drawn from.

    Args:
        folder: of the search.
        called, storage: the same folder, and the one that it lies in, as a user types them; may be URIs.
        search: what it was started with.
        trials: those of the search and the baselines, the best first.
        confirming: those of the confirmation, by name.
        summary: what was found when it last ended; None before that.
        status: what it last said of itself; None where it never did.
    """

    folder: Path
    called: str
    storage: str
    state: State
    search: Search
    trials: tuple[Trial, ...]
    confirming: tuple[Trial, ...]
    summary: Mapping[str, Any] | None
    status: SearchStatus | None

    @functools.cached_property
    def confirmed(self) -> Confirmed | None:
        """What the best and the baselines gave under fresh seeds; None where they were not trained again (yet)."""
        if self.summary is None or self.summary["confirmed"] is None:
            return None
        return Confirmed.from_json(self.summary["confirmed"], pandas.read_csv(self.folder / CONFIRMATION_TABLE))

    @property
    def is_remote(self) -> bool:
        """Whether it lies in an object store, from which no command reads a single file."""
        return "://" in self.called

    @property
    def own(self) -> list[Trial]:
        """The trials that are no baselines and have an accuracy."""
        return [trial for trial in self.trials if not trial.is_baseline and trial.accuracy is not None]

    @property
    def plain_kd(self) -> Trial | None:
        """The run of plain KD; None where it has no accuracy (yet)."""
        named = (trial for trial in self.trials if trial.setting == PLAIN_KD and trial.accuracy is not None)
        return next(named, None)

    @property
    def best(self) -> Trial | None:
        """The winner, or while there is none yet the best trial or baseline that ran to its end."""
        name = self.summary["best"] if self.summary is not None and self.state != "running" else None
        named = (trial for trial in (*self.trials, *self.confirming) if trial.name == name)
        return next(named, next((trial for trial in self.trials if trial.outcome == "complete"), None))


def read_evidence(folder: Path, storage: Storage, state: State, types: Iterable[type] = ()) -> Evidence:
    """Reads a search's folder, while it runs or afterwards.

    Args:
        storage: that it lies in, or whose root it is.
        state: as of `Evidence`.
        types: classes of a study's own that may stand in its recipes.

    Raises:
        FileNotFoundError: it is no search's folder.
        ValueError: the folder has another format.
    """
    if not (folder / SEARCH).is_file():
        raise MissingError(f"{storage.shown(folder)} is no search: it has no {SEARCH}")
    check_format(folder)
    status = read_status(folder)
    told = {row["name"]: row for row in _rows(folder)}
    words = functools.partial(_in_words, folder=folder, types=tuple(types))
    names = [path.name for path in sorted((folder / TRIALS).glob("*/"))]
    names += [name for name in told if name not in names]  # failed before it had a folder
    trials = [_trial(folder, name, told.get(name, {}), status, state, words) for name in names]
    trials.sort(key=lambda trial: -1.0 if trial.accuracy is None else trial.accuracy, reverse=True)
    return Evidence(
        folder=folder,
        called=storage.uri_of(folder),
        storage=storage.uri_of(folder.parent),
        state=state,
        search=read_search(folder),
        trials=tuple(trial for trial in trials if not trial.name.startswith(CONFIRMATION)),
        confirming=tuple(trial for trial in trials if trial.name.startswith(CONFIRMATION)),
        summary=_json(folder / SUMMARY) or None,
        status=status,
    )


def _trial(
    folder: Path, name: str, told: Mapping[str, Any], status: SearchStatus | None, state: State, words: Any
) -> Trial:
    """Args: told: its row in the table of the search when it last ended; empty where it has none."""
    there, ended = folder / TRIALS / name, status.ended.get(name) if status else None
    outcome = told.get("outcome", "unfinished")
    if ended is not None and outcome == "unfinished":
        outcome = ended.kind
    if state == "running" and status and name in status.running:
        outcome = "running"
    test = told.get("test/accuracy", math.nan)
    return Trial(
        name=name,
        setting=told.get("setting") or words(there),
        is_baseline=bool(told.get("baseline", not name.startswith(("trial-", CONFIRMATION)))),
        outcome=outcome,
        test=None if math.isnan(test) else test,
        epochs=tuple(read_epochs(there)),
        values=_json(there / VALUES),
        recipe=_json(there / RECIPE),
    )


def _in_words(trial: Path, folder: Path, types: tuple[type, ...]) -> str:
    """A trial that no table has yet, in a few words; by its name where its recipe has classes that are not known."""
    try:
        recipe, base = load_recipe(trial / RECIPE, types), load_recipe(folder / BASE_RECIPE, types)
        return in_a_few_words(recipe, dataclasses.replace(base, threads=recipe.threads))  # which the search has set
    except (InvalidError, FileNotFoundError):  # it may have no recipe yet
        return trial.name


def _rows(folder: Path) -> list[dict[Any, Any]]:
    return read_table(folder).to_dict("records") if (folder / TABLE).exists() else []


def _json(file: Path) -> dict[str, Any]:
    try:
        return json.loads(file.read_text())
    except FileNotFoundError:
        return {}
