"""A search's folder in the storage: `search.json` says what is searched there, so that the same search goes on."""

import contextlib
import dataclasses
import json
import platform
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from raykd.errors import AlreadyExistsError, InvalidError, MissingError, NotPermittedError, nearest
from raykd.runs.folder_format import FORMAT, check_format
from raykd.space.serialise import NamesFiles, fingerprint, stated, to_text
from raykd.storage.atomic import write_text
from raykd.storage.layout import BOARD, SEARCH, check_name, check_writable, folders
from raykd.storage.links import check_all_inside
from raykd.storage.storage import Storage
from raykd.studies.study import Study
from raykd.studies.study_file import study_module

BASE_RECIPE = "base_recipe.json"


@dataclass(frozen=True, kw_only=True)
class Search:
    """What a search was started with.

    Args:
        study: its name.
        recipe: fingerprint of its base recipe.
        trials: settings to try, the baselines not counted, and those counted in that were asked for later.
        seed: of the sampler.
        confirm: fresh seeds that the best of them are trained with in the end.
        versions: of what it ran with.
        file: that the study was read from; None where it was made in Python.
        format: of its folder, see `folder_format.py`.
        options: of `tune` that it was last started with, by name, where they are not the default; to go on with it
            as it was.
        contents: what the recipe's fingerprint follows of the data's files, such as a hash of the pictures, by field.
        threads: of a worker, where a CPU computes and the recipe does not say: those of the search's first start, so
            that trials are the same on other machines; None where GPUs compute.
        pareto: the goal beside accuracy; see `raykd.studies.goals`.
    """

    study: str
    recipe: str
    trials: int
    seed: int
    versions: dict[str, str]
    confirm: int = 0
    file: str | None = None
    format: int = FORMAT
    options: dict[str, Any] = field(default_factory=dict)
    contents: dict[str, Any] = field(default_factory=dict)
    threads: int | None = None
    pareto: str | None = None

    @classmethod
    def of(
        cls,
        study: Study,
        trials: int | None = None,
        seed: int = 0,
        confirm: int | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> "Search":
        """A new search; what is None is as the study says."""
        module = study_module(study)
        packages, data = {name: version(name) for name in ("raykd", "ray", "torch", "optuna")}, study.recipe.data
        return cls(
            study=study.name,
            recipe=fingerprint(study.recipe),
            trials=study.trials if trials is None else trials,
            seed=seed,
            confirm=study.confirm if confirm is None else confirm,
            versions={"python": platform.python_version()} | packages,
            file=module.__file__ if module else None,
            options=dict(options or {}),
            contents=dict(data.contents()) if isinstance(data, NamesFiles) else {},
            pareto=study.pareto,
        )

    def gone_on_with(
        self, name: str, trials: int | None, more: int, confirm: int | None, options: Mapping[str, Any]
    ) -> "Search":
        """This search with so many trials more.

        Args:
            name: of the search.
            trials: that were asked for; at most those that it has, as `more` is what adds some.
            confirm: the number of fresh seeds; None leaves it as it is.

        Raises:
            ValueError: more trials were asked for.
        """
        if trials is not None and trials > self.trials:
            raise InvalidError(
                f"{name} has {self.trials} trials, got trials={trials}; what adds some is "
                f"more_trials={trials - self.trials} (--more-trials {trials - self.trials})"
            )
        seeds = self.confirm if confirm is None else confirm
        return dataclasses.replace(self, trials=self.trials + more, confirm=seeds, options=dict(options))


def new_folder(storage: Storage, name: str | None, search: Search, study: Study) -> Path:
    """A new search's folder, made, with its `search.json`.

    Raises:
        ValueError: the name could lead out of the storage.
        FileExistsError: there is a search, or something else, of that name.
        PermissionError: the storage cannot be written to.
    """
    name = name or f"{study.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    check_name(name)
    check_writable(storage.root)
    folder = storage.root / name
    try:
        storage.make_new(folder)
        write_text(folder / BASE_RECIPE, to_text(study.recipe))
        write_search(folder, search)
    except FileExistsError:
        raise AlreadyExistsError(
            f"{storage.shown(folder)} exists already; go on with it by --resume, or choose another name"
        ) from None
    except OSError as error:
        raise NotPermittedError(f"cannot write to the storage {storage.root}: {error.strerror}") from None
    return folder


@contextlib.contextmanager
def remove_unless_begun(folder: Path) -> Iterator[None]:
    """Removes a search's folder if an error ends it before its work begins, so that its name is free again."""
    try:
        yield
    except Exception:
        if not (folder / BOARD).exists():  # what is written first once nothing can be refused any more
            shutil.rmtree(folder, ignore_errors=True)
        raise


def old_folder(root: Path, name: str | None, study: Study) -> tuple[Path, Search]:
    """The folder of a search to go on with: the one of that name, or else the study's newest.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the study is another one, its base recipe has changed since, or what it is trained on, or the folder
            has another format.
    """
    if name is None:
        searches = {folder.name: read_search(folder) for folder in folders(root)}
        name = next((key for key in reversed(searches) if searches[key].study == study.name), None)
        if name is None:
            raise MissingError(f"no search of the study {study.name!r} in {root} to resume")
    search = read_search(find(root, name))
    if (search.study, search.recipe) != (study.name, fingerprint(study.recipe)):
        if search.study == study.name and _had_other_contents(search, study):
            raise InvalidError(
                f"{root / name} was begun with other pictures to train and validate on than there are now, and all of "
                f"its trials have seen those: some were changed, added or removed; put them back, or start a new search"
            )
        raise InvalidError(
            f"{root / name} searches the study {search.study!r} with another base recipe than {study.name!r} has now; "
            f"start a new search"
        )
    check_all_inside(root, root / name)
    return root / name, search


def _had_other_contents(search: Search, study: Study) -> bool:
    """Whether the study's base recipe is the search's but for what is in the files of its data."""
    recipe = stated(study.recipe)
    recipe["data"] |= search.contents
    return bool(search.contents) and search.recipe == fingerprint(recipe)


def find(root: Path, name: str) -> Path:
    """The folder of a search to go on with, by its name.

    Raises:
        FileNotFoundError: there is none, with those that there are.
        ValueError: its folder has another format.
    """
    found = {folder.name: folder for folder in folders(root)}
    if name not in found:
        raise MissingError(f"no search {name!r} in {root} to resume; {nearest(name, found)}")
    check_format(found[name])
    return found[name]


def read_search(folder: Path) -> Search:
    return Search(**{"format": 1} | json.loads((folder / SEARCH).read_text()))


def write_search(folder: Path, search: Search) -> None:
    write_text(folder / SEARCH, json.dumps(dataclasses.asdict(search), indent=2) + "\n")
