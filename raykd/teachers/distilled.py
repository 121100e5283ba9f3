"""A teacher that was a student itself: what another recipe makes, with a teacher of its own (TAKD, born-again)."""

from dataclasses import dataclass

from raykd.data.dataset import DataSpec
from raykd.errors import InvalidError
from raykd.protocols.context import BuildContext
from raykd.protocols.model import ModelSpec
from raykd.protocols.teacher import TeacherRoute
from raykd.recipe import Recipe
from raykd.teachers.route_training import num_checkpoints, trained_route


@dataclass(frozen=True, kw_only=True)
class DistilledTeacher:
    """The student of a recipe as the teacher of another.

    Args:
        recipe: how it is distilled; its data must be that of the recipe in which this teacher stands. Where it does
            not say how many threads compute, one does.
        every: a checkpoint is kept after this many epochs, and after the last one.
    """

    recipe: Recipe
    every: int = 10

    def __post_init__(self) -> None:
        if not isinstance(self.recipe, Recipe):
            raise InvalidError(f"recipe must be a Recipe, got {self.recipe!r}")
        if self.every < 1:
            raise InvalidError(f"every must be at least 1, got {self.every}")

    @property
    def model(self) -> ModelSpec:
        return self.recipe.student

    @property
    def num_checkpoints(self) -> int:
        return num_checkpoints(self.recipe.epochs, self.every)

    @property
    def depth(self) -> int:
        """How many distillations lie before it, its own counted."""
        teacher = self.recipe.teacher
        return 1 + (teacher.depth if isinstance(teacher, DistilledTeacher) else 0)

    def check(self, data: DataSpec) -> None:
        if self.recipe.data != data:
            different = f"{self.recipe.data!r}, not {data!r}"
            raise InvalidError(f"teacher/recipe/data must be the data of the recipe that it stands in, got {different}")
        try:
            self.recipe.check()
        except ValueError as error:
            raise InvalidError(f"teacher/recipe/{error}") from None

    def route(self, context: BuildContext) -> TeacherRoute:
        return trained_route(self, self.recipe, self.every, context, f"distilled teacher {self.depth}")

    def training(self, data: DataSpec) -> Recipe:
        """How it is distilled; its recipe names the data set."""
        return self.recipe
