"""What a slot and its group say to each other: a job, and an answer for each epoch of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from raykd.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class Job:
    """One trial for a group: what to train, and where its files go.

    Args:
        recipe: the run.
        folder: the trial's own folder, made by the worker; a checkpoint found there is gone on from.
        board: the folder of its TensorBoard run.
        store: the root of the artefact store.
        values: the setting, for the record.
    """

    recipe: Recipe
    folder: str
    board: str
    store: str
    values: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an epoch gave, or in `error` the one line that says why there is none."""

    number: int = 0
    metrics: Mapping[str, float] | None = None
    seconds: float = 0.0
    done: bool = False
    diverged: bool = False
    error: str | None = None
