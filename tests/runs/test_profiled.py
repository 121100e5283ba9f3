"""A measured trial: it is the trial that it would be anyway, and its spans nest."""

import itertools
from pathlib import Path

import pytest
import torch

from raykd.distributed.world import World
from raykd.protocols.epoch import Epoch
from raykd.recipe import Recipe
from raykd.reporting.recorder import Recorded, Recorder
from raykd.runs.profiled import EPOCH, WAITING, WRITING, profiled_trial
from raykd.runs.trial import read_epochs, run_trial, saved_epoch
from raykd.storage.artifacts import Store
from tiny import Finished, assert_same_run, composed, finish, recipe

CPU = torch.device("cpu")
STEPS, EPOCHS = 3, 4
OF_A_STEP = ("student forward", "loss", "backward", "optimiser")
OF_AN_EPOCH = ("route", "metrics", "validation")
ROUNDING_S = 1e-6  # of nanoseconds as floating-point seconds, added up


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


def measure(spec: Recipe, store: Store, folder: Path) -> tuple[list[Epoch], list[Recorded]]:
    recorder = Recorder(CPU)
    epochs = list(profiled_trial(spec, folder / "trial", store, {}, World.alone(CPU), recorder))
    return epochs, recorder.recorded()


@pytest.fixture(scope="module")
def measured(store: Store, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Epoch], list[Recorded]]:
    """The composed run, with all kinds of terms, a route and swapped stages."""
    return measure(composed(), store, tmp_path_factory.mktemp("measured"))


def test_a_measured_run_is_the_run_bit_for_bit(measured: tuple[list[Epoch], list[Recorded]], store: Store):
    epochs, _ = measured
    assert_same_run(Finished([epoch.metrics for epoch in epochs], epochs[-1].student()), finish(composed(), store))


def test_each_part_of_an_epoch_is_in_a_span_of_its_name(measured: tuple[list[Epoch], list[Recorded]]):
    _, spans = measured
    terms = [f"term {name}" for name in ("cross_entropy", "kd", "quest", "infoflow")]
    counts = dict.fromkeys((*OF_A_STEP, *terms), STEPS) | dict.fromkeys(OF_AN_EPOCH, 1)
    counts |= {"views": STEPS + 1, "teacher": 1 + STEPS}  # the end is found; all steps' rows are looked up at once
    for number in range(1, EPOCHS + 1):
        inner = [span.name for span in spans if span.depth == 1 and span.epoch == number]
        start = {"start": 1} if number == 1 else {}
        assert {name: inner.count(name) for name in inner} == counts | start


def test_spans_nest_and_agree_with_the_seconds_of_an_epoch(measured: tuple[list[Epoch], list[Recorded]]):
    epochs, spans = measured
    for epoch in epochs:
        (lap,) = (span for span in spans if (span.name, span.epoch) == (EPOCH, epoch.number))
        inner = [span for span in spans if span.depth == 1 and span.epoch == epoch.number]
        assert lap.begun - ROUNDING_S <= inner[0].begun
        for one, other in itertools.pairwise(inner):  # one after the other, and all within the lap
            assert one.begun + one.seconds <= other.begun + ROUNDING_S
        assert inner[-1].begun + inner[-1].seconds <= lap.begun + lap.seconds + ROUNDING_S
        # The loop's own clock stands within the lap, and around all but what comes before the first epoch.
        assert sum(span.seconds for span in inner if span.name != "start") <= epoch.seconds + ROUNDING_S
        assert epoch.seconds <= lap.seconds + ROUNDING_S


def test_one_lap_follows_the_other(measured: tuple[list[Epoch], list[Recorded]]):
    _, spans = measured
    laps = [span for span in spans if span.depth == 0]
    names = [(span.name, span.epoch) for span in laps]
    first = [(EPOCH, 1), (WRITING, 1)]
    later = [[(WAITING, number), (EPOCH, number), (WRITING, number)] for number in range(2, EPOCHS + 1)]
    # The run has ended when a fifth epoch is asked for.
    assert names == [*first, *itertools.chain(*later), (WAITING, EPOCHS + 1), (EPOCH, EPOCHS + 1)]
    assert all(one.begun + one.seconds <= other.begun + ROUNDING_S for one, other in itertools.pairwise(laps))


def test_what_is_written_is_what_any_trial_writes(store: Store, tmp_path: Path):
    spec = recipe(epochs=2)
    measure(spec, store, tmp_path)
    list(run_trial(spec, tmp_path / "other", tmp_path / "other/tensorboard", store, {}, World.alone(CPU)))
    mine, other = tmp_path / "trial", tmp_path / "other"
    assert sorted(file.relative_to(mine) for file in mine.rglob("*")) == sorted(
        file.relative_to(other) for file in other.rglob("*")
    )
    untimed = [[{**record, "seconds": 0} for record in read_epochs(folder)] for folder in (mine, other)]
    assert untimed[0] == untimed[1] and len(untimed[0]) == 2
    saved = [saved_epoch(folder) for folder in (mine, other)]
    assert saved[0] and saved[1] and saved[0]["metrics"] == saved[1]["metrics"]
