"""What a search found: its trials as a table, and the best of them as a recipe and a student."""

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raykd.errors import InvalidError
from raykd.recipe import Recipe
from raykd.runs.confirmed import Confirmed
from raykd.runs.front import read_front
from raykd.runs.standalone import Student
from raykd.runs.trial_student import load_student
from raykd.storage.layout import CONFIRMATION_TABLE, RECIPE, SUMMARY, check_name
from raykd.studies.recipe_file import load_recipe

if TYPE_CHECKING:
    import pandas

BEST_RECIPE, TABLE = "best_recipe.json", "trials.csv"


@dataclass(frozen=True)
class Best:
    """The best trial or baseline: its name, its recipe, its metrics after its last epoch.

    Its accuracy on the test split is None until the search has ended.
    """

    name: str
    recipe: Recipe
    metrics: dict[str, float]
    test_accuracy: float | None


@dataclass(frozen=True)
class Result:
    """A finished (or interrupted) search.

    Args:
        folder: where everything lies.
        frame: a row for each trial and baseline, best first: `name`, `setting` (in a few words), `baseline`, `outcome`
            (complete, stopped, diverged, failed, unfinished), `val/accuracy`, `epochs`, `seconds`, each value of its
            setting by path, and `test/accuracy` (of the best and the baselines alone). What they give under fresh
            seeds is in `confirmed`.
        interrupted: whether there are trials still to run; the same search resumed runs them.
        types: classes of the study's own that stand in its recipes.
    """

    folder: Path
    frame: "pandas.DataFrame"
    interrupted: bool = False
    types: tuple[type, ...] = ()

    @functools.cached_property
    def summary(self) -> dict[str, Any]:
        """The name of the `best` trial or baseline (None if none finished), its `metrics` and `test_accuracy`.

        Beside them the `verdict` in a line, the `teacher`'s test accuracy, and what was `confirmed`, as it is written;
        where pictures were `skipped`, why, by their paths.
        """
        return json.loads((self.folder / SUMMARY).read_text())

    @functools.cached_property
    def confirmed(self) -> Confirmed | None:
        """What the best trials and the baselines gave under fresh seeds; None where they were not trained again."""
        import pandas

        entries = self.summary["confirmed"]
        if entries is None:
            return None
        return Confirmed.from_json(entries, pandas.read_csv(self.folder / CONFIRMATION_TABLE))

    @functools.cached_property
    def front(self) -> "pandas.DataFrame | None":
        """A search's points of two goals, the cheapest first; see `raykd.runs.front.front_of`. None of one goal."""
        return read_front(self.folder)

    @functools.cached_property
    def best(self) -> Best:
        """The confirmation's winner, or without one the best trial or baseline that finished.

        Raises:
            ValueError: no trial finished.
        """
        name = self.summary["best"]
        if name is None:
            raise InvalidError(f"no trial of {self.folder} has finished")
        check_name(name)
        recipe = load_recipe(self.folder / "trials" / name / RECIPE, self.types)
        return Best(name, recipe, self.summary["metrics"], self.summary["test_accuracy"])

    def _repr_html_(self) -> str:
        """What a notebook shows of it."""
        from raykd.runs.notebook import in_html

        return in_html(self.folder, self.frame, self.summary, self.confirmed)

    def load_student(self, trial: int | str | None = None) -> Student:
        """The best student, or that of a trial, in eval mode on the CPU; see `raykd.load_student`."""
        return load_student(self.folder, self.types, trial)
