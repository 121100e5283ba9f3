"""Writing behind: in order, each epoch told after it is written, whatever kills the process in between."""

import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from test_trial import CPU, RECIPE, VALUES, logged, scalars

import tiny
from raykd.distributed.world import World
from raykd.protocols.epoch import Epoch
from raykd.runs.behind import Behind
from raykd.runs.trial import read_epochs, run_trial, saved_epoch, written
from raykd.storage.artifacts import Store
from raykd.training import checkpoints
from raykd.training.loop import distill

DEATHS = ("before it is written", "before the checkpoint", "before it is told", "in the next epoch")


class Asked:
    """Who asks for the next epoch as soon as one was told, as a search does."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.is_told = threading.Semaphore(1)

    def told(self, epoch: Epoch) -> None:
        self.numbers.append(epoch.number)
        self.is_told.release()


def train_behind(
    folder: Path,
    store: Store,
    told: Callable[[Epoch], None],
    is_told: threading.Semaphore,
    within: Callable[[Iterator[Epoch]], Iterator[Epoch]] = lambda epochs: epochs,
    look: Callable[[], None] = lambda: None,
) -> Behind:
    """Trains `folder/trial`, each epoch written while the next one trains; `within` comes before the checkpoint."""
    saved = saved_epoch(folder / "trial")
    number = saved["number"] if saved else 0

    def listen(epochs: Iterator[Epoch]) -> Iterator[Epoch]:
        return written(within(epochs), RECIPE, folder / "trial", folder / "board", VALUES, number, 1)

    behind = Behind(listen, told)
    for epoch in distill(RECIPE, saved["state"] if saved else None, store=store, world=World(0, 1, CPU), look=look):
        is_told.acquire()
        behind.give(epoch)
    return behind


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


def test_what_is_written_is_what_the_foreground_writes(store: Store, tmp_path: Path):
    asked = Asked()
    train_behind(tmp_path / "behind", store, asked.told, asked.is_told).close()
    assert asked.numbers == [1, 2, 3, 4]
    list(run_trial(RECIPE, tmp_path / "trial", tmp_path / "board", store, VALUES, World(0, 1, CPU)))
    assert logged(tmp_path / "behind") == logged(tmp_path)
    assert scalars(tmp_path / "behind") == scalars(tmp_path)
    names = [sorted(path.name for path in (folder / "trial").iterdir()) for folder in (tmp_path, tmp_path / "behind")]
    assert names[0] == names[1]
    assert_same_state(saved_epoch(tmp_path / "behind" / "trial"), saved_epoch(tmp_path / "trial"))


def test_an_epoch_is_told_when_all_of_it_is_on_the_disk_and_the_state_is_its_own(store: Store, tmp_path: Path):
    found, is_told = [], threading.Semaphore(1)
    alone = {epoch.number: epoch.state() for epoch in distill(RECIPE, store=store, world=World(0, 1, CPU))}

    def told(epoch: Epoch) -> None:
        saved = saved_epoch(tmp_path / "trial")
        assert saved is not None
        found.append((saved["number"], len(read_epochs(tmp_path / "trial")), len(scalars(tmp_path))))
        assert_same_state(saved["state"], alone[epoch.number])
        is_told.release()

    train_behind(tmp_path, store, told, is_told).close()
    assert found == [(number, number, number) for number in range(1, 5)]


def test_one_state_at_most_is_held_and_none_once_it_is_told(store: Store):
    states: list[weakref.ref[torch.Tensor]] = []

    def listen(epochs: Iterator[Epoch]) -> Iterator[Epoch]:
        for epoch in epochs:
            assert [state() for state in states] == [None] * len(states)
            states.append(weakref.ref(next(iter(epoch.state()["distiller"].values()))))
            yield epoch

    asked = Asked()
    behind = Behind(listen, asked.told)
    for epoch in distill(RECIPE, store=store, world=World(0, 1, CPU)):
        asked.is_told.acquire()
        behind.give(epoch)
    behind.close()
    assert asked.numbers == [1, 2, 3, 4]
    assert [state() for state in states] == [None] * 4


def test_an_error_in_writing_reaches_whoever_trains(store: Store, tmp_path: Path):
    def failing(epochs: Iterator[Epoch]) -> Iterator[Epoch]:
        for epoch in epochs:
            if epoch.number == 2:
                raise ZeroDivisionError("no")
            yield epoch

    asked = Asked()
    behind = Behind(failing, asked.told)
    epochs = distill(RECIPE, store=store, world=World(0, 1, CPU))
    for _ in range(2):
        asked.is_told.acquire()
        behind.give(next(epochs))
    assert isinstance(behind.ended.exception(timeout=10), ZeroDivisionError)
    with pytest.raises(ZeroDivisionError):
        behind.close()
    assert asked.numbers == [1]


def test_listeners_see_the_error_that_a_run_ends_with():
    seen = []

    def listen(epochs: Iterator[Epoch]) -> Iterator[Epoch]:
        try:
            yield from epochs
        except ZeroDivisionError as error:
            seen.append(error)
            raise

    error = ZeroDivisionError("of the run")
    Behind(listen, lambda epoch: None).close(error)
    assert seen == [error]


@pytest.mark.parametrize("death", DEATHS)
def test_death_at_any_moment_loses_no_told_epoch_and_changes_nothing(death: str, store: Store, tmp_path: Path):
    """A real process is killed while its second epoch is written, or told, and the third one trains."""
    command = [sys.executable, __file__, str(tmp_path), str(store.root), death]
    tests = os.environ | {"PYTHONPATH": str(Path(tiny.__file__).parent)}
    assert subprocess.run(command, env=tests, timeout=120).returncode == -signal.SIGKILL
    told = [int(line) for line in (tmp_path / "told").read_text().split()]
    assert told == ([1, 2] if death == "in the next epoch" else [1])
    saved = saved_epoch(tmp_path / "trial")
    assert saved is not None
    assert saved["number"] == (1 if death in DEATHS[:2] else 2) >= told[-1]
    asked = Asked()
    train_behind(tmp_path, store, asked.told, asked.is_told).close()
    assert asked.numbers == list(range(saved["number"] + 1, 5))
    whole = list(run_trial(RECIPE, tmp_path / "whole", tmp_path / "other", store, VALUES, World(0, 1, CPU)))
    assert logged(tmp_path) == [epoch.metrics for epoch in whole]
    assert [step for step, _ in scalars(tmp_path)] == [1, 2, 3, 4]
    assert_same_state(saved_epoch(tmp_path / "trial"), saved_epoch(tmp_path / "whole"))


def assert_same_state(one: object, other: object) -> None:
    assert type(one) is type(other)
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other)  # pyright: ignore[reportArgumentType]
    elif isinstance(one, dict):
        assert one.keys() == other.keys()  # pyright: ignore[reportAttributeAccessIssue]
        for name, part in one.items():
            assert_same_state(part, other[name])  # pyright: ignore[reportIndexIssue]
    else:
        assert one == other


def _die(folder: Path, store: Path, death: str) -> None:
    """What the killed process does: it writes the numbers of the epochs that were told, and kills itself."""
    is_told, looks = threading.Semaphore(1), 0

    def kill_if(where: str) -> None:
        if death == where:
            signal.raise_signal(signal.SIGKILL)

    def within(epochs: Iterator[Epoch]) -> Iterator[Epoch]:
        for epoch in epochs:
            if epoch.number == 2:
                kill_if(DEATHS[0])
            yield epoch

    def told(epoch: Epoch) -> None:
        if epoch.number == 2:
            kill_if(DEATHS[2])
        with (folder / "told").open("a") as lines:
            lines.write(f"{epoch.number}\n")
        is_told.release()

    def look() -> None:  # before each of the 3 steps of an epoch and before its validation
        nonlocal looks
        looks += 1
        if looks == 10:  # the second step of the third epoch, by when the second one is told
            with is_told:
                kill_if(DEATHS[3])

    def keep(content: dict[str, Any], path: Path) -> None:
        if content["number"] == 2:
            kill_if(DEATHS[1])
        keep_whole(content, path)

    keep_whole, checkpoints._keep = checkpoints._keep, keep
    train_behind(folder, Store(store), told, is_told, within, look)


if __name__ == "__main__":
    _die(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
