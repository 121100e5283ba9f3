"""What a search would do, and for how long, before anything of it starts."""

import dataclasses
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ray import cloudpickle

from raykd.cluster.footprints import count_sharing, measure_footprints
from raykd.cluster.machines.autoscaler import starts_machines
from raykd.cluster.machines.connect import connected
from raykd.cluster.machines.nodes import Node, check_gpus, living_nodes
from raykd.cluster.machines.plan import Plan, make_plan
from raykd.cluster.machines.sharing import Footprint, Wanted, to_measure
from raykd.cluster.machines.worker_count import Workers
from raykd.cluster.rehearsal import Rehearsal, rehearse
from raykd.cluster.tuner.quiet import quiet
from raykd.cluster.workers.tasks import run_on_worker
from raykd.distributed.world import World
from raykd.errors import AlreadyExistsError, InvalidError
from raykd.recipe import Recipe
from raykd.runs.remote_search import prepare_storage
from raykd.storage.artifacts import open_store
from raykd.storage.room import parse_room
from raykd.storage.storage import Storage
from raykd.studies.baselines import baselines
from raykd.studies.confirmation import Confirmation
from raykd.studies.grace import first_rung, most_epochs
from raykd.studies.settings import first_settings
from raykd.studies.study import Study
from raykd.studies.study_file import study_module

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """A search that has not started.

    Args:
        cluster: what it would run on, in a line.
        plan: its slots and workers.
        trials: settings to try.
        baselines: beside them.
        confirmation: what is trained again with fresh seeds in the end.
        epochs: of a trial that is not stopped, at most.
        likely_epochs: of all of them together, if the scheduler stops what it should.
        rehearsal: of the base recipe, on one worker alone.
        footprints: of a worker on each kind of GPU, where they were to be measured and nothing was missing.
    """

    cluster: str
    plan: Plan
    trials: int
    baselines: int
    epochs: int
    likely_epochs: float
    rehearsal: Rehearsal
    confirmation: Confirmation = Confirmation(seeds=0, finalists=0)
    footprints: tuple[Footprint, ...] = ()

    @property
    def most_epochs(self) -> int:
        return (self.trials + self.baselines + self.confirmation.most) * self.epochs

    def seconds(self, epochs: int | float) -> float | None:
        """Wall time of so many epochs, as the slots share them and the workers of a slot share each.

        Before them the teacher is trained, if it is not there, by one worker. Slots that share a GPU are taken to be no
        faster than one: how much they gain is not known.
        """
        if self.rehearsal.epoch_seconds is None:
            return None
        at_once = self.plan.slots / self.plan.slots_per_gpu * self.plan.resources.workers
        return self.rehearsal.teacher_seconds + epochs * self.rehearsal.epoch_seconds / at_once


def forecast(
    study: Study,
    *,
    trials: int | None = None,
    confirm: int | None = None,
    workers: int | tuple[int, int] = 1,
    slots: int | None = None,
    slots_per_gpu: int | str = 1,
    storage: str | os.PathLike[str] = "runs",
    name: str | None = None,
    keep_teacher_outputs: int | str | None = None,
    address: str | None = None,
    say: Callable[[str], None] = _LOG.info,
) -> Forecast:
    """What `raykd.tune` of the same arguments would do. Nothing is kept.

    An epoch of the base recipe is trained to measure the time, and one of a teacher that the storage lacks.

    Args:
        say: told in one line what is measured; the logger `raykd` by default.

    Raises:
        ValueError, FileNotFoundError, FileExistsError, ConnectionError: as `raykd.tune` would.
    """
    wanted = Wanted(workers=Workers.of(workers), slots=slots, slots_per_gpu=slots_per_gpu)
    trials = study.trials if trials is None else trials
    for word, value, least in (("trials", trials, 1), ("confirm", confirm or 0, 0)):
        if value < least:
            raise InvalidError(f"{word} must be at least {least}, got {value}")
    room = parse_room(keep_teacher_outputs)
    study.check(wanted.workers.needed)
    opened = _storage(storage, name)
    if (module := study_module(study)) is not None:
        cloudpickle.register_pickle_by_value(module)  # the worker cannot import a study's file
    beside, confirmation = len(baselines(study.recipe)), Confirmation.of(study, trials, confirm)
    with connected(address, Path(os.devnull)) as line, quiet(Path(os.devnull)):
        nodes, took = living_nodes(), tuple[Footprint, ...]()
        plan = _planned(nodes, wanted, trials + beside)
        check_gpus(nodes, plan.resources.gpus_per_worker)
        if wanted.measures:
            took = measure_footprints(nodes, to_measure(study), opened)
            plan = make_plan(nodes, wanted.workers, slots, trials + beside, count_sharing(took, wanted))
        alone = dataclasses.replace(plan.resources, workers=1, elastic=None)
        rehearsal: Rehearsal = run_on_worker(_rehearse, alone, say, study.recipe, opened, room)
    epochs = most_epochs(study)
    return Forecast(
        cluster=line,
        plan=plan,
        trials=trials,
        baselines=beside,
        confirmation=confirmation,
        epochs=epochs,
        likely_epochs=_likely_epochs_of_all(study, trials, beside + confirmation.most, epochs),
        rehearsal=rehearsal,
        footprints=took,
    )


def _planned(nodes: Sequence[Node], wanted: Wanted, trials: int) -> Plan:
    try:
        return make_plan(nodes, wanted.workers, wanted.slots, trials, wanted.most_sharing)
    except ValueError as error:
        if starts_machines():
            raise InvalidError(f"{error}; the search would ask the autoscaler for more, a dry run does not") from None
        raise


def _storage(storage: str | os.PathLike[str], name: str | None) -> Storage:
    """The storage of a search that might be started, opened to be read."""
    opened = prepare_storage(storage, name, resume=False, writes=False)
    if name is not None and opened.has(opened.root / name):
        raise AlreadyExistsError(f"{opened.shown(opened.root / name)} exists already; choose another name")
    return opened


def _likely_epochs_of_all(study: Study, trials: int, beside: int, epochs: int) -> float:
    """Baselines and first settings are never stopped."""
    first = min(trials, len(first_settings(study)))
    drawn = likely_epochs(epochs, first_rung(study), study.reduction)
    return (beside + first) * study.recipe.epochs + (trials - first) * drawn


def likely_epochs(epochs: int, grace: int, reduction: int) -> float:
    """Mean epochs of a trial where one of every `reduction` goes on at each rung, `grace * reduction**k`."""
    mean, begun, rung, share = 0.0, 0, grace, 1.0
    while begun < epochs:
        end = min(rung, epochs)
        mean += share * (end - begun)
        begun, rung, share = end, rung * reduction, share / reduction
    return mean


def _rehearse(recipe: Recipe, storage: Storage, room: int | None, say: Callable[[str], None]) -> Rehearsal:
    return rehearse(recipe, open_store(storage, makes=(), room=room), World.alone(World.current().device), say)
