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
