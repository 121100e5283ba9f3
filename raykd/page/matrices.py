"""The confusion matrices of the student and of its teacher beside each other, as one picture for TensorBoard."""

import torch
from PIL import ImageDraw
from torch import Tensor

from raykd.page.agreement import Agreement
from raykd.page.drawing import Exhibit, box, canvas, exhibit, write

_MOST_NAMED = 20  # of more classes no number and no name has room
_CELL, _EDGE = 30, 420  # pixels as shown: of a cell with its number; of a matrix without them
_HEAD, _GAP, _FOOT, _LEFT = 26, 36, 40, 84
_LONGEST = 11  # letters of a class's name


def matrices(found: Agreement) -> Exhibit:
    """Rows are what images are, columns what they are taken for; colours are of mistakes alone, which what is right
    would outshine.
    """
    count = len(found.classes)
    cell = _CELL if count <= _MOST_NAMED else max(1, _EDGE // count)
    edge = cell * count
    image, draw = canvas(2 * (_LEFT + edge) + _GAP, _HEAD + edge + _FOOT)
    worst = max(int(_wrong(found, said).max()) for said in (found.student, found.teacher))
    for number, (name, said) in enumerate((("student", found.student), ("teacher", found.teacher))):
        left, share = _LEFT + number * (edge + _GAP + _LEFT), 100 * (said == found.labels).float().mean().item()
        write(draw, left, 6, f"the {name}: {share:.1f} % right")
        _cells(draw, found.confusion(said), left, cell, worst)
        if count <= _MOST_NAMED:
            _names(draw, found.classes, left, cell)
        write(draw, left + edge / 2, _HEAD + edge + 20, "said", anchor="ma", faint=True)
    text = (
        f"Student and final teacher on the same {len(found.labels)} of {found.held} validation images: a row is what "
        f"an image is, a column what it is taken for, red are mistakes. The test split is not read for this."
    )
    return exhibit("confusion matrix", "What student and teacher take for what", text, image)


def _wrong(found: Agreement, said: Tensor) -> Tensor:
    return found.confusion(said).fill_diagonal_(0)


def _cells(draw: ImageDraw.ImageDraw, counts: Tensor, left: int, cell: int, worst: int) -> None:
    gap = 1 if cell >= 8 else 0
    box(draw, left, _HEAD, cell * len(counts), cell * len(counts), "#f1f3f5")
    for row, column in torch.nonzero(counts).tolist():
        value, x, y = int(counts[row, column]), left + column * cell, _HEAD + row * cell
        colour = _red(value / worst) if row != column else "#dfe3e8"
        box(draw, x, y, cell - gap, cell - gap, colour)
        if cell == _CELL:
            write(draw, x + cell / 2, y + cell / 2, str(value), anchor="mm")


def _red(share: float) -> str:
    """From nearly white to a red that black digits can be read on."""
    strength = 0.2 + 0.8 * share
    red, green, blue = (round(255 + strength * (full - 255)) for full in (224, 92, 102))
    return f"#{red:02x}{green:02x}{blue:02x}"


def _names(draw: ImageDraw.ImageDraw, classes: tuple[str, ...], left: int, cell: int) -> None:
    for number, name in enumerate(classes):
        middle = (number + 0.5) * cell
        write(draw, left - 8, _HEAD + middle, name[:_LONGEST], anchor="rm", faint=True)
        write(draw, left + middle, _HEAD + cell * len(classes) + 4, name[:4], anchor="ma", faint=True)
