"""Makes what the trials of a search share, before the first trial needs it; see `workers/preparation.py`."""

import functools
import uuid

from ray import cloudpickle

from raykd.cluster.tuner.trials import Trials
from raykd.cluster.workers.preparation import Preparation
from raykd.distributed.world import World
from raykd.protocols.event import ArtifactMade, Doing, Listener, Said, TeacherReady
from raykd.protocols.teacher import teacher_route
from raykd.training import loop


def preparation(trials: Trials) -> Preparation:
    """The making of the teacher's route, and of what the terms ask for at their defaults, by the search's workers."""
    make = cloudpickle.dumps(functools.partial(_make, trials))  # pyright: ignore[reportPrivateImportUsage]
    return Preparation(key=uuid.uuid4().hex, make=make)


def _make(trials: Trials, tell: Listener) -> None:
    def made(kind: str, key: str, seconds: float) -> None:
        tell(ArtifactMade(kind=kind, key=key, seconds=seconds))

    world = World.alone(World.current().device)
    study = trials.study
    for number, recipe in enumerate([*study.every_component(), *study.candidates.values()]):
        told = loop.prepare(recipe, trials.open_store(made), world, lambda text: tell(Doing(text=text)))
        if told and not number:  # the base recipe's line speaks for all
            tell(Said(text=told))
    if (teacher := study.recipe.teacher) is not None:
        route = teacher_route(teacher, study.recipe.data, trials.open_store(), device=world.device)
        tell(TeacherReady(accuracy=route.records[-1]["accuracy"]))
