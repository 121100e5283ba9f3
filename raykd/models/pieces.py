"""What the parts of a `Staged` network are made of: its modules, by their names, and plain functions between them."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from torch import Tensor, nn

from raykd.errors import UnknownNameError

Piece: TypeAlias = str | Callable[[Tensor], Tensor]
Part: TypeAlias = Piece | Sequence[Piece]
Pieces: TypeAlias = tuple[Callable[[Tensor], Tensor], ...]


def find_pieces(network: nn.Module, part: Part) -> Pieces:
    """A part's modules and functions, in order.

    Raises:
        KeyError: a name that `network` does not have, with the names that it has.
    """
    pieces = [part] if isinstance(part, str) or callable(part) else part
    return tuple(_find(network, piece) if isinstance(piece, str) else piece for piece in pieces)


def run(pieces: Pieces, hidden: Tensor) -> Tensor:
    """One after the other, each on what the one before it gives."""
    for piece in pieces:
        hidden = piece(hidden)
    return hidden


def _find(network: nn.Module, name: str) -> nn.Module:
    try:
        return network.get_submodule(name)
    except AttributeError:
        names = ", ".join(found for found, _ in network.named_children())
        raise UnknownNameError(f"{type(network).__name__} has no module {name!r}; its modules: {names}") from None
