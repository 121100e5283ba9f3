"""A search on a real object store: killed, and gone on with by another machine; a trial that moves to another node."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas
import pytest
from nodes import Nodes, skip_where_there_can_be_none
from pyarrow import fs

import run_commands
from object_store import BUCKET, CREDENTIALS, reached, served
from ranks import train_on_two_ranks
from raykd.space.serialise import from_file
from raykd.storage.artifacts import Store
from raykd.storage.layout import EPOCHS, HEARTBEAT
from raykd.training.loop import distill
from run_commands import end, look, start, write_study
from waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
NUM_EPOCHS = 12


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with reached() as address:
        yield address


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a study of trials that are long enough to be cut off."""
    write_study(tmp_path, ("    epochs=2,\n", f"    epochs={NUM_EPOCHS},\n"), ("trials=1)", "trials=2, grace=12)"))
    return tmp_path


def machine(name: str, place: Path) -> dict[str, str]:
    """The environment of a machine of that name, which has a folder of its own."""
    return CREDENTIALS | {"XDG_CACHE_HOME": str(place / name), "HOME": str(place / name)}


class Kept:
    """What the storage has of a search."""

    def __init__(self, uri: str):
        self._files, self._root = fs.FileSystem.from_uri(uri)

    def names(self) -> set[str]:
        infos: Any = self._files.get_file_info(fs.FileSelector(self._root, recursive=True, allow_not_found=True))
        return {info.path.removeprefix(f"{self._root}/") for info in infos if info.type == fs.FileType.File}

    def read(self, name: str) -> bytes:
        with self._files.open_input_stream(f"{self._root}/{name}") as stream:
            return stream.read()

    def epochs(self, trial: str) -> bytes:
        """The record of the epochs of the trial whose name begins so; empty before the first of them."""
        found = [name for name in self.names() if re.fullmatch(rf"trials/{trial}[^/]*/{EPOCHS}", name)]
        return self.read(found[0]) if found else b""

    def wait_for(self, number: int, trial: str, process: subprocess.Popen[str]) -> None:
        while self.epochs(trial).count(b"\n") < number:
            assert process.poll() is None, process.communicate()
            time.sleep(0.2)


def status(uri: str, place: Path) -> str:
    seen = look("status", uri, folder=place)
    assert (seen.code, seen.error) == (0, "")
    return seen.out


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_search_goes_on_on_another_machine(
    workers: int, place: Path, address: str, threads: Callable[[int], None]
):
    """Every trial runs once, and gives the numbers of the bare loop in a folder."""
    name = f"killed-{workers}"
    storage, search = f"s3://{BUCKET}/{name}{address}", f"s3://{BUCKET}/{name}/search{address}"
    where = ("--storage", storage, "--slots", "1", "--workers", str(workers), "--address", "local")
    kept, words = Kept(search), ("--study", "small.py", "--name", "search", *where)
    killed = start("tune", *words, folder=place, environment=machine("one", place))
    kept.wait_for(1, "student-alone", killed)
    assert status(storage, place).startswith("search (study small): running, ")
    kept.wait_for(3, "trial-0000", killed)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    shutil.rmtree(place / "one")
    assert "search (study small): stopped, " in (said := status(search, place))
    several = f" --workers {workers}" if workers > 1 else ""
    advice = f"-m raykd tune --resume search --storage '{storage}'{several} --slots 1 --address local\n"
    assert advice in said
    before = {name: kept.epochs(name) for name in ("plain-KD", "student-alone")}

    rest = end(start("tune", "--resume", "search", *where, folder=place, environment=machine("two", place)))
    assert (rest.code, rest.error) == (0, ""), rest
    assert {name: kept.epochs(name) for name in before} == before, "trained again"
    (folder,) = (place / "two/raykd").glob("*/search")
    table: Any = pandas.read_csv(folder / "trials.csv").set_index("name")
    assert len(table) == 4 and set(table["outcome"]) == {"complete"}
    threads(os.cpu_count() or 1)  # as the one slot's worker, that has all CPUs
    for trial in table.index:
        recipe = from_file(folder / "trials" / trial / "recipe.json")
        if workers == 1:
            undisturbed = [epoch.metrics for epoch in distill(recipe, store=Store(place / "artifacts"))]
        else:
            undisturbed = train_on_two_ranks(recipe, place / "alone" / trial)[0].metrics
        told = [json.loads(line) for line in kept.epochs(trial).splitlines()]
        assert [record["number"] for record in told] == list(range(1, NUM_EPOCHS + 1))
        assert [{name: record[name] for name in undisturbed[0]} for record in told] == undisturbed
        number = f"{int(trial.split('-')[1]):02d} " if trial.startswith("trial-") else ""
        assert f"tensorboard/{number}{table['setting'][trial]}/events.out.tfevents.end" in kept.names()
    for name in ("trials.csv", "summary.json", "best_recipe.json", "student.safetensors", "report.html"):
        assert kept.read(name) == (folder / name).read_bytes()
    assert HEARTBEAT not in kept.names()
    assert not any(b"testing-secret" in kept.read(name) for name in kept.names())


def test_a_trial_moves_to_another_node_with_a_folder_of_its_own(place: Path, monkeypatch: pytest.MonkeyPatch):
    """Two nodes whose folders are their own: when one dies, the other goes on from the last epoch in the store."""
    skip_where_there_can_be_none()
    for name, value in machine("cache", place).items():
        monkeypatch.setitem(run_commands.ENVIRONMENT, name, value)
    nodes = Nodes(2)
    try:
        (place / "cache").mkdir()
        for number, node in enumerate(nodes.workers, start=1):
            (place / f"node{number}").mkdir()
            mount = ["mount", "--bind", str(place / f"node{number}"), str(place / "cache")]
            subprocess.run([*node.inside("--mount"), *mount], check=True)
        with served(5000, nodes.head.address, nodes.head.inside("--net")) as address:
            words = ("--study", place / "small.py", "--name", "search", "--slots", "1", "--trials", "1")
            output = place / "output"
            process = nodes.tune(*words, "--storage", f"s3://{BUCKET}/nodes{address}", output=output)

            def begun() -> list[tuple[int, Path]]:
                return [item for item in records(place) if item[1].read_bytes().count(b"\n") >= 3]

            wait_until(begun, 600, output.read_text, unless=lambda: process.poll() is not None)
            number, record = begun()[0]
            nodes.lose(nodes.workers[number - 1])
            name, told = record.parent.name, len(record.read_text().splitlines())
            assert told < NUM_EPOCHS
            assert process.wait(timeout=600) == 0, output.read_text()
    finally:
        nodes.end()
    moved = dict(records(place, name))[3 - number]
    epochs = [json.loads(line) for line in moved.read_text().splitlines()]
    assert [epoch["number"] for epoch in epochs] == list(range(1, NUM_EPOCHS + 1))
    before = [json.loads(line) for line in record.read_text().splitlines()]
    assert before[: told - 1] == epochs[: told - 1], "trained again"
    undisturbed = distill(from_file(moved.parent / "recipe.json"), store=Store(place / "artifacts"))
    for told_of, epoch in zip(epochs, undisturbed, strict=True):
        assert {name: told_of[name] for name in epoch.metrics} == epoch.metrics


def records(place: Path, trial: str = "*") -> list[tuple[int, Path]]:
    """The records of epochs in the nodes' own folders, each with the number of its node."""
    return [
        (number, file)
        for number in (1, 2)
        for file in place.glob(f"node{number}/raykd/*/search/trials/{trial}/{EPOCHS}")
    ]
