"""The student beside its teacher on the page: confusion matrices, and the pictures on which they differ."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from plotly.graph_objects import Figure
from torch import Tensor

from raykd.page.agreement import Agreement
from raykd.page.drawing import picture, png, uri
from raykd.page.style import Drawing, figure

_MOST_CLASSES = 30  # of more a matrix cannot be read; then the pairs that are mixed up most are shown
_MOST_PAIRS, _MOST_PICTURES = 15, 8
_EDGE = 96  # pixels of a picture, at most


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An image with what was said of it; `data` is a PNG as a URI."""

    data: str
    label: str
    student: str
    teacher: str


def confusion(found: Agreement) -> list[Drawing]:
    """A matrix for the student and one for the teacher, or where there are many classes the pairs mixed up most."""
    parts = (("the student", found.student), ("the teacher", found.teacher))
    draw = _matrix if len(found.classes) <= _MOST_CLASSES else _worst_pairs
    drawn: list[Drawing] = []
    for name, said in parts:
        share = 100 * (said == found.labels).float().mean().item()
        text = f"{len(found.labels)} of {found.held} validation images, {share:.1f} % right"
        drawn.append(Drawing(title=f"What {name} takes for what", figure=draw(found, said), text=text, is_small=True))
    return drawn


def pictures(found: Agreement) -> Iterator[tuple[str, list[Picture]]]:
    """By how they differ, at most eight pictures each."""
    for words, places in found.differing():
        shown = [_picture(found, place) for place in places[:_MOST_PICTURES]]
        if shown:
            yield f"{words}: {len(places)} of {len(found.labels)}", shown


def _matrix(found: Agreement, said: Tensor) -> Figure:
    counts = found.confusion(said)
    wrong = counts.clone().fill_diagonal_(0)
    made = figure(90 + max(230, 26 * len(found.classes)), margin={"l": 60, "r": 8, "t": 8, "b": 60})
    made.add_heatmap(
        x=list(found.classes),
        y=list(found.classes),
        # What is right would outshine all else: colours are of mistakes alone.
        z=wrong.tolist(),
        text=[[str(count) if count else "" for count in row] for row in counts.tolist()],
        texttemplate="%{text}",
        colorscale=[[0.0, "rgba(138,143,152,0.08)"], [1e-6, "rgba(214,69,80,0.25)"], [1.0, "rgba(214,69,80,1)"]],
        showscale=False,
        xgap=1,
        ygap=1,
        hovertemplate="%{y} taken for %{x}: %{text}<extra></extra>",
    )
    made.update_xaxes(title="said", type="category", showgrid=False)
    return made.update_yaxes(title="is", type="category", autorange="reversed", showgrid=False)


def _worst_pairs(found: Agreement, said: Tensor) -> Figure:
    wrong = found.confusion(said).fill_diagonal_(0)
    counts, places = wrong.flatten().topk(_MOST_PAIRS)
    pairs = [divmod(place, len(found.classes)) for place in places.tolist()]
    made = figure(90 + 24 * _MOST_PAIRS)
    made.add_bar(
        x=counts.tolist(),
        y=[f"{found.classes[true]} as {found.classes[other]}" for true, other in pairs],
        orientation="h",
        marker={"color": "#d64550"},
        hovertemplate="%{y}: %{x}<extra></extra>",
    )
    made.update_xaxes(title="images")
    return made.update_yaxes(autorange="reversed")


def _picture(found: Agreement, place: int) -> Picture:
    label, student, teacher = (found.classes[said[place]] for said in (found.labels, found.student, found.teacher))
    return Picture(data=_png(found.images[place]), label=label, student=student, teacher=teacher)


def _png(image: Tensor) -> str:
    """An image of one or three channels as a URI, a large one made smaller."""
    drawn = picture(image)
    if max(drawn.size) > _EDGE:
        scale = _EDGE / max(drawn.size)
        drawn = drawn.resize((math.ceil(drawn.width * scale), math.ceil(drawn.height * scale)))
    return uri(png(drawn))
