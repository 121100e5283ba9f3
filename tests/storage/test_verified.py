"""An artefact's files are read once on a machine for their sums, and whatever changes them has them read again."""

import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest

from raykd.storage import artifacts, verified
from raykd.storage.artifacts import Store
from raykd.storage.manifest import agrees

KEY = "0123abcd"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of marks, on a machine whose files have settled."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(verified, "_SETTLED_S", -10.0)
    return tmp_path / "tmp" / f"raykd-verified-{os.geteuid()}"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The artefacts whose files were read for their sums."""
    read: list[Path] = []

    def counted(folder: Path) -> bool:
        read.append(folder)
        return agrees(folder)

    monkeypatch.setattr(verified, "agrees", counted)
    return read


def make(folder: Path) -> None:
    for name in ("first", "second"):
        (folder / name).write_text(name)


def got(store: Store, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An artefact as another process gets it."""
    monkeypatch.setattr(artifacts, "_whole", set())
    return store.get("route", KEY, make)


def test_the_second_process_of_a_machine_reads_no_file(machine: Path, reads: list[Path], tmp_path: Path, monkeypatch):
    store = Store(tmp_path / "store")
    folder = got(store, monkeypatch)
    reads.clear()
    for _ in range(3):
        assert got(store, monkeypatch) == folder
    assert reads == [folder]
    shutil.rmtree(machine)
    got(store, monkeypatch)
    assert reads == [folder] * 2, "marks may be deleted at any time"


@pytest.mark.parametrize("change", ["content", "content and times", "longer", "replaced", "gone", "manifest", "moved"])
def test_what_changes_a_file_has_it_read_again(change: str, machine: Path, reads: list[Path], tmp_path, monkeypatch):
    store = Store(tmp_path / "store")
    file = got(store, monkeypatch) / "first"
    got(store, monkeypatch)
    seen = file.stat()
    time.sleep(0.01)  # more than a tick of the kernel's, by which it counts times
    reads.clear()
    match change:
        case "content":
            file.write_text("FIRST")
        case "content and times":
            file.write_text("FIRST")
            os.utime(file, ns=(seen.st_atime_ns, seen.st_mtime_ns))
        case "longer":
            file.write_text("first and more")
        case "replaced":
            shutil.copy2(file, tmp_path / "copy")
            (tmp_path / "copy").replace(file)
        case "gone":
            file.unlink()
        case "manifest":
            (file.parent / "manifest.json").write_text("{}")
        case "moved":
            shutil.copytree(store.root, tmp_path / "other")
            store = Store(tmp_path / "other")
    folder = got(store, monkeypatch)
    assert (folder / "first").read_text() == "first", "made anew where it was torn"
    assert len(reads) == (0 if change in ("gone", "manifest") else 2 if change.startswith(("content", "longer")) else 1)


def test_what_was_changed_just_now_has_no_mark_yet(machine: Path, reads: list[Path], tmp_path, monkeypatch):
    monkeypatch.setattr(verified, "_SETTLED_S", 3.0)
    store = Store(tmp_path / "store")
    for _ in range(3):
        folder = got(store, monkeypatch)
    assert reads == [folder] * 2
    monkeypatch.setattr(time, "time", lambda: folder.stat().st_ctime + 10)
    for _ in range(3):
        got(store, monkeypatch)
    assert reads == [folder] * 3


@pytest.mark.parametrize("planted", ["a link", "a file", "open to all", "another's", "another's marks"])
def test_marks_that_are_not_this_users_alone_are_not_looked_at(
    planted: str, machine: Path, reads: list[Path], tmp_path: Path, monkeypatch
):
    store = Store(tmp_path / "store")
    got(store, monkeypatch)
    folder = got(store, monkeypatch)
    reads.clear()
    match planted:
        case "a link":
            machine.rename(tmp_path / "theirs")
            machine.symlink_to(tmp_path / "theirs")
        case "a file":
            shutil.rmtree(machine)
            machine.write_text("")
        case "open to all":
            machine.chmod(0o777)
        case "another's":
            own = os.geteuid()
            monkeypatch.setattr(os, "geteuid", lambda: own + 1)
            machine.rename(machine.with_name(f"raykd-verified-{own + 1}"))
        case "another's marks":
            if os.geteuid() != 0:
                pytest.skip("only root can give a file to another user")
            for mark in machine.iterdir():
                os.chown(mark, 54_001, 54_000)
    for _ in range(2):
        got(store, monkeypatch)
    assert reads == [folder] * 2


def test_old_marks_are_cleared(machine: Path, reads: list[Path], tmp_path: Path, monkeypatch):
    machine.mkdir(mode=0o700)
    (machine / "old").touch()
    os.utime(machine / "old", (0, 0))
    got(Store(tmp_path / "store"), monkeypatch)
    got(Store(tmp_path / "store"), monkeypatch)
    assert not (machine / "old").exists() and len(list(machine.iterdir())) == 2
