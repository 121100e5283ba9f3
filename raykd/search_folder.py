"""A search's folder in the storage: `search.json` says what is searched there, so that the same search goes on."""

import json
import os
import platform
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from raykd.artifacts import write_text
from raykd.search import nearest
from raykd.serialise import fingerprint, to_text
from raykd.storage import check_name, check_writable
from raykd.study import Study

_SEARCH, _BASE_RECIPE = "search.json", "base_recipe.json"


@dataclass(frozen=True, kw_only=True)
class Search:
    """What a search was started with.

    Args:
        study: its name.
        recipe: fingerprint of its base recipe.
        trials: settings to try, the baselines not counted.
        seed: of the sampler.
        versions: of what it ran with.
    """

    study: str
    recipe: str
    trials: int
    seed: int
    versions: dict[str, str]

    @classmethod
    def of(cls, study: Study, trials: int, seed: int) -> "Search":
        packages = {name: version(name) for name in ("raykd", "ray", "torch", "optuna")}
        return cls(
            study=study.name,
            recipe=fingerprint(study.recipe),
            trials=trials,
            seed=seed,
            versions={"python": platform.python_version()} | packages,
        )


def new_folder(root: Path, name: str | None, search: Search, study: Study) -> Path:
    """A new search's folder, made, with its `search.json`.

    Raises:
        ValueError: the name could lead out of the storage.
        FileExistsError: there is a search, or something else, of that name.
        PermissionError: the storage cannot be written to.
    """
    name = name or f"{study.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    check_name(name)
    check_writable(root)
    folder = root / name
    try:
        folder.mkdir()
        write_text(folder / _BASE_RECIPE, to_text(study.recipe))
        write_text(folder / _SEARCH, json.dumps(asdict(search), indent=2) + "\n")
    except FileExistsError:
        raise FileExistsError(f"{folder} exists already; go on with it by --resume, or choose another name") from None
    except OSError as error:
        raise PermissionError(f"cannot write to the storage {root}: {error.strerror}") from None
    return folder


def old_folder(root: Path, name: str | None, study: Study) -> tuple[Path, Search]:
    """The folder of a search to go on with: the one of that name, or else the study's newest.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the study is another one, or its base recipe has changed since.
    """
    found = {path.parent.name: path for path in sorted(root.glob(f"*/{_SEARCH}"), key=os.path.getmtime)}
    searches = {key: Search(**json.loads(path.read_text())) for key, path in found.items()}
    if name is None:
        name = next((key for key in reversed(searches) if searches[key].study == study.name), None)
        if name is None:
            raise FileNotFoundError(f"no search of the study {study.name!r} in {root} to resume")
    if name not in searches:
        raise FileNotFoundError(f"no search {name!r} in {root} to resume; {nearest(name, searches)}")
    search = searches[name]
    if (search.study, search.recipe) != (study.name, fingerprint(study.recipe)):
        raise ValueError(
            f"{root / name} searches the study {search.study!r} with another base recipe than {study.name!r} has now; "
            f"start a new search"
        )
    return root / name, search
