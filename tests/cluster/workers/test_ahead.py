"""One epoch ahead: a stopped trial leaves it in the middle, on all ranks alike, and keeps no trace of it."""

import dataclasses
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

import pytest
import ray
import torch.distributed as dist
from small_studies import pickled
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import tiny
from raykd.cluster.machines.resources import Resources
from raykd.cluster.workers.group import Group
from raykd.cluster.workers.job import Job
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Shapes, Term
from raykd.runs.trial import read_epochs, saved_epoch
from raykd.storage.artifacts import Store
from raykd.storage.local import LocalStorage
from waiting import wait_until

pytestmark = [pytest.mark.usefixtures("ray_cluster"), pytest.mark.timeout(300)]

STEPS = 60


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pacer:
    """A term that adds nothing, waits in each step from the second epoch on, and writes down that it was there."""

    name: ClassVar[str] = "pacer"
    needs_teacher = False
    weight: float = 1.0
    folder: str = ""
    pause_s: float = 0.1

    def check(self, shapes: Shapes) -> None:
        pass

    def build(self, shapes: Shapes, context: BuildContext) -> Term:
        return _Pacer(self)


class _Pacer(Term):
    def __init__(self, spec: Pacer):
        super().__init__()
        self._spec = spec

    def forward(self, student: Any, teacher: Any, batch: Any, clock: Any) -> Any:
        if clock.epoch > 0:
            rank = dist.get_rank() if dist.is_initialized() else 0
            with Path(self._spec.folder, f"rank{rank}").open("a") as lines:
                lines.write(f"{clock.step}\n")
            time.sleep(self._spec.pause_s)
        return student.logits.new_zeros(())


@pytest.fixture
def start(tmp_path):
    """Starts a group, and ends it after the test."""
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # pyright: ignore[reportAttributeAccessIssue]
    groups = []

    def started(workers=1):
        groups.append(Group("group", str(tmp_path / "groups"), Resources(workers=workers, cpus_per_worker=1 / workers)))
        return groups[-1]

    yield started
    for group in groups:
        group.end()


def job(folder, recipe, name):
    trial, board = str(folder / "trials" / name), str(folder / "tensorboard" / name)
    return Job(recipe=recipe, folder=trial, board=board, storage=LocalStorage(root=folder), values={})


def ask(group):
    group.ask()
    return group.next_answer()


def finish(group, job):
    """Asks for all that is left of a job."""
    group.start(pickled(job))
    while not (answer := ask(group)).done:
        pass
    assert answer.error is None


def metrics(folder, name):
    records = read_epochs(folder / "trials" / name)
    return [{key: value for key, value in record.items() if "/" in key} for record in records]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stopped_trial_leaves_the_next_epoch_in_the_middle_and_no_trace_of_it(workers, start, tmp_path):
    recipe = dataclasses.replace(tiny.recipe(epochs=2), data=tiny.TinyData(num_images=8 * STEPS))
    stopped = dataclasses.replace(recipe, terms=(*recipe.terms, Pacer(folder=str(tmp_path))))
    group = start(workers)
    group.start(pickled(job(tmp_path, stopped, "stopped")))
    assert ask(group).number == 1
    files = [tmp_path / f"rank{rank}" for rank in range(workers)]
    wait_until(lambda: all(file.exists() for file in files))  # nobody has asked for this epoch
    finish(group, job(tmp_path, tiny.recipe(), "next"))
    taken = [len(file.read_text().splitlines()) for file in files]
    assert taken == [taken[0]] * workers and taken[0] < STEPS
    assert [epoch["number"] for epoch in read_epochs(tmp_path / "trials" / "stopped")] == [1]
    saved = saved_epoch(tmp_path / "trials" / "stopped")
    assert saved is not None and saved["number"] == 1
    board = EventAccumulator(str(tmp_path / "tensorboard" / "stopped")).Reload()
    assert [event.step for event in board.Scalars("train/loss")] == [1]
    if workers > 1:
        return  # what two ranks give together is compared in test_group.py
    # What was left in the middle changes nothing for the trial that goes on, nor for the one that came next.
    quick = dataclasses.replace(recipe, terms=(*recipe.terms, Pacer(folder=str(tmp_path), pause_s=0.0)))
    finish(group, job(tmp_path, quick, "stopped"))
    store = Store(tmp_path / "other")
    assert metrics(tmp_path, "next") == tiny.finish(tiny.recipe(), store).metrics
    assert metrics(tmp_path, "stopped") == tiny.finish(quick, store).metrics


@pytest.mark.parametrize("raises", [True, False])
def test_what_befalls_an_epoch_that_nobody_asks_for_is_no_fault_of_the_trial(raises, start, tmp_path):
    """An error, or the death of the worker, in the third epoch of a trial that is stopped after its second one."""
    recipe, marker, group = tiny.recipe(), tmp_path / "marker", start()
    deadly = dataclasses.replace(recipe, terms=(*recipe.terms, tiny.Killer(marker=str(marker), raises=raises)))
    group.start(pickled(job(tmp_path, deadly, "stopped")))
    assert [ask(group).number for _ in range(2)] == [1, 2]
    wait_until(marker.exists)
    finish(group, job(tmp_path, recipe, "next"))
    assert metrics(tmp_path, "next") == tiny.finish(recipe, Store(tmp_path / "other")).metrics
    assert not (tmp_path / "trials" / "stopped" / "error.txt").exists()
    assert len(metrics(tmp_path, "stopped")) == 2


@pytest.mark.slow
def test_an_error_on_both_ranks_in_an_epoch_that_nobody_asks_for_leaves_no_rank_waiting(start, tmp_path):
    recipe, marker, group = tiny.recipe(), tmp_path / "marker", start(2)
    raising = dataclasses.replace(recipe, terms=(*recipe.terms, tiny.Killer(marker=str(marker), raises=True)))
    group.start(pickled(job(tmp_path, raising, "stopped")))
    assert [ask(group).number for _ in range(2)] == [1, 2]
    wait_until(marker.exists)
    finish(group, job(tmp_path, recipe, "next"))
    assert len(metrics(tmp_path, "next")) == recipe.epochs
    assert not (tmp_path / "trials" / "stopped" / "error.txt").exists()
