"""What a search tells other processes: how far it is, that it lives, and what it is told."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import raykd.runs.status
from raykd.protocols.event import (
    Doing,
    SearchEnded,
    SearchStopping,
    TotalChanged,
    TrialBegan,
    TrialEnded,
    TrialInterrupted,
)
from raykd.protocols.outcome import TrialOutcome
from raykd.runs.ledger import Ledger
from raykd.runs.status import (
    SearchStatus,
    StatusFile,
    ask_to_stop,
    is_asked_to_stop,
    is_running,
    read_status,
    running,
    stop_if_asked,
)
from raykd.signals import SearchInterrupted
from raykd.storage.layout import LOCK
from waiting import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(raykd.runs.status, "time", made)
    return made


def state(folder: Path) -> SearchStatus:
    found = read_status(folder)
    assert found is not None
    return found


def began(trial: str) -> TrialBegan:
    return TrialBegan(trial=trial, setting="", values={})


def test_a_search_without_further_settings_wants_no_more(tmp_path: Path):
    file = StatusFile(tmp_path, 9)
    file(TotalChanged(total=3))
    file.flush(at_once=True)
    assert state(tmp_path).total == 3


def ledger_of(folder: Path, **ended: TrialOutcome) -> None:
    """As the search writes it, besides."""
    ledger = Ledger(folder)
    for name, end in ended.items():
        ledger.add(end=name, **vars(end), again=False)


ENDED = {
    "a": TrialOutcome(kind="complete", accuracy=0.5, epochs=3),
    "b": TrialOutcome(kind="failed", accuracy=None, epochs=0),
}


def test_what_is_written_is_read(tmp_path: Path, clock: Clock):
    assert read_status(tmp_path) is None
    status_file = StatusFile(tmp_path, 7)
    ledger_of(tmp_path, **ENDED)
    for event in (began("c"), began("d"), SearchStopping()):
        clock.now += 2
        status_file(event)
    found = state(tmp_path)
    assert (found.total, found.doing, found.running, found.ended) == (
        7,
        "stopping after the running epochs",
        ("c", "d"),
        ENDED,
    )
    assert (found.failed, found.best) == (1, ("a", 0.5))


def test_it_follows_a_search_from_its_teacher_to_its_end(tmp_path: Path, clock: Clock):
    status_file = StatusFile(tmp_path, 2)
    steps = (
        (Doing(text="teacher"), "teacher", (), []),
        (began("a"), "", ("a",), []),
        (began("b"), "", ("a", "b"), []),
        (TrialInterrupted(trial="a"), "", ("b",), []),
        (began("a"), "", ("b", "a"), []),
        (TrialEnded(trial="b", outcome=ENDED["b"]), "", ("a",), ["b"]),
        (TrialEnded(trial="a", outcome=ENDED["a"]), "", (), ["b", "a"]),
        (Doing(text="gathering"), "gathering", (), ["b", "a"]),
        (SearchEnded(interrupted=False, best="a", accuracy=0.5), "", (), ["b", "a"]),
    )
    for event, doing, names, ended in steps:
        clock.now += 2
        if isinstance(event, TrialEnded):
            ledger_of(tmp_path, **{event.trial: event.outcome})
        status_file(event)
        found = state(tmp_path)
        assert (found.doing, found.running, list(found.ended)) == (doing, names, ended), event


def test_trials_that_an_interrupt_cut_off_run_no_more_at_once(tmp_path: Path, clock: Clock):
    status_file = StatusFile(tmp_path, 2)
    clock.now += 2
    status_file(began("a"))
    status_file(Doing(text="gathering"))
    assert (state(tmp_path).doing, state(tmp_path).running) == ("gathering", ())


def test_the_best_has_run_to_its_end():
    ends = {"low": ("complete", 0.1), "high": ("complete", 0.6), "stopped": ("stopped", 0.9), "bad": ("diverged", 0.0)}
    ended = {name: TrialOutcome(kind=word, accuracy=value, epochs=2) for name, (word, value) in ends.items()}
    assert SearchStatus(host="here", pid=1, total=9, ended=ended).best == ("high", 0.6)
    assert SearchStatus(host="here", pid=1, total=9).best is None


def test_it_is_written_once_a_second_at_most(tmp_path: Path, clock: Clock):
    status_file = StatusFile(tmp_path, 3)
    clock.now += 0.5
    status_file(Doing(text="first"))
    assert state(tmp_path).doing == ""
    clock.now += 0.6
    status_file.flush()
    assert state(tmp_path).doing == "first"
    written = (tmp_path / "status.json").stat().st_mtime_ns
    clock.now += 60
    status_file(Doing(text="first"))
    assert (tmp_path / "status.json").stat().st_mtime_ns == written
    status_file(Doing(text="second"))
    clock.now += 0.1
    status_file(SearchEnded(interrupted=True, best=None, accuracy=None))
    assert state(tmp_path).doing == ""


def test_a_notice_goes_on_from_the_one_before(tmp_path: Path, clock: Clock):
    before = StatusFile(tmp_path, 3)
    ledger_of(tmp_path, a=ENDED["a"])
    before(began("b"))
    clock.now += 2
    before.flush()
    assert state(tmp_path).running == ("b",)
    StatusFile(tmp_path, 5)
    assert (state(tmp_path).total, state(tmp_path).ended, state(tmp_path).running) == (5, {"a": ENDED["a"]}, ())


def test_what_has_ended_is_known_when_all_that_it_needed_to_go_on_is_deleted(tmp_path: Path):
    status_file = StatusFile(tmp_path, 2)
    ledger_of(tmp_path, **ENDED)
    status_file(SearchEnded(interrupted=False, best="a", accuracy=0.5))
    shutil.rmtree(tmp_path / ".raykd")
    assert state(tmp_path).ended == ENDED


def test_what_is_written_of_a_search_does_not_grow_with_its_trials(tmp_path: Path, clock: Clock):
    status_file, sizes = StatusFile(tmp_path, 9), list[int]()
    for number in range(9):
        clock.now += 2
        ledger_of(tmp_path, **{f"trial-{number:04d}": ENDED["a"]})
        status_file(began(f"trial-{number:04d}"))
        status_file(TrialEnded(trial=f"trial-{number:04d}", outcome=ENDED["a"]))
        sizes.append((tmp_path / "status.json").stat().st_size)
    assert len(state(tmp_path).ended) == 9
    assert len(set(sizes)) == 1


def test_a_notice_that_cannot_be_written_ends_no_search(tmp_path: Path):
    status_file = StatusFile(tmp_path, 3)
    (tmp_path / "status.json").unlink()
    (tmp_path / "status.json").mkdir()
    status_file(Doing(text="first"))
    status_file.flush(at_once=True)
    (tmp_path / "status.json").rmdir()
    status_file.flush(at_once=True)
    assert state(tmp_path).doing == "first"


def test_a_search_runs_until_its_process_ends_however_it_does(tmp_path: Path):
    code = "import sys, time, pathlib\nfrom raykd.runs.status import StatusFile, running\n"
    code += "with running(pathlib.Path(sys.argv[1])):\n    StatusFile(pathlib.Path(sys.argv[1]), 3)\n"
    code += "    print('runs', flush=True)\n    time.sleep(60)\n"
    assert not is_running(tmp_path)
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "runs\n"
        assert is_running(tmp_path)
        with pytest.raises(RuntimeError, match=rf"is running already \(process {process.pid} on .*raykd stop "):
            running(tmp_path).__enter__()
        process.kill()
    assert not is_running(tmp_path)
    with running(tmp_path):
        assert is_running(tmp_path)
    assert not is_running(tmp_path)


def test_looking_at_it_does_not_keep_it_from_starting(tmp_path: Path):
    (tmp_path / LOCK).parent.mkdir()
    (tmp_path / LOCK).touch()
    looked = [is_running(tmp_path) for _ in range(3)]
    with running(tmp_path):
        assert looked == [False, False, False]


def test_it_is_asked_to_stop_until_it_starts_again(tmp_path: Path):
    assert not is_asked_to_stop(tmp_path)
    ask_to_stop(tmp_path)
    assert is_asked_to_stop(tmp_path)
    with running(tmp_path):
        assert not is_asked_to_stop(tmp_path)


def test_who_asks_whether_to_stop_is_interrupted_only_then(tmp_path: Path):
    stop_if_asked(tmp_path)
    ask_to_stop(tmp_path)
    with pytest.raises(SearchInterrupted) as stopped:
        stop_if_asked(tmp_path)
    assert stopped.value.folder == tmp_path


def test_state_json_is_plain(tmp_path: Path):
    StatusFile(tmp_path, 3)
    assert set(json.loads((tmp_path / "status.json").read_text())) == {
        "host",
        "pid",
        "total",
        "doing",
        "running",
        "ended",
    }
