"""`study_of(data, student, teacher)`: a whole study from what a newcomer has, each choice said in a line."""

import dataclasses
import logging
import os
from collections.abc import Callable, Sequence

import torch

from raykd.data.dataset import DataSpec, load
from raykd.data.finding import find_data
from raykd.errors import InvalidError
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.kd import KD
from raykd.optim import SGD, Cosine
from raykd.planning.networks import Named, network_of, teacher_of
from raykd.planning.sizes import sizes_of
from raykd.planning.suiting import Suiting, suiting
from raykd.planning.within import Planned, planned_within
from raykd.protocols.model import ModelSpec
from raykd.protocols.teacher import TeacherSpec
from raykd.recipe import Recipe
from raykd.studies.study import Study

MINUTES = 10.0
_LOG = logging.getLogger(__name__)
_BATCHES = 16  # an epoch should have at least; fewer steps teach a network little
_LARGEST_BATCH, _SMALLEST_BATCH = 64, 8
_LIKELY_EPOCHS = 30  # before it is known; a method that wants more epochs than these is left out
_PRETRAINED_RATE, _FRESH_RATE = 0.01, 0.05


def study_of(
    *,
    data: str | os.PathLike[str] | DataSpec,
    student: str | ModelSpec,
    teacher: str | TeacherSpec | None = None,
    teacher_network: str | None = None,
    teacher_key: str | None = None,
    pretrained: bool = False,
    minutes: int | float = MINUTES,
    epochs: int | None = None,
    size: int | None = None,
    skip_bad: bool = False,
    slots: int | None = None,
    name: str = "study",
    pareto: str | None = None,
    other_students: Sequence[str | ModelSpec] = (),
    say: Callable[[str], None] = _LOG.info,
) -> Study:
    """A study of all methods that suit the networks, as long as a time allows. An epoch is trained to know how long.

    Args:
        data: a folder of pictures, a list of them, or a data set; see `raykd.data.finding`.
        student: a network by name, such as `timm/mobilenetv3_small_100` or `resnet8x4`, or one.
        teacher: a file of weights, a network by name that is trained first, or a teacher; by default a network is
            chosen and trained.
        teacher_network: whose weights the file has, by name; by default what the file's or its folder's name says.
        teacher_key: which weights of the file, such as `model_ema`; by default those that its maker would evaluate.
        pretrained: whether networks that are trained start from the weights that their library has for them.
        minutes: of the whole search, its confirmation included, on this machine.
        epochs: of a training; by default as many as the pictures need and the time allows.
        size: of the pictures, pixels a side; by default as they are.
        skip_bad: go on without pictures that cannot be read.
        slots: trials at a time; as many as this machine has GPUs, or else CPUs, by default.
        name: of the study.
        pareto: a cost of the student that is to be low too, as of `tune`; students of other sizes are offered then.
        other_students: which these are; by default such as are like the student.
        say: told what was found and chosen, line by line; the logger `raykd` by default.

    Raises:
        UserError: one line on what is wrong with any of them, or a time that is too short for anything.
    """
    if not minutes > 0:
        raise InvalidError(f"minutes must be above 0, got {minutes:g}")
    if other_students and pareto is None:
        raise InvalidError("several students are for a search of two goals; give pareto too (--pareto), or one of them")
    spec = _data(data, size, skip_bad, say)
    named = Named(teacher=teacher, network=teacher_network, key=teacher_key, pretrained=pretrained)
    recipe = _recipe(spec, network_of(student, pretrained), named, epochs or _LIKELY_EPOCHS, say)
    recipe.check()  # what is wrong with it is said before anything is measured
    planned = planned_within(minutes, recipe, epochs, slots or _slots())
    say(planned.in_words(minutes))
    offered = suiting(planned.recipe)
    say(f"methods: {', '.join(path.removeprefix('terms/') for path in offered.choices)}")
    for reason in offered.left_out.values():
        say(f"left out: {reason}")
    if pareto is None:
        return _study(name, planned, offered)
    others = [network_of(each, pretrained) for each in other_students]
    sizes = sizes_of(planned.recipe, others, say)
    return dataclasses.replace(_study(name, planned, offered), sizes=sizes, pareto=pareto)


def _study(name: str, planned: Planned, offered: Suiting) -> Study:
    spent = planned.budget
    return Study(
        recipe=planned.recipe,
        ranges=offered.ranges,
        choices=offered.choices,
        first=offered.first[: max(2, spent.trials * 2 // 3)],
        name=name,
        trials=spent.trials,
        confirm=spent.seeds,
        finalists=spent.finalists,
        own_splits=planned.own_splits,
    )


def _recipe(data: DataSpec, student: ModelSpec, named: Named, epochs: int, say: Callable[[str], None]) -> Recipe:
    """Plain KD of a student."""
    dataset = load(data, torch.device("cpu"))
    batch_size = _batch_size(len(dataset.train))
    rate = _PRETRAINED_RATE if named.pretrained else _FRESH_RATE
    return Recipe(
        data=data,
        student=student,
        teacher=teacher_of(named, data, dataset, batch_size, rate, say),
        terms=(CrossEntropy(weight=0.1), KD(weight=0.9)),
        optimiser=SGD(lr=rate, schedule=Cosine()),
        epochs=epochs,
        batch_size=batch_size,
    )


def _data(
    data: str | os.PathLike[str] | DataSpec, size: int | None, skip_bad: bool, say: Callable[[str], None]
) -> DataSpec:
    if not isinstance(data, str | os.PathLike):
        for word, value in (("size", size), ("skip_bad", skip_bad or None)):
            if value is not None:
                raise InvalidError(f"{word} is of pictures at a path, got {value} beside a data set")
        return data
    found = find_data(os.fspath(data), size=size, skip_bad=skip_bad)
    for line in found.lines():
        say(line)
    return found.data


def _slots() -> int:
    return torch.cuda.device_count() or len(os.sched_getaffinity(0))


def _batch_size(images: int) -> int:
    size = _LARGEST_BATCH
    while size > _SMALLEST_BATCH and images < _BATCHES * size:
        size //= 2
    return min(size, images)
