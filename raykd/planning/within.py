"""A recipe fitted into a time: an epoch is measured, and what comes before the first trial is counted."""

import dataclasses
import tempfile
from dataclasses import dataclass

from raykd.cluster.rehearsal import Rehearsal, rehearse
from raykd.distributed.world import World
from raykd.errors import InvalidError
from raykd.planning.budget import Budget, budget
from raykd.recipe import Recipe
from raykd.storage.artifacts import Store
from raykd.teachers.trained import Teacher

_TEACHERS_SHARE = 0.25  # of the time, at most, for the training of a teacher
_CHECKPOINTS = 6  # of a teacher, at least where it has so many epochs: as many anchors as a route may have
_OF_ITS_OWN = 0.3  # of the time, at most, for teachers that are trained on each fresh seed's own split


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What fits.

    Args:
        recipe: with its epochs, and its teacher's.
        budget: what the search may spend.
        own_splits: whether fresh seeds have splits of their own, which a teacher is trained on anew.
        epoch_seconds: that an epoch takes, on average over trials.
    """

    recipe: Recipe
    budget: Budget
    own_splits: bool
    epoch_seconds: float

    def in_words(self, minutes: int | float) -> str:
        """In a line."""
        spent = self.budget
        return (
            f"{minutes:g} minutes: {spent.trials} trials of {spent.epochs} epochs; the best {spent.finalists}, plain "
            f"KD and the student alone again with {spent.seeds} fresh seeds; an epoch takes about "
            f"{self.epoch_seconds:.2f} s"
        )


def planned_within(minutes: int | float, recipe: Recipe, epochs: int | None, slots: int) -> Planned:
    """A recipe and a search that take so long.

    Args:
        epochs: of a training, where they are given.
        slots: trials at a time.

    Raises:
        ValueError: too short a time, with one that is enough.
    """
    measured = _measured(recipe)
    if measured.epoch_seconds is None:
        raise InvalidError(f"an epoch can't be measured before there is its {measured.missing}")
    # Where class scores are kept, plain KD never asks the teacher once more; terms of its features do.
    seconds = measured.epoch_seconds * (1 - measured.teacher_share / 2 if measured.teacher_outputs else 1)
    teacher, fixed, steps = recipe.teacher, 0.0, recipe.shapes().num_images // recipe.batch_size
    if isinstance(teacher, Teacher):
        an_epoch = measured.teacher_seconds / teacher.epochs
        most = max(1, int(_TEACHERS_SHARE * 60 * minutes / an_epoch)) if an_epoch else teacher.epochs
        count = min(teacher.epochs, most)
        teacher = dataclasses.replace(teacher, epochs=count, every=max(1, count // _CHECKPOINTS))
        fixed = an_epoch * count

    def fitted(before: float) -> Budget:
        return budget(
            minutes,
            epoch_seconds=seconds,
            steps=steps,
            slots=slots,
            fixed_seconds=before,
            epochs=epochs,
        )

    spent = fitted(fixed)
    own_splits = fixed * spent.seeds / slots <= _OF_ITS_OWN * 60 * minutes
    if fixed and own_splits:
        spent = fitted(fixed * (1 + spent.seeds / slots))
    planned = dataclasses.replace(recipe, teacher=teacher, epochs=spent.epochs)
    return Planned(recipe=planned, budget=spent, own_splits=own_splits, epoch_seconds=seconds)


def _measured(recipe: Recipe) -> Rehearsal:
    """An epoch, trained as a worker trains it: by one thread where a CPU computes."""
    with tempfile.TemporaryDirectory(prefix="raykd-planning-") as folder:
        nothing = Store(folder, makes=())  # so that a teacher is stood in for, not trained
        return rehearse(dataclasses.replace(recipe, threads=1), nothing, World.current())
