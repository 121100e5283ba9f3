"""What a slot gives its group to do; what it is answered stands in `answer.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raykd.recipe import Recipe
from raykd.storage.storage import Storage


@dataclass(frozen=True, kw_only=True)
class Job:
    """One trial for a group: what to train, and where its files go.

    Args:
        recipe: the run.
        folder: the trial's own folder, made by the worker; a checkpoint found there is gone on from.
        board: the folder of its TensorBoard run.
        storage: that they lie in, with the artefacts.
        values: the setting, for the record.
        columns: what stands of it in TensorBoard's table.
        command: that trains the recipe once more.
        room: bytes that what teachers said may take on a machine; as of `Store`.
    """

    recipe: Recipe
    folder: str
    board: str
    storage: Storage
    values: Mapping[str, Any]
    columns: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    room: int | None = None

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A job that arrives on another machine has the folders of that machine."""
        self.__dict__.update(state)
        folders = {name: str(self.storage.here(Path(state[name]))) for name in ("folder", "board")}
        self.__dict__.update(folders, storage=self.storage.moved_here())
