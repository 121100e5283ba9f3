"""The student of a search's trial, by its number: a point of the front, or one that kept its checkpoint."""

from collections.abc import Iterable
from pathlib import Path

from raykd.errors import InvalidError, MissingError, nearest
from raykd.protocols.event import METRIC
from raykd.runs.standalone import Student
from raykd.runs.student_file import STUDENT, save_student
from raykd.runs.student_file import load_student as read_student
from raykd.runs.trial import read_epochs, saved_epoch, student_weights
from raykd.storage.layout import RECIPE, SEARCH, TRIALS
from raykd.studies.recipe_file import load_recipe


def load_student(path: str | Path, types: Iterable[type] = (), trial: int | str | None = None) -> Student:
    """A student from its file, in eval mode on the CPU; neither the data set nor the search's folder is needed.

    Args:
        path: of the file, or of the folder that has it as `student.safetensors`.
        types: dataclasses beside raykd's own that stand in it, such as a network of one's own.
        trial: of the search whose folder `path` is, its number, or its name as in the tables. The points of a front
            have a file of their own; of another trial that kept its checkpoint it is made, which needs the data set.

    Raises:
        FileNotFoundError: there is none, or the trial's was not kept.
        ValueError: it is no student of raykd's, or names a class that is neither raykd's nor among `types`; or the
            trial has not ended.
    """
    return read_student(path if trial is None else student_folder(path, trial, types), types)


def trial_folder(folder: Path, trial: int | str) -> Path:
    """The folder of a trial, as it is.

    Raises:
        FileNotFoundError: there is no such search or trial.
    """
    if not (folder / SEARCH).is_file():
        raise MissingError(f"{folder} is no search, so that it has no trial {trial}")
    names = sorted(path.name for path in (folder / TRIALS).glob("*/"))
    wanted = f"trial-{int(trial):04d}-" if str(trial).isdecimal() else str(trial)
    found = [name for name in names if name == wanted or (wanted.endswith("-") and name.startswith(wanted))]
    if not found:
        raise MissingError(f"no trial {trial} in {folder}; {nearest(str(trial), names)}")
    # A setting that a killed driver had begun may have left its folder under the same number: the one with a student.
    kept = [name for name in found if (folder / TRIALS / name / STUDENT).exists()]
    return folder / TRIALS / (kept or found)[-1]


def student_folder(folder: str | Path, trial: int | str, types: Iterable[type] = ()) -> Path:
    """The folder of a search's trial with its student's file, which is written where there is a checkpoint alone.

    Args:
        folder: of the search.
        trial, types: as of `load_student`.

    Raises:
        FileNotFoundError: there is no such search or trial, or its student was not kept.
        ValueError: it has not ended.
    """
    there = Path(folder).expanduser()
    found = trial_folder(there, trial)
    if (found / STUDENT).exists():
        return found
    recipe, saved = load_recipe(found / RECIPE, types), saved_epoch(found)
    if saved is None:
        gone = "the search kept the students of its best trials alone" if read_epochs(found) else "it has no epoch yet"
        raise MissingError(f"trial {trial} of {there} has no student: {gone}")
    if saved["number"] < recipe.epochs:
        raise InvalidError(f"trial {trial} of {there} has ended {saved['number']} of its {recipe.epochs} epochs")
    accuracy = {"validation": saved["metrics"][METRIC], "test": None}
    known = {"accuracy": accuracy, "verdict": f"{found.name}: a single run", "confirmed": None}
    save_student(found / STUDENT, student_weights(found), recipe, known)
    return found
