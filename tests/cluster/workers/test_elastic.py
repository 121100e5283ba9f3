"""Trials go on with fewer workers where a machine is lost, and with more where one joins."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faults import Search
from nodes import Nodes, skip_where_there_can_be_none

from ranks import train_by_turns
from raykd.cluster.machines.worker_count import Workers
from raykd.runs.status import ask_to_stop
from raykd.runs.trial import read_epochs
from raykd.space.serialise import from_file
from run_commands import write_study
from waiting import wait_until

_TIMEOUT_S = 600.0


def test_a_number_or_the_least_and_the_most():
    assert Workers.of(3) == Workers(3)
    assert Workers.of((1, 4)) == Workers(4, least=1)
    assert [str(workers) for workers in (Workers(3), Workers(4, least=1))] == ["3", "1 to 4"]
    assert (Workers(3).needed, Workers(4, least=2).needed) == (3, 2)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (0, "workers must be at least 1, got 0"),
        ((3, 2), "the least must be within 1 and the most, got 3 to 2"),
        ((0, 2), "the least must be within 1 and the most, got 0 to 2"),
    ],
)
def test_numbers_that_cannot_be(wanted: int | tuple[int, int], message: str):
    with pytest.raises(ValueError, match=message):
        Workers.of(wanted)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_trial_follows_the_machines_that_are_there(tmp_path: Path):
    """Of two machines the one that leads the trial is lost and comes back, and then a third joins.

    Ray Train looks for machines once a minute, and keeps those of a group that has lost its lead for three. The search
    is stopped when all has happened.
    """
    skip_where_there_can_be_none()
    write_study(tmp_path, ("    epochs=2,\n    batch_size=256,", "    epochs=400,\n    batch_size=12,"), name="study")
    nodes, search = Nodes(2), Search(tmp_path)
    words = ("--study", tmp_path / "study.py", "--storage", search.storage, "--name", "search", "--slots", 1)
    process = nodes.tune(*words, "--workers", "1-3", output=tmp_path / "output")

    def wait_for(is_so: Callable[[], bool]) -> None:
        wait_until(is_so, _TIMEOUT_S, (tmp_path / "output").read_text, unless=lambda: process.poll() is not None)

    try:
        wait_for(lambda: search.count() >= 10)
        kept, (lost,) = search.kept(), [node for node in nodes.workers if node.pids("ray::TrainController")]
        nodes.lose(lost)
        wait_for(lambda: _sizes(search)[-1:] == [1])
        nodes.bring_back(lost)
        wait_for(lambda: _sizes(search)[-1:] == [2])
        nodes.add()
        wait_for(lambda: _sizes(search)[-1:] == [3])
        ask_to_stop(search.storage / "search")
        assert process.wait(timeout=_TIMEOUT_S) == 130, (tmp_path / "output").read_text()
    finally:
        process.kill()
        process.wait()
        nodes.end()
    assert "1 trial(s) at a time, 2 worker(s) each (1 to 3 as machines are" in (tmp_path / "output").read_text()
    assert _sizes(search) == [2, 1, 2, 3]
    for trial in search.trials.glob("*/"):
        told = read_epochs(trial)
        assert [record["number"] for record in told] == list(range(1, len(told) + 1))
        for record in told:
            assert kept.get((trial.name, record["number"]), record["seconds"]) == record["seconds"]
        sizes = [record["workers"] for record in told]
        if len(set(sizes)) > 1:
            recipe: Any = from_file(trial / "recipe.json")
            alone = train_by_turns(recipe, tmp_path / "alone" / trial.name, sizes)
            assert [{key: record[key] for key in metrics} for record, metrics in zip(told, alone, strict=True)] == alone


def _sizes(search: Search) -> list[int]:
    """How many workers have trained, one after the other, each number once for as long as it was the same."""
    recipes = sorted(search.trials.glob("*/recipe.json"), key=lambda file: file.stat().st_mtime_ns)
    records = [record for file in recipes for record in read_epochs(file.parent)]
    return [size for size, _ in itertools.groupby(record["workers"] for record in records)]
