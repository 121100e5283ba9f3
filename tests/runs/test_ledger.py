"""A search's ledger: whole lines in their order, whenever and however its drivers die."""

import errno
from pathlib import Path
from typing import Any

import pytest

import raykd.runs.ledger
from raykd.protocols.outcome import TrialOutcome
from raykd.runs.ledger import Ledger, read_ends, read_ledger
from raykd.storage.layout import LEDGER
from waiting import Clock

ENTRIES: list[dict[str, Any]] = [
    {"begin": "trial-0000-ab", "config": {"number": 0, "values": {"lr": 0.1, "words": "ä"}}, "drawn": []},
    {"epoch": 1, "of": "trial-0000-ab", "accuracy": 0.5},
    {"end": "trial-0000-ab", "kind": "stopped", "accuracy": 0.5, "epochs": 2, "again": False},
]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(raykd.runs.ledger, "time", made)
    return made


def files(folder: Path) -> list[Path]:
    return sorted((folder / LEDGER).iterdir())


def write(folder: Path, *entries: dict[str, Any]) -> None:
    """By a driver of its own."""
    ledger = Ledger(folder)
    for entry in entries:
        ledger.add(**entry)


def test_lines_are_read_in_the_order_of_the_drivers_and_of_what_they_did(tmp_path: Path):
    assert list(read_ledger(tmp_path)) == []
    write(tmp_path, *ENTRIES)
    write(tmp_path, {"behind": "a"}, {"behind": "b"})
    assert list(read_ledger(tmp_path)) == [*ENTRIES, {"behind": "a"}, {"behind": "b"}]
    assert [file.name for file in files(tmp_path)] == ["000001.jsonl", "000002.jsonl"]


def test_a_driver_that_is_killed_within_any_line_loses_that_line_alone(tmp_path: Path):
    write(tmp_path, *ENTRIES)
    write(tmp_path, {"behind": "a"})
    content = files(tmp_path)[0].read_bytes()
    for count in range(len(content) + 1):
        files(tmp_path)[0].write_bytes(content[:count])
        whole = content[:count].count(b"\n")
        assert list(read_ledger(tmp_path)) == [*ENTRIES[:whole], {"behind": "a"}]


def test_zeros_that_a_machine_has_left_for_a_line_are_skipped(tmp_path: Path):
    write(tmp_path, *ENTRIES)
    with files(tmp_path)[0].open("ab") as file:
        file.write(bytes(512))
    assert list(read_ledger(tmp_path)) == ENTRIES


def test_what_somebody_else_has_put_there_is_no_part_of_it(tmp_path: Path):
    write(tmp_path, *ENTRIES)
    (tmp_path / LEDGER / "notes.jsonl").write_text("mine\n")
    (tmp_path / LEDGER / "000001.jsonl~").write_text("an editor's\n")
    write(tmp_path, {"behind": "a"})
    assert list(read_ledger(tmp_path)) == [*ENTRIES, {"behind": "a"}]


@pytest.mark.parametrize("line", ["{'begin': 1}", "[1, 2]", "", "17"])
def test_a_line_that_is_none_is_named(tmp_path: Path, line: str):
    write(tmp_path, *ENTRIES)
    with files(tmp_path)[0].open("a") as file:
        file.write(f"{line}\n" + '{"behind": "a"}\n')
    with pytest.raises(
        ValueError, match=r"^\S+/000001\.jsonl has a line that is no JSON object: .*; take it out to go"
    ):
        list(read_ledger(tmp_path))


def test_a_file_ends_after_its_most_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(raykd.runs.ledger, "_MOST_BYTES", 100)
    write(tmp_path, *ENTRIES, *ENTRIES)
    assert list(read_ledger(tmp_path)) == ENTRIES * 2
    assert len(files(tmp_path)) > 2
    assert all(file.stat().st_size < 100 + 200 for file in files(tmp_path))


def test_epochs_wait_half_a_second_or_for_what_is_written_at_once(tmp_path: Path, clock: Clock):
    ledger = Ledger(tmp_path)
    ledger.add(behind="a")
    ledger.add(at_once=False, epoch=1)
    ledger.flush()
    assert len(list(read_ledger(tmp_path))) == 1
    clock.now += 0.6
    ledger.flush()
    assert len(list(read_ledger(tmp_path))) == 2
    ledger.add(at_once=False, epoch=2)
    ledger.add(end="b")
    assert [*read_ledger(tmp_path)][2:] == [{"epoch": 2}, {"end": "b"}]
    ledger.add(at_once=False, epoch=3)
    ledger.close()
    assert len(list(read_ledger(tmp_path))) == 5


def test_lines_that_a_full_disk_refuses_are_written_later_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    ledger = Ledger(tmp_path)
    ledger.add(behind="a")

    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(raykd.runs.ledger, "append", full)
        ledger.add(behind="b")
        ledger.add(behind="c")
        with pytest.raises(OSError, match="No space left"):
            ledger.close()
    ledger.add(behind="d")
    assert [entry["behind"] for entry in read_ledger(tmp_path)] == list("abcd")


def test_a_search_whose_storage_is_away_is_not_made_anew_in_its_place(tmp_path: Path):
    ledger = Ledger(tmp_path / "away")
    ledger.add(behind="a")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "away").mkdir()
    ledger.close()
    assert list(read_ledger(tmp_path / "away")) == [{"behind": "a"}]


def test_what_is_known_of_an_earlier_search_is_there_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def killed(path: Path, text: str) -> None:
        raise KeyboardInterrupt

    known = [{"known": {"lr": 0.1}, "state": "complete", "accuracy": 0.5, "epoch": 4}] * 3
    with monkeypatch.context() as patch:
        patch.setattr(raykd.runs.ledger, "write_text", killed)
        with pytest.raises(KeyboardInterrupt):
            Ledger(tmp_path).begin(known)
    assert list(read_ledger(tmp_path)) == []
    ledger = Ledger(tmp_path)
    ledger.begin(known)
    ledger.add(behind="a")
    assert list(read_ledger(tmp_path)) == [*known, {"behind": "a"}]


def test_of_a_trial_that_was_tried_again_the_last_end_counts(tmp_path: Path):
    assert read_ends(tmp_path) is None
    failed: dict[str, Any] = {"end": "a", "kind": "failed", "accuracy": None, "epochs": 0, "again": True}
    write(tmp_path, failed, ENTRIES[2], failed | {"kind": "complete", "accuracy": 0.75, "epochs": 4, "again": False})
    assert list((read_ends(tmp_path) or {}).items()) == [
        ("trial-0000-ab", TrialOutcome(kind="stopped", accuracy=0.5, epochs=2)),
        ("a", TrialOutcome(kind="complete", accuracy=0.75, epochs=4)),
    ]


def test_an_end_that_says_none_is_one_line(tmp_path: Path):
    write(tmp_path, {"end": "a", "kind": "complete", "accuracy": "best", "epochs": 4})
    with pytest.raises(ValueError, match=r"^the search's ledger has an end of a trial that is none: \{.*$"):
        read_ends(tmp_path)
