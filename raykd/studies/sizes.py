"""The students of a search of two goals: a study's sizes become part of its space, and all of its students are known.

Without a goal beside accuracy a study's `sizes` are left out, so that its search is the one that it always was.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from raykd.errors import InvalidError
from raykd.protocols.model import ModelSpec
from raykd.space.ranges import describe
from raykd.space.serialise import fingerprint
from raykd.studies.goals import goal
from raykd.studies.study import Study, Values

_STUDENT = "student"
_MOST = 200  # students: each of them is built, and measured where time is a goal


def aimed(study: Study, pareto: str | None) -> Study:
    """A study as it is searched for accuracy and a cost of the student; as it is where there is no such goal.

    Its first settings are dealt out to the students, the base recipe's own first, where these are one choice.

    Args:
        pareto: the goal's name; the study's own by default.

    Raises:
        ValueError: an unknown goal, or a study whose students all have one size, or whose sizes do not fit.
    """
    name = pareto or study.pareto
    if name is None:
        first = study.first_without_sizes()
        return study if first == study.first else dataclasses.replace(study, first=first)
    goal(name)
    choices = {path: option for path, option in study.sizes.items() if isinstance(option, Mapping)}
    ranges = {path: option for path, option in study.sizes.items() if isinstance(option, BaseDistribution)}
    sized = dataclasses.replace(
        study,
        choices={**choices, **study.choices},
        ranges={**study.ranges, **ranges},
        first=tuple(_dealt(study, choices)),
        sizes={},
        pareto=name,
    )
    if len(students(sized)) < 2:
        raise InvalidError(
            f"pareto {name} needs students of several sizes, and {study.name} has one; give it some, such as "
            'Study(sizes={"student": {"thin": CNN(widths=(4, 8)), "wide": CNN(widths=(8, 16))}})'
        )
    return sized


def students(study: Study) -> dict[str, tuple[str, ModelSpec]]:
    """Every student that a study may draw: by its fingerprint, the words that tell it from the others, and itself.

    Raises:
        ValueError: there are more than can be counted, as of a range without steps.
    """
    found: dict[str, tuple[str, ModelSpec]] = {}
    for values in _settings(study):
        student = study.recipe_of(values).student
        words = ", ".join(_told(path, value) for path, value in values.items())
        found.setdefault(fingerprint(student), (words or "its own", student))
        if len(found) > _MOST:
            raise InvalidError(f"pareto needs at most {_MOST} students, and {study.name} has more; give ranges steps")
    for name, recipe in {"its own": study.recipe, **study.candidates}.items():
        found.setdefault(fingerprint(recipe.student), (name, recipe.student))
    return found


def _settings(study: Study) -> Iterator[Values]:
    """What decides the student, in every way."""
    choices = [path for path, options in study.choices.items() if any(map(_reaches, _places(path, options)))]
    for names in itertools.product(*(study.choices[path] for path in choices)):
        chosen = dict(zip(choices, names, strict=True))
        ranges = {path: each for path, each in study.ranges_of(chosen).items() if _reaches(path)}
        for drawn in itertools.product(*(_every_value(path, each) for path, each in ranges.items())):
            yield chosen | dict(zip(ranges, drawn, strict=True))


def _places(path: str, options: Mapping[str, Any]) -> set[str]:
    """The paths that a choice changes, as of `raykd.studies.choices`."""
    groups = [option for option in options.values() if isinstance(option, Mapping)]
    return {place for group in groups for place in group} if groups else {path}


def _reaches(path: str) -> bool:
    return path == _STUDENT or path.startswith(f"{_STUDENT}/")


def _every_value(path: str, distribution: BaseDistribution) -> list[Any]:
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    step = distribution.step
    if step is None:
        raise InvalidError(
            f"pareto counts its students, and {path} is {describe(distribution)}; give it a step, or choices"
        )
    count = math.floor((distribution.high - distribution.low) / step + 1e-9) + 1
    if count > _MOST:
        raise InvalidError(f"pareto needs at most {_MOST} students, and {path} has {count} values; give it wider steps")
    return [distribution.low + number * step for number in range(count)]


def _told(path: str, value: Any) -> str:
    words = path.removeprefix(f"{_STUDENT}/").replace("_", " ")
    return str(value) if path == _STUDENT or not _reaches(path) else f"{words} {value}"


def _dealt(study: Study, choices: Mapping[str, Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The first settings, one with each student in turn: none of them is stopped, so that each is seen to its end."""
    if _STUDENT not in choices:
        yield from study.first
        return
    options = choices[_STUDENT]
    own = [name for name, option in options.items() if option == study.recipe.student]
    turn = itertools.cycle([*own, *(name for name in options if name not in own)])
    for values in study.first or ({},):
        yield values if _STUDENT in values else {_STUDENT: next(turn), **values}


def check_sizes(study: Study, num_processes: int = 1) -> None:
    """Refuses a study of which some component does not fit some of its other students; as `Study.check`.

    Raises:
        ValueError: the student, and what is wrong with it.
    """
    for name, student in study.choices.get(_STUDENT, {}).items() if study.pareto else ():
        if student == study.recipe.student:
            continue
        try:
            recipe = dataclasses.replace(study.recipe, student=student)
            dataclasses.replace(study, recipe=recipe, first=(), candidates={}).check(num_processes)
        except ValueError as error:
            raise InvalidError(f"{error} (with the student {name})") from None
