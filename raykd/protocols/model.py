"""A network as it stands in a recipe."""

from typing import Protocol, runtime_checkable

from raykd.models.staged import Shape, Staged


@runtime_checkable
class ModelSpec(Protocol):
    """A network as it stands in a recipe."""

    def build(self, num_classes: int, image: Shape) -> Staged:
        """A freshly initialised network for images of the shape (channels, height, width).

        The caller has seeded PyTorch's generator.
        """
        ...


@runtime_checkable
class BringsWeights(Protocol):
    """A network whose spec may say which weights it starts from."""

    def bare(self) -> ModelSpec:
        """The same network without them."""
        ...


def bare(model: ModelSpec) -> ModelSpec:
    """A network whose weights are loaded afterwards: those that it would start from need not be on this machine."""
    return model.bare() if isinstance(model, BringsWeights) else model
