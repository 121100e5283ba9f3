"""`confirm(recipes)`: recipes of one's own, compared over fresh seeds with plain KD and the student alone."""

import os
from collections.abc import Mapping, Sequence

from raykd.cluster.tune import tune
from raykd.errors import InvalidError
from raykd.protocols.event import Listener
from raykd.recipe import Recipe
from raykd.runs.result import Result
from raykd.studies.study import Study


def confirm(
    recipes: Mapping[str, Recipe],
    *,
    seeds: int = 5,
    workers: int | tuple[int, int] = 1,
    slots: int | None = None,
    slots_per_gpu: int | str = 1,
    storage: str | os.PathLike[str] = "runs",
    name: str | None = None,
    resume: bool = False,
    keep_teacher_outputs: int | str | None = None,
    address: str | None = None,
    verbose: bool = False,
    listeners: Sequence[Listener] = (),
) -> Result:
    """Trains each recipe with the same fresh seeds, and says which is best, and how sure that is.

    Plain KD and the student alone are trained beside them, with the student, the data, the optimiser and the epochs of
    the first recipe. What is told is in `Result.confirmed` and `Result.summary["verdict"]`.

    Args:
        recipes: by the names that they are told by, all on the same data and of the same seed.
        seeds: at least 1.
        resume: go on with the confirmation of that name, or the newest one, with so many seeds.
        workers, slots, slots_per_gpu, storage, name, keep_teacher_outputs, address, verbose, listeners: as of `tune`.

    Raises:
        UserError: one line on what is wrong, before any work starts.
    """
    if not recipes:
        raise InvalidError("recipes: needs at least one recipe to confirm")
    if seeds < 1:
        raise InvalidError(f"seeds must be at least 1, got {seeds}")
    first = next(iter(recipes.values()))
    study = Study(recipe=first, candidates=dict(recipes), name="confirm", trials=0, confirm=seeds)
    return tune(
        study,
        confirm=seeds,
        workers=workers,
        slots=slots,
        slots_per_gpu=slots_per_gpu,
        storage=storage,
        name=name,
        resume=resume,
        keep_teacher_outputs=keep_teacher_outputs,
        address=address,
        verbose=verbose,
        listeners=listeners,
    )
