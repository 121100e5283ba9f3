"""A search whose trials spread over several nodes, and what it survives when some of them are lost."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas
import pytest
from faults import Search
from nodes import Node, Nodes, skip_where_there_can_be_none

from commands import write_study
from ranks import train_on_two_ranks
from raykd.serialise import from_file
from raykd.trial import read_epochs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
_PATIENCE_S = 900.0
_TRIALS = 3
_OPTIONS = ("--trials", _TRIALS, "--slots", 2, "--workers", 2, "--name", "search")


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    """Four nodes of one CPU, and a head that trains nothing: two slots of two workers fill them."""
    skip_where_there_can_be_none()
    nodes = Nodes(4)
    yield nodes
    nodes.end()


@pytest.fixture
def search(tmp_path: Path) -> Search:
    """The folders of a search; what stands in them tells how far it is."""
    first = 'trials=1, grace=10, first=({}, {"terms/quest": "on"}))'
    write_study(tmp_path, ("epochs=2,", "epochs=20,"), ("trials=1)", first), name="study")
    return Search(tmp_path)


class Running:
    """A search that runs on the nodes."""

    def __init__(self, nodes: Nodes, search: Search):
        self.nodes, self.search = nodes, search
        words = ("--study", search.folder / "study.py", "--storage", search.storage, *_OPTIONS)
        self.process = nodes.tune(*words, output=search.folder / "output")
        self.made: dict[Path, set[int]] = {}

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Looks at each artefact meanwhile: one that is made again is another folder under the same name."""
        deadline = time.monotonic() + _PATIENCE_S
        while not is_so():
            assert time.monotonic() < deadline, f"hangs:\n{self.output}"
            for manifest in self.search.storage.glob("artifacts/*/*/manifest.json"):
                self.made.setdefault(manifest, set()).add(manifest.stat().st_ino)
            time.sleep(0.1)

    def wait_for_epochs(self, count: int) -> None:
        """Until so many more are on record; the search must still run."""
        goal = self.search.count() + count
        self.wait_until(lambda: self.search.count() >= goal or self.process.poll() is not None)
        assert self.process.poll() is None, self.output

    def wait_for_the_end(self) -> None:
        self.wait_until(lambda: self.process.poll() is not None)
        assert self.process.poll() == 0, self.output

    @property
    def output(self) -> str:
        return (self.search.folder / "output").read_text()

    def nodes_with(self, name: str) -> list[Node]:
        return [node for node in self.nodes.workers if node.pids(name)]


def test_the_workers_of_a_trial_lie_on_different_nodes(nodes: Nodes, search: Search):
    running = Running(nodes, search)
    running.wait_until(lambda: all(len(node.pids("ray::RayTrainWorker")) == 1 for node in nodes.workers))
    assert not nodes.head.pids("ray::RayTrainWorker")
    running.wait_for_the_end()
    assert "2 trial(s) at a time, 2 worker(s) each" in running.output
    _check_the_table(search)
    kinds = {manifest.parents[1].name for manifest in running.made}
    assert {"route", "codebook"} <= kinds
    assert all(len(inodes) == 1 for inodes in running.made.values())
    for name in ("plain-KD", "trial-0001"):
        _check_the_numbers(search, name)


def test_two_nodes_lose_their_power_one_after_the_other(nodes: Nodes, search: Search):
    """First one with a worker alone, then one with a slot; it is the last test, as it leaves two nodes.

    Their two CPUs are enough for one trial at a time: slots that held one CPU each would wait for each other for ever.
    """
    running = Running(nodes, search)
    running.wait_for_epochs(4)
    kept = search.kept()
    disturbed = {trial.name for trial in search.trials.glob("*/") if len(read_epochs(trial)) < 10}
    slots = running.nodes_with("ray::ResourceTrainable")
    (bystander, *_) = [node for node in nodes.workers if node not in slots]
    nodes.lose(bystander)
    running.wait_for_epochs(4)
    kept |= search.kept()
    nodes.lose(running.nodes_with("ray::ResourceTrainable")[0])
    running.wait_for_the_end()
    _check_the_table(search)
    after = {
        (trial.name, record["number"]): record["seconds"]
        for trial in search.trials.glob("*/")
        for record in read_epochs(trial)
    }
    assert {epoch: seconds for epoch, seconds in kept.items() if after[epoch] != seconds} == {}
    for name in sorted(disturbed):
        _check_the_numbers(search, name)


def _check_the_table(search: Search) -> None:
    """Every trial has a row, ended as it should, and the winner was tested."""
    table = pandas.read_csv(search.storage / "search" / "trials.csv")
    assert len(table) == _TRIALS + 2
    assert set(table["state"]) <= {"complete", "stopped"}
    names = sorted(name for name in table["name"] if name.startswith("trial-"))
    assert [int(name.split("-")[1]) for name in names] == list(range(_TRIALS))
    assert json.loads((search.storage / "search" / "summary.json").read_text())["test_accuracy"] is not None


def _check_the_numbers(search: Search, name: str) -> None:
    """A trial's metrics are those of two processes on one machine, to the last bit."""
    (trial,) = search.trials.glob(f"{name}*/")
    recipe: Any = from_file(trial / "recipe.json")
    told = read_epochs(trial)
    assert [record["number"] for record in told] == list(range(1, len(told) + 1))
    alone = train_on_two_ranks(recipe, search.folder / "alone" / trial.name)[0].metrics
    for record, metrics in zip(told, alone, strict=False):
        assert {key: record[key] for key in metrics} == metrics
