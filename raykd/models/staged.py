"""Networks cut into stages: every method of raykd sees a network as stem, stages and head.

`Staged` wraps a plain `nn.Module` and names which of its submodules make up each part. The wrapped network
is left as it is, so its own parameter names stay the names in every saved file: `staged.network.state_dict()`
loads into the plain module, and a plain module's weights load into `staged.network`. Features come back
from the forward itself, without hooks, and a stage can be run alone, which is what swapping needs.

Where a stage ends with a ReLU, its map before it comes back too. Such a ReLU is a stage's last function or module,
also as the last of an `nn.Sequential`, or ends a `Rectified` block; one inside of a block of any other kind is not
seen, and stands there for what it is: a part of the block.
"""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from raykd.errors import InvalidError
from raykd.models.pieces import Part, Pieces, find_pieces, run

Shape: TypeAlias = tuple[int, ...]


class Outputs(NamedTuple):
    """What a network says of a batch: class scores, and the output of each stage from first to last.

    `before_relu` is the same before the ReLU that ends a stage, and the very same where none does.

    A teacher's outputs of which only a part is at hand hold it in `readings`, by its name, and nothing else; see
    `raykd.protocols.reading`.
    """

    logits: Float[Tensor, "batch classes"]
    features: tuple[Tensor, ...]
    before_relu: tuple[Tensor, ...] = ()
    readings: Mapping[str, Tensor] = MappingProxyType({})


class Rectified(nn.Module, ABC):
    """A block that ends with a ReLU."""

    @abstractmethod
    def before_relu(self, hidden: Tensor) -> Tensor:
        """Runs all of the block but its last ReLU."""

    def forward(self, hidden: Tensor) -> Tensor:
        return torch.relu(self.before_relu(hidden))


class Staged(nn.Module):
    """A network as stem, stages and head.

    Args:
        network: any module; it alone holds the parameters.
        stem, stages, head: names of submodules of `network` (dotted names work), run in order; a plain
            function such as `torch.relu` may stand between names where the network has no module for it.
            `stages` is None for a network that is not cut: it has class scores and no features.
        show: gives what others see of a stage's output, where stages hand on what is no map, such as tokens. A stage
            and the head then take either: what the stage before them gives, and a map like the one that it shows.

    Raises:
        KeyError: a name that `network` does not have, with the names that it has.
        ValueError: no stage at all.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        stem: Part,
        stages: Sequence[Part] | None,
        head: Part,
        show: Callable[[Tensor], Tensor] | None = None,
    ):
        super().__init__()
        if stages is not None and not stages:
            raise InvalidError("a staged network needs at least one stage, got none")
        self.network = network
        self._stem = find_pieces(network, stem)
        parts = [_relu_apart(find_pieces(network, part)) for part in stages or ()]
        self._stages = tuple(pieces for pieces, _ in parts)
        self._rectifies = tuple(rectifies for _, rectifies in parts)
        self._head = find_pieces(network, head)
        self._show = show
        self._format = torch.contiguous_format

    def lay_out(self, channels_last: bool) -> "Staged":
        """Puts the weights into a memory layout, and from now on the maps that enter the stem or a stage; itself.

        So no convolution meets weights and maps of two layouts, which PyTorch would bring to one again and again, nor
        maps in a layout that its network cannot bear (`raykd.models.layout`).
        """
        self._format = torch.channels_last if channels_last else torch.contiguous_format
        for parameter in self.network.parameters():
            if parameter.ndim == 4:  # copied, since one of a single channel counts as being in either layout
                parameter.data = torch.empty_like(parameter, memory_format=self._format).copy_(parameter.detach())
        return self

    def between(self, before: Pieces = (), after: Pieces = ()) -> "Staged":
        """Puts functions before the stem, of the images, and after the head, of the class scores; itself."""
        self._stem, self._head = (*before, *self._stem), (*self._head, *after)
        return self

    @property
    def num_stages(self) -> int:
        return len(self._stages)

    def stem(self, images: Tensor) -> Tensor:
        """Runs what comes before the first stage."""
        return run(self._stem, self._laid_out(images))

    def stage(self, index: int, features: Tensor) -> Tensor:
        """Runs stage `index`, counted from 0, on the output of the stage before it."""
        return self.rectify(index, self.before_relu(index, features))

    def before_relu(self, index: int, features: Tensor) -> Tensor:
        """Runs stage `index` up to the ReLU that ends it, or the whole stage where none does."""
        return run(self._stages[index], self._laid_out(features))

    def rectify(self, index: int, hidden: Tensor) -> Tensor:
        """What is left of stage `index` after `before_relu`."""
        return torch.relu(hidden) if self._rectifies[index] else hidden

    def shown(self, hidden: Tensor) -> Tensor:
        """What others see of a stage's output."""
        return hidden if self._show is None else self._show(hidden)

    def head(self, features: Tensor) -> Float[Tensor, "batch classes"]:
        """Class scores from the last stage's output."""
        return run(self._head, features)

    def forward(self, images: Tensor) -> Outputs:
        features: list[Tensor] = []
        before_relu: list[Tensor] = []
        hidden = self.stem(images)
        for index in range(self.num_stages):
            before = self.before_relu(index, hidden)
            hidden = self.rectify(index, before)
            before_relu.append(self.shown(before))
            features.append(self.shown(hidden))
        return Outputs(self.head(hidden), tuple(features), tuple(before_relu))

    def _laid_out(self, maps: Tensor) -> Tensor:
        return maps.contiguous(memory_format=self._format) if maps.ndim == 4 else maps


def feature_shapes(network: Staged, image_shape: Shape) -> tuple[Shape, ...]:
    """The shape of each stage's output for one image of `image_shape` (channels, height, width), without the batch.

    The network's buffers and mode are left as they were.
    """
    with torch.no_grad(), evaluating(network):
        outputs = network(_blank(network, image_shape))
    return tuple(tuple(feature.shape[1:]) for feature in outputs.features)


def stem_shape(network: Staged, image_shape: Shape) -> Shape:
    """The shape of what the first stage takes in for one image; otherwise as `feature_shapes`."""
    with torch.no_grad(), evaluating(network):
        return tuple(network.shown(network.stem(_blank(network, image_shape))).shape[1:])


@contextlib.contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Eval mode within; afterwards each module is in the mode that it was in."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def _blank(network: Staged, image_shape: Shape) -> Tensor:
    example = next(network.parameters(), torch.empty(0))
    return torch.zeros(2, *image_shape, device=example.device, dtype=example.dtype)


def _relu_apart(pieces: Pieces) -> tuple[Pieces, bool]:
    """A stage without the ReLU that ends it, and whether one does."""
    if not pieces:
        return pieces, False
    before, last = pieces[:-1], pieces[-1]
    if isinstance(last, nn.Sequential) and type(last).forward is nn.Sequential.forward:
        inner, rectifies = _relu_apart(tuple(last))
        return ((*before, *inner) if rectifies else pieces), rectifies
    if isinstance(last, Rectified):
        return (*before, last.before_relu), True
    rectifies = isinstance(last, nn.ReLU) or last in (torch.relu, F.relu)
    return (before if rectifies else pieces), rectifies
