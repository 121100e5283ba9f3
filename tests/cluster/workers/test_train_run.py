"""What a run of Ray Train starts: its workers. What it does is what a group does, see `test_group.py`."""

from pathlib import Path
from typing import Any

import pytest
from ray import train

from raykd.cluster.workers.train_run import TrainRun

pytestmark = [pytest.mark.usefixtures("ray_cluster"), pytest.mark.timeout(120)]


def run(work: Any, folder: Path, workers: int) -> TrainRun:
    scaling = train.ScalingConfig(num_workers=workers, resources_per_worker={"CPU": 0.5})
    return TrainRun(work, scaling_config=scaling, run_config=train.RunConfig(name="run", storage_path=str(folder)))


def test_a_run_has_its_workers_and_no_other_process(tmp_path: Path):
    def actors() -> dict[str, str]:
        """The classes of all actors that live or will, by their identities."""
        from ray._private import state  # here, as a worker cannot import this file

        table: Any = state.actors()
        return {key: row["ActorClassName"] for key, row in table.items() if row["State"] != "DEAD"}

    before = actors()

    def work() -> None:
        new = [name for key, name in actors().items() if key not in before]
        (tmp_path / str(train.get_context().get_world_rank())).write_text(" ".join(new))

    assert run(work, tmp_path / "run", workers=2).fit().error is None
    assert {(tmp_path / rank).read_text() for rank in "01"} == {"RayTrainWorker RayTrainWorker"}


def test_an_error_of_a_worker_ends_a_run_that_shall_not_go_on(tmp_path: Path):
    def work() -> None:
        raise ZeroDivisionError("of the worker")

    with pytest.raises(train.TrainingFailedError, match="of the worker"):
        run(work, tmp_path, workers=1).fit()
