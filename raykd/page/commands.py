"""What can be typed to use what a search found, and to train any of its trials once more."""

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from raykd.page.evidence import Evidence, Trial
from raykd.page.found_front import found_front
from raykd.runs.result import BEST_RECIPE
from raykd.runs.student_file import STUDENT
from raykd.storage.layout import RECIPE, TRIALS


def how_to_use(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """What each command is for, and the command; only such as work with what is there now."""
    called, name, storage = evidence.called, evidence.folder.name, ("--storage", evidence.storage)
    if evidence.state == "running":
        yield "how far it is", _typed("status", called)
        yield "its curves, in TensorBoard", _typed("board", called)
        yield "end it after its running epochs", _typed("stop", called)
        yield "this page anew", _typed("report", called)
        return
    if (evidence.folder / STUDENT).exists():
        yield "the student in Python", f'raykd.load_result("{called}").load_student()'
        classes = _classes(evidence, BEST_RECIPE)
        if evidence.is_remote:
            yield "what it is good for", _typed("evaluate", name, *storage, *classes)
        else:
            yield "what it takes pictures for", _typed("predict", called, "photos/")
            yield "ONNX and a model card", _typed("export", called)
            if (front := found_front(evidence)) is not None:
                cheapest = front.rows[0]["name"]
                yield "the same of another point of the front", _typed("export", called, "--trial", cheapest)
            yield "what it is good for", _typed("evaluate", called, *classes)
        recipe = _recipe(evidence, BEST_RECIPE)
        yield "train it with another seed", _typed("distill", *recipe, "--seed", "1", *classes)
        yield "where the time of its steps goes, with a trace", _typed("profile", *recipe, *classes)
    if evidence.search.file is not None:
        again = ("tune", "--resume", name, *storage)
        if evidence.state == "finished":
            yield "search on", _typed(*again, "--more-trials", "16")
        else:
            yield "go on with it", _typed(*again)
    yield "its curves, in TensorBoard", _typed("board", called)


def repeats(evidence: Evidence, trial: Trial) -> str:
    """The command that trains a trial once more; empty where it has no recipe, as it failed before."""
    if not trial.recipe:
        return ""
    return repeating(evidence.called, trial.name, trial.recipe, evidence.search.file)


def repeating(called: str, trial: str, recipe: Mapping[str, Any], study: str | None) -> str:
    """The same for whoever has no evidence yet.

    Args:
        called: the search's folder as a user types it; may be a URI.
        trial: its name.
        recipe: as it stands in its file.
        study: the file that the study was read from; None where it was made in Python.
    """
    file = f"{TRIALS}/{trial}/{RECIPE}"
    named = file if "://" in called else f"{called}/{file}"
    return _typed("distill", "--recipe", named, *_study_of(recipe, study))


def _recipe(evidence: Evidence, file: str) -> tuple[str, str]:
    """The option that names a file of the search: in an object store, in a copy of its folder."""
    return "--recipe", file if evidence.is_remote else f"{evidence.called}/{file}"


def _classes(evidence: Evidence, recipe: str) -> tuple[str, ...]:
    """Where classes are defined that a recipe names beside raykd's; nothing where it names none."""
    return _study_of(json.loads((evidence.folder / recipe).read_text()), evidence.search.file)


def _study_of(recipe: Mapping[str, Any], file: str | None) -> tuple[str, ...]:
    return () if file is None or not _names_foreign(recipe) else ("--study", file)


def _names_foreign(value: object) -> bool:
    """Whether a class's name has its module before it, which those of raykd have not."""
    if isinstance(value, Mapping):
        kind = value.get("type", "")
        return (isinstance(kind, str) and "." in kind and not kind.startswith("raykd.")) or any(
            map(_names_foreign, value.values())
        )
    return isinstance(value, list) and any(map(_names_foreign, value))


def _typed(*words: str) -> str:
    return shlex.join(["raykd", *words])
