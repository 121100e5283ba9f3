"""Networks cut into stages: every method of raykd sees a network as stem, stages and head.

`Staged` wraps a plain `nn.Module` and names which of its submodules make up each part. The wrapped network
is left as it is, so its own parameter names stay the names in every saved file: `staged.network.state_dict()`
loads into the plain module, and a plain module's weights load into `staged.network`. Features come back
from the forward itself, without hooks, and a stage can be run alone, which is what swapping needs.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

Piece: TypeAlias = str | Callable[[Tensor], Tensor]
Part: TypeAlias = Piece | Sequence[Piece]
Shape: TypeAlias = tuple[int, ...]


class Outputs(NamedTuple):
    """What a network says of a batch: class scores, and the output of each stage from first to last."""

    logits: Float[Tensor, "batch classes"]
    features: tuple[Tensor, ...]


class Staged(nn.Module):
    """A network as stem, stages and head.

    Args:
        network: any module; it alone holds the parameters.
        stem, stages, head: names of submodules of `network` (dotted names work), run in order; a plain
            function such as `torch.relu` may stand between names where the network has no module for it.

    Raises:
        KeyError: a name that `network` does not have, with the names that it has.
        ValueError: no stage at all.
    """

    def __init__(self, network: nn.Module, *, stem: Part, stages: Sequence[Part], head: Part):
        super().__init__()
        if not stages:
            raise ValueError("a staged network needs at least one stage, got none")
        self.network = network
        self._stem = _pieces(network, stem)
        self._stages = tuple(_pieces(network, part) for part in stages)
        self._head = _pieces(network, head)

    @property
    def num_stages(self) -> int:
        return len(self._stages)

    def stem(self, images: Tensor) -> Tensor:
        """Runs what comes before the first stage."""
        return _run(self._stem, images)

    def stage(self, index: int, features: Tensor) -> Tensor:
        """Runs stage `index`, counted from 0, on the output of the stage before it."""
        return _run(self._stages[index], features)

    def head(self, features: Tensor) -> Float[Tensor, "batch classes"]:
        """Class scores from the last stage's output."""
        return _run(self._head, features)

    def forward(self, images: Tensor) -> Outputs:
        features: list[Tensor] = []
        hidden = self.stem(images)
        for index in range(self.num_stages):
            hidden = self.stage(index, hidden)
            features.append(hidden)
        return Outputs(self.head(hidden), tuple(features))


def feature_shapes(network: Staged, image_shape: Shape) -> tuple[Shape, ...]:
    """The shape of each stage's output for one image of `image_shape` (channels, height, width), without the batch.

    The network's buffers and mode are left as they were.
    """
    example = next(network.parameters())
    with torch.no_grad(), evaluating(network):
        outputs = network(torch.zeros(2, *image_shape, device=example.device, dtype=example.dtype))
    return tuple(tuple(feature.shape[1:]) for feature in outputs.features)


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


def _pieces(network: nn.Module, part: Part) -> tuple[Callable[[Tensor], Tensor], ...]:
    pieces = [part] if isinstance(part, str) or callable(part) else part
    return tuple(_find(network, piece) if isinstance(piece, str) else piece for piece in pieces)


def _find(network: nn.Module, name: str) -> nn.Module:
    try:
        return network.get_submodule(name)
    except AttributeError:
        names = ", ".join(found for found, _ in network.named_children())
        raise KeyError(f"{type(network).__name__} has no module {name!r}; its modules: {names}") from None


def _run(pieces: tuple[Callable[[Tensor], Tensor], ...], hidden: Tensor) -> Tensor:
    for piece in pieces:
        hidden = piece(hidden)
    return hidden
