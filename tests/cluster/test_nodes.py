"""A search whose trials spread over several nodes, and what it survives when some of them are lost or come back."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas
import pytest
from faults import Epoch, Search
from nodes import Node, Nodes, skip_where_there_can_be_none

from ranks import train_by_turns
from raykd.runs.trial import read_epochs
from raykd.space.serialise import from_file
from run_commands import write_study
from waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
_TIMEOUT_S = 900.0
_AWAY_S = 15.0
_TRIALS = 3
_WORKER, _SLOT = "ray::RayTrainWorker", "ray::ResourceTrainable"
_MAILBOX = "ray::Mailbox"  # beside its slot


@pytest.fixture(scope="module")
def cluster() -> Iterator[Nodes]:
    skip_where_there_can_be_none()
    nodes = Nodes(4)
    yield nodes
    nodes.end()


@pytest.fixture
def nodes(cluster: Nodes) -> Nodes:
    """Four nodes of one CPU, and a head that trains nothing: two slots of two workers fill them."""
    for node in list(cluster.lost):  # by the test before
        cluster.bring_back(node)
    return cluster


@pytest.fixture
def search(tmp_path: Path) -> Search:
    """The folders of a search; what stands in them tells how far it is."""
    first = 'trials=1, grace=10, first=({}, {"terms/quest": "on"}))'
    write_study(tmp_path, ("epochs=2,", "epochs=20,"), ("trials=1)", first), name="study")
    return Search(tmp_path)


class Running:
    """A search that runs on the nodes."""

    def __init__(self, nodes: Nodes, search: Search, slots: int = 2, workers: int = 2):
        self.nodes, self.search = nodes, search
        words = ("--study", search.folder / "study.py", "--storage", search.storage, "--name", "search")
        numbers = ("--trials", _TRIALS, "--slots", slots, "--workers", workers)
        self.process = nodes.tune(*words, *numbers, output=search.folder / "output")
        self.made: dict[Path, set[int]] = {}
        self._kept: dict[Epoch, float] = {}
        self._counts: list[dict[str, int]] = []

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Looks at each artefact meanwhile: one that is made again is another folder under the same name."""

        def looked() -> bool:
            for manifest in self.search.storage.glob("artifacts/*/*/manifest.json"):
                self.made.setdefault(manifest, set()).add(manifest.stat().st_ino)
            return is_so()

        wait_until(looked, _TIMEOUT_S, lambda: f"hangs:\n{self.output}")

    def wait_for_epochs(self, count: int) -> None:
        """Until so many more are on record; the search must still run."""
        goal = self.search.count() + count
        self.wait_until(lambda: self.search.count() >= goal or self.process.poll() is not None)
        assert self.process.poll() is None, self.output

    def wait_for_the_end(self) -> None:
        self.wait_until(lambda: self.process.poll() is not None)
        assert self.process.poll() == 0, self.output

    def lose(self, node: Node) -> None:
        """A power cut; notes what is kept so far, and how far each trial is."""
        self._note()
        self.nodes.lose(node)

    def freeze(self, node: Node) -> None:
        self._note()
        self.nodes.freeze(node)

    def _note(self) -> None:
        self._kept |= self.search.kept()
        self._counts.append(self._epochs())

    def _epochs(self) -> dict[str, int]:
        """How many epochs each trial has on record."""
        return {trial.name: len(read_epochs(trial)) for trial in self.search.trials.glob("*/")}

    def check(self) -> None:
        """Nothing that was kept is lost, and a trial that went on after a loss has the numbers of one without."""
        _check_the_table(self.search)
        after = {
            (trial.name, record["number"]): record["seconds"]
            for trial in self.search.trials.glob("*/")
            for record in read_epochs(trial)
        }
        assert {epoch: seconds for epoch, seconds in self._kept.items() if after[epoch] != seconds} == {}
        ended = self._epochs()
        disturbed = {name for counts in self._counts for name, count in counts.items() if count < ended[name]}
        assert disturbed
        for name in sorted(disturbed):
            _check_the_numbers(self.search, name)

    @property
    def output(self) -> str:
        return (self.search.folder / "output").read_text()

    def nodes_with(self, name: str) -> list[Node]:
        return [node for node in self.nodes.workers if node.pids(name)]


def test_the_workers_of_a_trial_lie_on_different_nodes(nodes: Nodes, search: Search):
    running = Running(nodes, search)
    running.wait_until(lambda: all(len(node.pids(_WORKER)) == 1 for node in nodes.workers))
    assert not nodes.head.pids(_WORKER)
    running.wait_for_the_end()
    assert "2 trial(s) at a time, 2 worker(s) each" in running.output
    _check_the_table(search)
    kinds = {manifest.parents[1].name for manifest in running.made}
    assert {"route", "codebook"} <= kinds
    assert all(len(inodes) == 1 for inodes in running.made.values())
    for name in ("plain-KD", "trial-0001"):
        _check_the_numbers(search, name)


def test_a_node_comes_back_and_is_trained_on_again(nodes: Nodes, search: Search):
    """All but the one with the slot have lost their power: until one is there again, nothing can be trained."""
    running = Running(nodes, search, slots=1)
    running.wait_for_epochs(4)
    (leader,) = running.nodes_with(_MAILBOX)
    lost = [node for node in nodes.workers if node is not leader]
    for node in lost:
        running.lose(node)
    time.sleep(_AWAY_S)
    back = nodes.bring_back(lost[0])
    running.wait_for_epochs(4)
    assert running.nodes_with(_WORKER) == [leader, back]
    running.wait_for_the_end()
    running.check()


def test_the_node_that_a_trial_is_led_from_loses_its_power(nodes: Nodes, search: Search):
    """It trains nothing: Ray puts a slot's workers where more is free than beside the slot, if there is such a node.

    Beside the slot lies its group's mailbox, so that no node can be lost with one of the two alone.
    """
    running = Running(nodes, search, slots=1)
    running.wait_for_epochs(4)
    (leader,) = running.nodes_with(_MAILBOX)
    running.wait_until(lambda: bool(leader.pids(_SLOT)))  # between two trials its title is another
    assert not nodes.head.pids(_MAILBOX)
    workers = running.nodes_with(_WORKER)
    assert len(workers) == 2 and leader not in workers
    running.lose(leader)
    running.wait_for_the_end()
    running.check()


def test_a_node_that_stood_still_writes_nothing_over_what_another_has_trained_since(nodes: Nodes, search: Search):
    """It wakes up in the middle of an epoch of a trial that has gone on elsewhere."""
    running = Running(nodes, search, slots=1, workers=1)
    running.wait_for_epochs(4)
    running.wait_until(lambda: bool(running.nodes_with(_WORKER)))
    (still,) = running.nodes_with(_WORKER)
    running.freeze(still)
    running.wait_for_epochs(3)
    nodes.thaw(still)
    running.wait_for_the_end()
    running.check()
    for trial in search.trials.glob("*/"):
        lines = (trial / "epochs.jsonl").read_text().splitlines()
        assert [json.loads(line)["number"] for line in lines] == list(range(1, len(lines) + 1))


def test_two_nodes_lose_their_power_one_after_the_other(nodes: Nodes, search: Search):
    """First one with a worker alone, then one with a slot.

    The two CPUs that are left are enough for one trial at a time: slots that held one CPU each would wait for each
    other for ever.
    """
    running = Running(nodes, search)
    running.wait_for_epochs(4)
    leaders = running.nodes_with(_MAILBOX)
    (bystander, *_) = [node for node in nodes.workers if node not in leaders]
    running.lose(bystander)
    running.wait_for_epochs(4)
    running.lose(running.nodes_with(_MAILBOX)[0])
    running.wait_for_the_end()
    running.check()


def _check_the_table(search: Search) -> None:
    """Every trial has a row, ended as it should, and the winner was tested."""
    table = pandas.read_csv(search.storage / "search" / "trials.csv")
    assert len(table) == _TRIALS + 2
    assert set(table["outcome"]) <= {"complete", "stopped"}
    names = sorted(name for name in table["name"] if name.startswith("trial-"))
    assert [int(name.split("-")[1]) for name in names] == list(range(_TRIALS))
    assert json.loads((search.storage / "search" / "summary.json").read_text())["test_accuracy"] is not None


def _check_the_numbers(search: Search, name: str) -> None:
    """A trial's metrics are those of as many processes on one machine, to the last bit."""
    (trial,) = search.trials.glob(f"{name}*/")
    recipe: Any = from_file(trial / "recipe.json")
    told = read_epochs(trial)
    assert [record["number"] for record in told] == list(range(1, len(told) + 1))
    alone = train_by_turns(recipe, search.folder / "alone" / trial.name, [record["workers"] for record in told])
    assert [{key: record[key] for key in metrics} for record, metrics in zip(told, alone, strict=True)] == alone
