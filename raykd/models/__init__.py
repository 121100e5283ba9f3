"""Networks, one family a file: plain functions and specs that give `Staged` networks.

A model stands in a recipe as a frozen dataclass, a `ModelSpec`, so that its size can be searched and its exact
form be saved; `build` makes the network. The plain module inside (`staged.network`) is what a student is
exported as.
"""

from typing import Protocol, runtime_checkable

from raykd.staged import Shape, Staged


@runtime_checkable
class ModelSpec(Protocol):
    """A network as it stands in a recipe."""

    def build(self, num_classes: int, image: Shape) -> Staged:
        """A freshly initialised network for images of the shape (channels, height, width).

        The caller has seeded PyTorch's generator.
        """
        ...
