"""The trials of a search: which setting is which trial, and where its files lie."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raykd.cluster.mailbox import Job
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.iakd import NoSwap
from raykd.methods.kd import KD
from raykd.methods.rco import FinalTeacher
from raykd.recipe import Recipe
from raykd.search import override
from raykd.serialise import fingerprint
from raykd.study import Study

ALONE = "student alone"
PLAIN_KD = "plain KD"
EMPTY: Mapping[str, Any] = {}


def baselines(recipe: Recipe) -> dict[str, Recipe]:
    """What a search is compared with: the student on labels alone, and Hinton's KD at the published weights."""
    plain = {"terms": (CrossEntropy(weight=0.1), KD(weight=0.9)), "route": FinalTeacher(), "swap": NoSwap()}
    return {ALONE: recipe.alone(), PLAIN_KD: override(recipe, {}) if False else _with(recipe, plain)}


def _with(recipe: Recipe, fields: Mapping[str, Any]) -> Recipe:
    import dataclasses

    return dataclasses.replace(recipe, **fields)


@dataclass(frozen=True)
class Trials:
    """Turns Tune's configurations into jobs.

    Args:
        study: what is searched.
        folder: of the search.
        store: root of the artefact store.
    """

    study: Study
    folder: Path
    store: Path

    def recipe(self, config: Mapping[str, Any]) -> Recipe:
        if "baseline" in config:
            return baselines(self.study.recipe)[config["baseline"]]
        return self.study.recipe_of(config["values"])

    def name(self, config: Mapping[str, Any]) -> str:
        """A trial's name: its number and a hash of its recipe; a setting suggested twice after a restart is one trial."""
        label = config.get("baseline", "").replace(" ", "-") or f"trial-{config['number']:04d}"
        return f"{label}-{fingerprint(self.recipe(config))[:8]}"

    def job(self, config: Mapping[str, Any]) -> Job:
        name = self.name(config)
        return Job(
            recipe=self.recipe(config),
            folder=str(self.folder / "trials" / name),
            board=str(self.folder / "tensorboard" / name),
            store=str(self.store),
            values=config.get("values", EMPTY),
        )
