"""What is seen by looking at a finished search's networks and masks: made once, for the page and for TensorBoard.

Networks are asked about validation images alone; the test split stays unread. On a CPU and for seconds only: of a large
split evenly spread images, as many as the time allows. What can't be had is left out with a reason in a line.
"""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from raykd.errors import MissingError, UserError, one_line
from raykd.page.agreement import Agreement, agreement
from raykd.page.codebook_words import codebook_words
from raykd.page.drawing import Exhibit
from raykd.page.evidence import Evidence, Trial
from raykd.page.matrices import matrices
from raykd.page.neighbours import neighbours
from raykd.page.swap_masks import swap_masks, swaps
from raykd.page.teacher import route_of
from raykd.recipe import Recipe
from raykd.runs.result import BEST_RECIPE
from raykd.runs.search_folder import BASE_RECIPE
from raykd.runs.student import trained
from raykd.storage.artifacts import NotMadeError
from raykd.storage.layout import RECIPE, TRIALS
from raykd.studies.recipe_file import load_recipe

T = TypeVar("T")
_MOST_MASKS = 4  # trials whose masks are drawn, the best of those that swap


@dataclass(frozen=True, kw_only=True)
class Looks:
    """What was seen; of a search that has not ended, nothing.

    Args:
        agreement: the student beside its teacher.
        exhibits: pictures, by what they are of; the confusion matrices, which the page draws itself, not among them.
        matrices: those, for TensorBoard.
        missing: why there is no agreement, or no codebook, in a line each.
    """

    agreement: Agreement | None = None
    exhibits: tuple[Exhibit, ...] = ()
    matrices: tuple[Exhibit, ...] = ()
    missing: tuple[str, ...] = ()


NOTHING_SEEN = Looks()


def look(evidence: Evidence, types: tuple[type, ...] = ()) -> Looks:
    """Looks at a finished search; who stops one need not wait for this.

    Args:
        types: classes of a study's own that may stand in its recipes.
    """
    if evidence.state != "finished" or evidence.best is None:
        return NOTHING_SEEN
    missing: list[str] = []
    found = _tried(missing, "The student beside its teacher", lambda: _agreement(evidence, types))
    exhibits = [] if found is None else [neighbours(found)]
    exhibits += _tried(missing, "What the words look at", lambda: list(_words(evidence, types))) or []
    exhibits += _tried(missing, "What was swapped", lambda: list(_masks(evidence, types))) or []
    drawn = () if found is None else (matrices(found),)
    return Looks(agreement=found, exhibits=tuple(exhibits), matrices=drawn, missing=tuple(missing))


def _tried(missing: list[str], what: str, made: Callable[[], T]) -> T | None:
    try:
        return made()
    except NotMadeError:
        missing.append(f"{what} is left out: the storage does not have the codebook.")
    except (UserError, OSError) as error:
        missing.append(f"{what} is left out: {one_line(error)}.")
    return None


def _agreement(evidence: Evidence, types: tuple[type, ...]) -> Agreement:
    student = trained(evidence.folder, types)
    base = load_recipe(evidence.folder / BASE_RECIPE, types)
    # One that learned with another split has a teacher that did so too.
    best = load_recipe(evidence.folder / BEST_RECIPE, types)
    route = route_of(evidence, dataclasses.replace(base, data=best.data))
    network = student.build(route.dataset.device)
    return agreement(network, route.network(route.num_checkpoints), route.dataset)


def _words(evidence: Evidence, types: tuple[type, ...]) -> Iterator[Exhibit]:
    """Of the best trial with a codebook, where there is one."""
    for trial, recipe in _complete(evidence, types):
        if (drawn := codebook_words(evidence, trial, recipe)) is not None:
            yield drawn
            return


def _masks(evidence: Evidence, types: tuple[type, ...]) -> Iterator[Exhibit]:
    swapping = [(trial, recipe) for trial, recipe in _complete(evidence, types) if swaps(recipe)]
    yield from (swap_masks(trial, recipe) for trial, recipe in swapping[:_MOST_MASKS])


def _complete(evidence: Evidence, types: tuple[type, ...]) -> Iterator[tuple[Trial, Recipe]]:
    """The trials that ran to their ends, the best first."""
    for trial in evidence.own:
        if trial.outcome == "complete":
            file = evidence.folder / TRIALS / trial.name / RECIPE
            if not file.exists():
                raise MissingError(f"{file} is gone")
            yield trial, load_recipe(file, types)
