"""The trials of a search: which setting is which trial, and where its files lie."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raykd.cluster.workers.job import Job
from raykd.page.commands import repeating
from raykd.protocols.outcome import CONFIRMATION
from raykd.recipe import Recipe
from raykd.runs.costs import Costs
from raykd.space.serialise import encode, fingerprint
from raykd.storage.artifacts import Store, open_store
from raykd.storage.layout import BOARD, CONFIRMATION_BOARD, TRIALS
from raykd.storage.storage import Storage
from raykd.studies.baselines import baselines
from raykd.studies.columns import columns_of
from raykd.studies.confirmation import with_seed
from raykd.studies.goals import goal
from raykd.studies.study import Study
from raykd.studies.study_file import study_module
from raykd.studies.words import in_a_few_words

CONFIRM = "confirm"  # in a configuration: the number of the fresh seed that the setting is trained with


@dataclass(frozen=True)
class Trials:
    """Turns Tune's configurations into jobs.

    Args:
        study: what is searched.
        folder: of the search.
        storage: that it lies in, with the artefacts.
        room: bytes that what teachers said may take on a machine; as of `Store`.
        threads: of a trial's workers, where its recipe does not say; as of `Search`.
        costs: of the study's students, where one is a goal beside accuracy.
    """

    study: Study
    folder: Path
    storage: Storage
    room: int | None = None
    threads: int | None = None
    costs: Costs | None = None

    def __setstate__(self, state: dict[str, Any]) -> None:
        """What arrives on another machine has that machine's folders."""
        self.__dict__.update(state)
        self.__dict__.update(folder=self.storage.here(self.folder), storage=self.storage.moved_here())

    def open_store(self, made: Callable[[str, str, float], None] | None = None) -> Store:
        """The artefact store, on the machine that this is called on; `made` as of `Store`."""
        return open_store(self.storage, made=made, room=self.room)

    def for_ray(self, name: str) -> str:
        """Where a part of Ray keeps its own files, which all machines must see: a path, or the URI of the storage."""
        return self.storage.uri_of(self.folder / name)

    def recipe(self, config: Mapping[str, Any]) -> Recipe:
        """What a trial trains."""
        recipe = self._recipe(config)
        recipe = dataclasses.replace(recipe, threads=recipe.threads or self.threads)
        if CONFIRM not in config:
            return recipe
        return with_seed(recipe, config[CONFIRM], own_split=self.study.own_splits)

    def _recipe(self, config: Mapping[str, Any]) -> Recipe:
        """The recipe as the study has it."""
        if "baseline" in config:
            return baselines(self.study.recipe)[config["baseline"]]
        if "candidate" in config:
            return self.study.candidates[config["candidate"]]
        return self.study.recipe_of(config["values"])

    def cost(self, config: Mapping[str, Any]) -> float | None:
        """How much of the second goal a trial's student has; None in a search of one goal."""
        if self.costs is None or self.study.pareto is None:
            return None
        return goal(self.study.pareto).of(self.costs.of(self._recipe(config).student))

    def cost_of_setting(self, values: Mapping[str, Any]) -> float:
        """The same of a setting, in a search of two goals."""
        cost = self.cost({"values": values})
        assert cost is not None
        return cost

    def setting(self, config: Mapping[str, Any]) -> str:
        """What a trial trains, in a few words such as `quest K 256 T 0.5 + KD`; see `raykd.studies.words`."""
        if CONFIRM in config:
            rest = {key: value for key, value in config.items() if key != CONFIRM}
            return f"{self.setting(rest)}, seed {config[CONFIRM]}"
        if (named := config.get("baseline", config.get("candidate"))) is not None:
            return named
        return in_a_few_words(self._recipe(config), self.study.recipe)

    def name(self, config: Mapping[str, Any]) -> str:
        """A trial's name, which is its folder's: a number and a hash of its recipe.

        A setting that is suggested once more under its number after a restart goes on in the same folder.
        """
        named = config.get("baseline", config.get("candidate"))
        label = f"trial-{config['number']:04d}" if named is None else re.sub(r"[^A-Za-z0-9_.-]", "-", named)
        seed = f"{CONFIRMATION}{config[CONFIRM]:02d}-" if CONFIRM in config else ""
        return f"{seed}{label}-{fingerprint(self.recipe(config))[:8]}"

    def board(self, config: Mapping[str, Any]) -> Path:
        """The folder of a trial's TensorBoard run, whose name says what it is, such as `07 quest K 256 + KD`.

        It has the number of the trial's own name, and is the same whenever the trial is gone on with.
        """
        number = f"{config['number']:02d} " if "number" in config else ""
        words = re.sub(r"[^A-Za-z0-9 _.,+-]", "-", self.setting(config))
        return self.folder / (CONFIRMATION_BOARD if CONFIRM in config else BOARD) / f"{number}{words}"

    def job(self, config: Mapping[str, Any]) -> Job:
        recipe = self.recipe(config)
        return Job(
            recipe=recipe,
            folder=str(self.folder / TRIALS / self.name(config)),
            board=str(self.board(config)),
            storage=self.storage,
            room=self.room,
            values=config.get("values", {}),
            columns=columns_of(self.study, recipe, config.get("values"), is_baseline="baseline" in config),
            command=self._command(config, recipe),
        )

    def _command(self, config: Mapping[str, Any], recipe: Recipe) -> str:
        module = study_module(self.study)
        file = module.__file__ if module else None
        return repeating(self.storage.uri_of(self.folder), self.name(config), encode(recipe), file)
