"""The parts of the page below its first screen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from raykd.errors import UserError, one_line
from raykd.page.comparison import Picture, confusion, pictures
from raykd.page.cost import cost
from raykd.page.curves import curves
from raykd.page.drawing import Exhibit
from raykd.page.evidence import Evidence
from raykd.page.found_front import found_front
from raykd.page.front import front
from raykd.page.importance import Importance, importance
from raykd.page.looking import Looks
from raykd.page.methods import methods
from raykd.page.parallel import parallel
from raykd.page.schedules import schedules
from raykd.page.slices import slices
from raykd.page.style import Drawing
from raykd.page.teacher import route_of, teacher
from raykd.runs.front import HEADS, cells
from raykd.runs.search_folder import BASE_RECIPE
from raykd.studies.recipe_file import load_recipe


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the page.

    Args:
        key: what a link to it ends with.
        text: under its title.
        drawings: of it, large ones one below the other and small ones beside each other.
        groups: of small drawings, by what they belong to.
        shown: pictures, by what they show.
        exhibits: larger ones with their own words.
        heads, rows: a table below the drawings.
        missing: why there is none of that, where that is worth a line.
    """

    key: str
    title: str
    text: str = ""
    drawings: tuple[Drawing, ...] = ()
    groups: dict[str, list[Drawing]] = field(default_factory=dict)
    shown: dict[str, list[Picture]] = field(default_factory=dict)
    exhibits: tuple[Exhibit, ...] = ()
    heads: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    missing: str = ""


def sections(
    evidence: Evidence, mattered: Sequence[Importance], types: tuple[type, ...], looks: Looks
) -> list[Section]:
    """Those that there is something to say in; `mattered`, `types` and `looks` as of `page`."""
    every = _all(evidence, mattered, types, looks)
    return [part for part in every if part.drawings or part.groups or part.exhibits or part.missing]


def _all(
    evidence: Evidence, mattered: Sequence[Importance], types: tuple[type, ...], looks: Looks
) -> Iterator[Section]:
    yield _of_front(evidence, types)
    yield Section(key="curves", title="How they learned", drawings=tuple(curves(evidence)))
    drawings = (*importance(mattered), *methods(evidence), *schedules(evidence))
    yield Section(key="mattered", title="What mattered", drawings=drawings)
    yield Section(
        key="slices",
        title="Each hyperparameter",
        text="A mark is a trial: filled where it ran to its end, hollow where it was stopped early with its last "
        "accuracy, a star for the best. The dashed line is the run of plain KD. Trials that do not have the "
        "hyperparameter are not in its picture.",
        groups=slices(evidence),
    )
    yield Section(key="parallel", title="All trials", drawings=tuple(parallel(evidence, mattered)))
    yield Section(key="time", title="Time", drawings=tuple(cost(evidence)))
    yield _of_teacher(evidence, types)
    yield _side_by_side(evidence, looks)
    yield Section(key="inside", title="Inside the networks", exhibits=looks.exhibits, missing=" ".join(looks.missing))


def _of_front(evidence: Evidence, types: tuple[type, ...]) -> Section:
    key, title = "front", "The front"
    try:
        drawings = tuple(front(evidence, types))
    except (UserError, KeyError) as error:  # a student of a class that is not known here
        return Section(key=key, title=title, missing=f"Its picture is left out: {one_line(error)}.")
    found = found_front(evidence)
    rows = cells(found.frame, found.aim) if found is not None else []
    text = f"raykd export {evidence.called} --trial TRIAL exports the student of any point." if rows else ""
    return Section(key=key, title=title, text=text, drawings=drawings, heads=HEADS if rows else (), rows=tuple(rows))


def _of_teacher(evidence: Evidence, types: tuple[type, ...]) -> Section:
    key, title = "teacher", "The teacher"
    try:
        route = route_of(evidence, load_recipe(evidence.folder / BASE_RECIPE, types))
    except (UserError, OSError) as error:
        return Section(key=key, title=title, missing=f"Its route is left out: {one_line(error)}.")
    return Section(key=key, title=title, drawings=tuple(teacher(evidence, route.records)))


def _side_by_side(evidence: Evidence, looks: Looks) -> Section:
    """Student and teacher on the same images, which the student did not learn from."""
    key, title, found = "beside", "Student and teacher, image by image", looks.agreement
    if found is None or evidence.best is None:
        return Section(key=key, title=title)
    text = (
        f"The student of {evidence.best.name} and the final teacher on the same validation images. Colours are of "
        "mistakes alone. The test split is not read for this."
    )
    return Section(key=key, title=title, text=text, drawings=tuple(confusion(found)), shown=dict(pictures(found)))
