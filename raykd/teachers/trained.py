"""A teacher that is trained with labels alone."""

from dataclasses import dataclass

from raykd.data.dataset import DataSpec
from raykd.errors import InvalidError
from raykd.optim import SGD, Optimiser
from raykd.protocols.context import BuildContext
from raykd.protocols.model import ModelSpec
from raykd.protocols.teacher import TeacherRoute
from raykd.recipe import Recipe
from raykd.space.fields import later
from raykd.teachers.route_training import num_checkpoints, trained_route


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """How a teacher is trained, with labels alone.

    Args:
        model: the network.
        epochs: passes over the training split.
        every: a checkpoint is kept after this many epochs, and after the last one.
        optimiser, batch_size, seed: as in a recipe.
        threads: where a CPU computes; the weights depend on it, so it is what this says wherever the teacher is made.
    """

    model: ModelSpec
    epochs: int = 240
    every: int = 10
    optimiser: Optimiser = SGD()
    batch_size: int = 64
    seed: int = 0
    threads: int = later(1)

    def __post_init__(self) -> None:
        for name in ("epochs", "every", "batch_size", "threads"):
            if getattr(self, name) < 1:
                raise InvalidError(f"{name} must be at least 1, got {getattr(self, name)}")

    @property
    def num_checkpoints(self) -> int:
        return num_checkpoints(self.epochs, self.every)

    def check(self, data: DataSpec) -> None:
        try:
            self.training(data).check()
        except ValueError as error:
            raise InvalidError(f"teacher/{error}") from None

    def route(self, context: BuildContext) -> TeacherRoute:
        return trained_route(self, self.training(context.data), self.every, context, "teacher")

    def training(self, data: DataSpec) -> Recipe:
        """How it is trained on a data set."""
        return Recipe(
            data=data,
            student=self.model,
            optimiser=self.optimiser,
            epochs=self.epochs,
            batch_size=self.batch_size,
            seed=self.seed,
            threads=self.threads,
        )
