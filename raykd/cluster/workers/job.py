"""What a slot and its group say to each other: a job, and an answer for each epoch of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raykd.recipe import Recipe
from raykd.storage.mirror import Mirror


@dataclass(frozen=True, kw_only=True)
class Job:
    """One trial for a group: what to train, and where its files go.

    Args:
        recipe: the run.
        folder: the trial's own folder, made by the worker; a checkpoint found there is gone on from.
        board: the folder of its TensorBoard run.
        store: the root of the artefact store.
        values: the setting, for the record.
        mirror: of the storage, where each machine has a folder of its own.
    """

    recipe: Recipe
    folder: str
    board: str
    store: str
    values: Mapping[str, Any]
    mirror: Mirror | None = None

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A job that arrives on another machine has the folders of that machine."""
        self.__dict__.update(state)
        if self.mirror is not None:
            folders = {name: str(self.mirror.here(Path(state[name]))) for name in ("folder", "board", "store")}
            self.__dict__.update(folders, mirror=self.mirror.moved_here())


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an epoch gave, or in `error` the one line that says why there is none."""

    number: int = 0
    metrics: Mapping[str, float] | None = None
    done: bool = False
    diverged: bool = False
    error: str | None = None
