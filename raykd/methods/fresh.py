"""No first stage: the student begins with the fresh weights that the run's seed gives it."""

from dataclasses import dataclass

from raykd.models.staged import Staged
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Shapes
from raykd.protocols.model import ModelSpec


@dataclass(frozen=True, kw_only=True)
class Fresh:
    """The student stays as it was initialised."""

    needs_teacher = False

    def check(self, shapes: Shapes) -> None:
        pass

    def begin(self, student: Staged, model: ModelSpec, seed: int, shapes: Shapes, context: BuildContext) -> None:
        pass
