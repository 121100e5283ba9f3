"""What can be typed to use what a search found, and to train any of its trials once more."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

from raykd.page.evidence import Evidence, Trial
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
            yield "what it is good for", _typed("evaluate", called, *classes)
        yield "train it with another seed", _typed("distill", *_recipe(evidence, BEST_RECIPE), "--seed", "1", *classes)
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
    file = f"{TRIALS}/{trial.name}/{RECIPE}"
    return _typed("distill", *_recipe(evidence, file), *_classes(evidence, file))


def _recipe(evidence: Evidence, file: str) -> tuple[str, str]:
    """The option that names a file of the search: in an object store, in a copy of its folder."""
    return "--recipe", file if evidence.is_remote else f"{evidence.called}/{file}"


def _classes(evidence: Evidence, recipe: str) -> tuple[str, ...]:
    """Where classes are defined that a recipe names beside raykd's; nothing where it names none."""
    text = (evidence.folder / recipe).read_text()
    if evidence.search.file is None or not _names_foreign(json.loads(text)):
        return ()
    return "--study", str(Path(evidence.search.file))


def _names_foreign(value: object) -> bool:
    """Whether a class's name has its module before it, which those of raykd have not."""
    if isinstance(value, dict):
        kind = value.get("type", "")
        return (isinstance(kind, str) and "." in kind and not kind.startswith("raykd.")) or any(
            map(_names_foreign, value.values())
        )
    return isinstance(value, list) and any(map(_names_foreign, value))


def _typed(*words: str) -> str:
    return shlex.join(["raykd", *words])
