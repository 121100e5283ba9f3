"""How a teacher's network is fitted to a data set whose views or classes are not those that it was trained for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from raykd.data.dataset import Dataset
from raykd.models.staged import Shape, Staged
from raykd.protocols.model import ModelSpec


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A network for images and classes of its own, and what stands between it and a data set.

    Args:
        image: channels, height, width of the images that the network takes.
        num_classes: that it has scores of.
        before, after: functions of the views, and of its class scores, as dataclasses or none, so that they can be
            hashed and copied.
        scores: whether its class scores, after that, are of the data set's classes; else its features alone teach.
    """

    image: Shape
    num_classes: int
    before: tuple[Callable[[Tensor], Tensor], ...] = ()
    after: tuple[Callable[[Tensor], Tensor], ...] = ()
    scores: bool = True

    def around(self, network: Staged) -> Staged:
        """The network with what stands before and after it; itself."""
        return network.between(self.before, self.after)

    def build(self, model: ModelSpec) -> Staged:
        """The network as the data set's views and classes see it, as its model builds it."""
        return self.around(model.build(self.num_classes, self.image))

    def key(self, dataset: Dataset) -> dict[str, Any]:
        """What names of artefacts need beside the model and its weights; nothing where the data set's own is taken."""
        return {} if self == own(dataset) else {"fit": self}


@runtime_checkable
class Fitted(Protocol):
    """A teacher that says how its network is fitted; of all others it takes views and classes as the data set's are."""

    def fit_to(self, dataset: Dataset) -> Fit:
        """How its network is fitted to a data set.

        Raises:
            ValueError: it cannot be.
        """
        ...


def fit_of(teacher: object, dataset: Dataset) -> Fit:
    """How a teacher's network is fitted to a data set."""
    return teacher.fit_to(dataset) if isinstance(teacher, Fitted) else own(dataset)


def own(dataset: Dataset) -> Fit:
    """Nothing between."""
    return Fit(image=dataset.image_shape, num_classes=dataset.num_classes)
