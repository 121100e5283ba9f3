"""What a search would do: epochs that can be counted by hand, and the time of an epoch once the teacher is there."""

import argparse
import io
from dataclasses import replace

import pytest
from rich.console import Console
from small_studies import tiny_study

from raykd.cluster.forecast import Forecast, forecast, likely_epochs
from raykd.cluster.machines.plan import Plan
from raykd.cluster.machines.resources import Resources
from raykd.cluster.machines.sharing import Footprint
from raykd.cluster.rehearsal import Rehearsal
from raykd.commands import dry_run
from raykd.protocols.teacher import teacher_route
from raykd.storage.artifacts import Store
from raykd.studies.confirmation import Confirmation
from tiny import TEACHER


@pytest.mark.parametrize(
    ("epochs", "grace", "reduction", "mean"),
    [
        (10, 10, 3, 10),  # nobody is stopped
        (10, 99, 3, 10),
        (9, 1, 3, 1 + 2 / 3 + 6 / 9),  # all to epoch 1, a third to 3, a ninth to 9
        (4, 2, 2, 2 + 2 / 2),
        (5, 2, 2, 2 + 2 / 2 + 1 / 4),
        (1, 1, 4, 1),
    ],
)
def test_epochs_that_a_trial_trains_on_average(epochs: int, grace: int, reduction: int, mean: float):
    assert likely_epochs(epochs, grace, reduction) == pytest.approx(mean)


def test_the_time_is_shared_by_slots_and_workers():
    plan = Plan(slots=3, resources=Resources(workers=2))
    measured = Rehearsal(epoch_seconds=4.0)
    told = Forecast(cluster="", plan=plan, trials=10, baselines=2, epochs=5, likely_epochs=30.0, rehearsal=measured)
    assert told.most_epochs == 60
    again = replace(told, confirmation=Confirmation(seeds=5, finalists=3))
    assert again.most_epochs == 60 + 5 * (2 + 3) * 5
    assert told.seconds(60) == 60 * 4 / 6
    assert told.seconds(30.0) == 30 * 4 / 6
    shared = replace(told, plan=Plan(slots=6, resources=Resources(gpus_per_worker=0.5), slots_per_gpu=2))
    assert shared.seconds(60) == 60 * 4 / 3  # six slots on three GPUs are as fast as three
    untaught = replace(told, rehearsal=Rehearsal(epoch_seconds=4.0, teacher_seconds=50.0))
    assert untaught.seconds(60) == 50 + 60 * 4 / 6  # one worker trains the teacher
    assert replace(told, rehearsal=Rehearsal(missing="auxiliary")).seconds(60) is None


SHARED = Forecast(
    cluster="joined the Ray cluster",
    plan=Plan(slots=8, resources=Resources(cpus_per_worker=3.9992, gpus_per_worker=0.25), slots_per_gpu=4),
    trials=6,
    baselines=2,
    epochs=4,
    likely_epochs=20.0,
    rehearsal=Rehearsal(epoch_seconds=9.0),
    footprints=(
        Footprint(taken=3 * 2**30, memory=16 * 2**30, gpu="Tesla T4"),
        Footprint(taken=4 * 2**30, memory=80 * 2**30, gpu="NVIDIA A100"),
    ),
)


@pytest.mark.parametrize(
    ("told", "lines"),
    [
        (
            SHARED,
            [
                "a worker took 3.00 GiB of 16.00 GiB on Tesla T4, so 4 may share one\n"
                "a worker took 4.00 GiB of 80.00 GiB on NVIDIA A100, so 18 may share one",
                "8 trial(s) at a time, up to 4 on a GPU, 1 worker(s) each, 4 CPU(s) and 0.25 GPU(s) for a worker",
                "measured on one worker while nothing else ran; 4 trials that share a GPU are taken to be no faster",
                "time: about 1:30, at most 2:24",
                "cost: about 0.05, at most 0.08, at 2 an hour",
            ],
        ),
        (
            replace(SHARED, footprints=(), rehearsal=Rehearsal(missing="auxiliary")),
            [
                "unknown how many trials may share a GPU: the storage lacks what an epoch needs",
                "time: unknown: the storage lacks what the base recipe needs (auxiliary), which the search makes",
                "cost: unknown, as the time is",
            ],
        ),
        (
            replace(SHARED, rehearsal=Rehearsal(epoch_seconds=9.0, teacher_seconds=61.0)),
            ["time: about 2:31, at most 3:25, 1:01 of it for the teacher, not counting start-up and saving; an epoch"],
        ),
    ],
)
def test_a_dry_run_says_how_gpus_are_shared(monkeypatch: pytest.MonkeyPatch, told: Forecast, lines: list[str]):
    asked = {}
    monkeypatch.setattr(dry_run, "forecast", lambda study, **options: asked.update(options) or told)
    options = dict.fromkeys(
        ("trials", "confirm", "workers", "slots", "storage", "name", "address", "keep_teacher_outputs")
    )
    console = Console(file=io.StringIO(), width=200, highlight=False, markup=False, soft_wrap=True)
    words = argparse.Namespace(**options, slots_per_gpu="auto", price_per_hour=2.0)
    assert dry_run.run_dry(tiny_study(), words, console) == 0
    written = console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
    assert [line for line in lines if line not in written] == []
    assert asked["slots_per_gpu"] == "auto"


@pytest.mark.usefixtures("ray_cluster")
def test_an_epoch_is_measured_whether_the_teacher_is_there_or_not_and_nothing_is_made(tmp_path):
    study, said = tiny_study(), list[str]()
    early = forecast(study, trials=6, slots=2, storage=tmp_path / "runs", say=said.append)
    assert (early.trials, early.baselines, early.epochs, early.most_epochs) == (6, 2, 4, 32)
    assert early.likely_epochs == 3 * 4 + 5 * (2 + 2 / 2)  # the baselines and the first setting that is none run whole
    assert (early.plan.slots, early.rehearsal.missing) == (2, None)
    assert early.rehearsal.epoch_seconds is not None
    assert 0 < early.rehearsal.epoch_seconds < 60 and 0 < early.rehearsal.teacher_seconds < 60
    assert said == ["measuring an epoch", "measuring an epoch of the teacher"]
    assert not (tmp_path / "runs").exists()

    store = Store(tmp_path / "runs" / "artifacts")
    teacher_route(TEACHER, study.recipe.data, store, device="cpu")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    told = forecast(study, slots=1, storage=tmp_path / "runs")
    assert (told.trials, told.rehearsal.missing, told.rehearsal.teacher_seconds) == (study.trials, None, 0.0)
    assert told.rehearsal.epoch_seconds is not None
    assert 0 < told.rehearsal.epoch_seconds < 60
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_what_cannot_work_is_refused(tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(FileExistsError, match="there exists already; choose another name"):
        forecast(tiny_study(), storage=tmp_path, name="there")
    with pytest.raises(ValueError, match="trials must be at least 1, got 0"):
        forecast(tiny_study(), storage=tmp_path, trials=0)
