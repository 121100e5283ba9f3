"""A study in a file of the user's: read, and found again by what needs its module."""

import dataclasses
import difflib
import importlib.util
import sys
import traceback
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

from raykd.errors import InvalidError, MissingError, is_for_the_user, nearest, one_line
from raykd.space.serialise import types_in
from raykd.studies.shipped import find_shipped, sets_study, shipped_studies
from raykd.studies.study import Study


def load_study(path: str | Path) -> Study:
    """The study in a file, its variable `study`; or one that ships with raykd, by its name such as `digits`.

    Raises:
        FileNotFoundError: no such file or study, with the nearest ones.
        ValueError: the file holds no study, cannot be read as Python, or one of its statements cannot be carried out.
    """
    file = _find(Path(path).expanduser())
    study = getattr(_execute(file), "study", None)
    if not isinstance(study, Study):
        raise InvalidError(f"{path} sets no variable `study` to a raykd.Study")
    return study if study.name != "study" else dataclasses.replace(study, name=file.stem)


def study_module(study: Study) -> ModuleType | None:
    """The module of a user's study file, if its classes come from one that other processes cannot import."""
    files = [module for name, module in list(sys.modules.items()) if name.startswith(_module_name(""))]
    return next((file for file in files if getattr(file.__dict__.get("study"), "recipe", None) is study.recipe), None)


def own_types(study: Study) -> tuple[type, ...]:
    """The dataclasses that a recipe of a study may name: those of its components, and all that its file knows."""
    module = study_module(study)
    found = vars(module).values() if module else ()
    known = [value for value in found if isinstance(value, type) and dataclasses.is_dataclass(value)]
    return tuple(dict.fromkeys([*known, *(cls for recipe in study.every_component() for cls in types_in(recipe))]))


def _find(path: Path) -> Path:
    if path.suffix == ".py" and path.is_file():
        return path.absolute()
    if (shipped := find_shipped(path)) is not None:
        return shipped
    choices = {name: name for name in shipped_studies()}
    choices |= {file.stem: str(file) for file in sorted(path.parent.glob("[!_]*.py")) if sets_study(file)}
    near = [choices[name] for name in difflib.get_close_matches(path.stem, choices)]
    instead = f"did you mean {', '.join(near)}" if near else nearest("", choices.values())
    raise MissingError(f"no study {str(path)!r}; {instead}")


def _execute(file: Path) -> ModuleType:
    name = _module_name(file.stem)
    loader = SourceFileLoader(name, str(file))
    spec = importlib.util.spec_from_loader(name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before it runs: dataclasses look their module up
    try:
        # Not `exec_module`, which would leave a `__pycache__` beside the user's file.
        exec(loader.source_to_code(file.read_bytes(), str(file)), module.__dict__)
    except SyntaxError as error:
        raise InvalidError(f"{file.name}, line {error.lineno}: {error.msg}") from None
    except Exception as error:
        line = _line_of(error, file)
        if line is None or is_for_the_user(error):
            raise
        kind = "" if type(error) is ValueError else f"{type(error).__name__}: "
        raise InvalidError(f"{file.name}, line {line}: {kind}{one_line(error)}") from None
    return module


def _line_of(error: Exception, file: Path) -> int | None:
    """The line of a file's own statement that cannot be carried out; None where it is within the user's functions."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return frames[-1].lineno if frames and frames[-1].name == "<module>" else None


def _module_name(stem: str) -> str:
    return f"raykd_study_{stem}"
