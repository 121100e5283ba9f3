"""The front at the end of a search of two goals: its table, its line, and a student's file for each of its points."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from raykd.cluster.test_split import pulled
from raykd.cluster.tuner.ended_trials import Record
from raykd.cluster.tuner.trials import Trials
from raykd.protocols.event import METRIC
from raykd.runs.confirmed import Confirmed
from raykd.runs.front import FRONT, Student, cost_columns, front_in_words, front_of, rows_of
from raykd.runs.student_file import STUDENT, save_student
from raykd.runs.trial import saved_epoch, student_weights
from raykd.storage.atomic import write
from raykd.storage.layout import TRIALS
from raykd.studies.goals import goal

if TYPE_CHECKING:
    import pandas


def with_costs(trials: Trials, own: Mapping[str, Record], frame: "pandas.DataFrame") -> "pandas.DataFrame":
    """The table with what each trial's student costs; as it is where accuracy is the only goal."""
    if trials.costs is None:
        return frame
    students = _students(trials, own)
    columns = [cost_columns(students[name].cost) for name in frame["name"]]
    return frame.assign(**{column: [each[column] for each in columns] for column in (columns[0] if columns else {})})


def front(
    trials: Trials, own: Mapping[str, Record], frame: "pandas.DataFrame", found: Confirmed | None
) -> "pandas.DataFrame | None":
    """The front as a table; None where accuracy is the only goal."""
    if trials.costs is None or trials.study.pareto is None:
        return None
    return front_of(frame, _students(trials, own), goal(trials.study.pareto), found)


def verdict_of(trials: Trials, found: "pandas.DataFrame", confirmation: Confirmed | None, *, has_ended: bool) -> str:
    """What was found in a line."""
    assert trials.costs is not None and trials.study.pareto is not None
    aim = goal(trials.study.pareto)
    plain = aim.of(trials.costs.of(trials.study.recipe.student))
    words = front_in_words(found, aim, confirmation if has_ended else None, plain)
    return words if has_ended else f"so far {words}"


def write_front(trials: Trials, own: Mapping[str, Record], found: "pandas.DataFrame") -> None:
    """Writes the table, and in the folder of each of its trials the student, for who has neither data nor search."""
    write(trials.folder / FRONT, lambda path: found.to_csv(path, index=False))
    for row in rows_of(found):
        if saved_epoch(folder := pulled(trials, row["name"])) is None:
            continue  # another point had taken its place before, and lost it again to a trial that was tried anew
        file = trials.folder / TRIALS / row["name"] / STUDENT
        save_student(file, student_weights(folder), trials.recipe(own[row["name"]].config), _facts(row))
        trials.storage.push(file)


def _facts(row: Mapping[str, Any]) -> dict[str, Any]:
    test = row["test/accuracy"]
    accuracy = {"validation": row[METRIC], "test": None if test != test else test}
    words = f"a point of a front: {row['state']}, validation {100 * row['accuracy']:.1f} %"
    return {"accuracy": accuracy, "verdict": words, "confirmed": None}


def _students(trials: Trials, own: Mapping[str, Record]) -> dict[str, Student]:
    assert trials.costs is not None
    found: dict[str, Student] = {}
    for name, record in own.items():
        student = trials.recipe(record.config).student
        found[name] = Student(words=trials.costs.words_of(student), cost=trials.costs.of(student))
    return found
