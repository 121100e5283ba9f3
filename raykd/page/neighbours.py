"""Nearest neighbours: for some validation images the others that the student finds most alike, by its last stage."""

import torch
from jaxtyping import Int64
from torch import Tensor

from raykd.ops.vectors import directions, products
from raykd.page.agreement import Agreement
from raykd.page.drawing import RIGHT, WRONG, Exhibit, Strip, exhibit, strips

COUNT = 6  # neighbours of an image
_MOST_ROWS = 10


def neighbours(found: Agreement) -> Exhibit:
    """A row an image, one of each class, at most ten; the frames say whether a neighbour is of the image's class."""
    nearest = nearest_of(found)
    same = found.labels[nearest] == found.labels[:, None]
    rows = [_row(found, place, nearest[place].tolist()) for place in _shown(found)]
    text = (
        f"Left an image, then the {nearest.shape[1]} of the others whose features (the student's last stage, averaged "
        f"over its places) have the nearest direction: framed green where they are of the same class, red where not. "
        f"Of all {len(found.labels)} images {100 * same.float().mean().item():.1f} % of the neighbours are of the "
        f"image's class."
    )
    return exhibit("nearest neighbours", "Nearest neighbours by the student's features", text, strips(rows))


def nearest_of(found: Agreement) -> Int64[Tensor, "n k"]:
    """The nearest other images of each, the nearest first."""
    units = directions(found.features, 1e-12)
    alike = products(units, units).fill_diagonal_(-torch.inf)
    return alike.topk(min(COUNT, len(alike) - 1), dim=1).indices


def _shown(found: Agreement) -> list[int]:
    """The first image of each class, of many classes evenly chosen ones."""
    classes = found.labels.unique().tolist()
    chosen = classes[:: -(-len(classes) // _MOST_ROWS)]
    return [int((found.labels == label).nonzero()[0]) for label in chosen]


def _row(found: Agreement, place: int, nearest: list[int]) -> Strip:
    label, said = int(found.labels[place]), int(found.student[place])
    frames = [RIGHT if int(found.labels[other]) == label else WRONG for other in nearest]
    return Strip(
        lines=(f"is {found.classes[label]}", f"student: {found.classes[said]}"),
        images=tuple(found.images[other] for other in (place, *nearest)),
        frames=(None, *frames),
    )
