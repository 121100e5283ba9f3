"""Artefacts are made once, whole or not at all, whatever other processes do or however they end."""

import errno
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from raykd.storage import artifacts
from raykd.storage.artifacts import NotMadeError, Store
from raykd.storage.atomic import write, write_text
from waiting import wait_until

KEY = "0123abcd"

# What the other processes of these tests run. The module is loaded by its file, since they need nothing else
# of the package and start in a tenth of a second that way.
PROLOGUE = f"""
import importlib.util, os, sys, time
from pathlib import Path
spec = importlib.util.spec_from_file_location("artifacts", {artifacts.__file__!r})
artifacts = importlib.util.module_from_spec(spec)
spec.loader.exec_module(artifacts)
root, arguments = Path(sys.argv[1]), sys.argv[2:]
store = artifacts.Store(root / "store")
"""

MAKE_SLOWLY = """
def make(folder):
    (root / f"made-by-{os.getpid()}").touch()
    (folder / "first").write_text("a" * 1000)
    time.sleep(0.3)
    (folder / "second").write_text("b" * 1000)
(root / f"ready-{os.getpid()}").touch()
while not (root / "go").exists():
    time.sleep(0.005)
folder = store.get("codebook", arguments[0], make)
assert (folder / "first").read_text() == "a" * 1000 and (folder / "second").read_text() == "b" * 1000
"""

MAKE_FOR_EVER = """
def make(folder):
    (folder / "first").write_text("half")
    (root / "making").touch()
    time.sleep(60)
store.get("codebook", arguments[0], make)
"""


def start(program: str, *arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", PROLOGUE + program, *map(str, arguments)])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture(autouse=True)
def _forget_checked_folders():
    artifacts._whole.clear()


class Maker:
    """Writes two files, one of them in a folder below, and counts how often."""

    def __init__(self, text: str = "content"):
        self.calls, self.text = 0, text

    def __call__(self, folder: Path) -> None:
        self.calls += 1
        assert list(folder.iterdir()) == []
        (folder / "weights").write_text(self.text)
        (folder / "below").mkdir()
        (folder / "below" / "more").write_text(self.text)


def files(root: Path) -> list[str]:
    """Every file under a folder but the locks, which stay for the next process."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and path.suffix != ".lock")


WHOLE = [f"codebook/{KEY}/{name}" for name in ("below/more", "manifest.json", "weights")]


def test_made_once(store: Store):
    make = Maker()
    folders = {store.get("codebook", KEY, make) for _ in range(3)}
    assert folders == {store.root / "codebook" / KEY}
    assert make.calls == 1
    assert files(store.root) == WHOLE


def test_another_process_later_finds_it(store: Store):
    store.get("codebook", KEY, Maker())
    artifacts._whole.clear()  # as in a process that has not seen it yet
    again = Maker()
    assert (store.get("codebook", KEY, again) / "weights").read_text() == "content"
    assert again.calls == 0


def test_keys_and_kinds_are_apart(store: Store):
    places = [("codebook", KEY), ("codebook", "ffff"), ("route", KEY)]
    folders = [store.get(kind, key, Maker(f"{kind} {key}")) for kind, key in places]
    assert [(folder / "weights").read_text() for folder in folders] == [
        "codebook 0123abcd",
        "codebook ffff",
        "route 0123abcd",
    ]


def test_four_processes_at_once_make_it_once(tmp_path: Path):
    processes = [start(MAKE_SLOWLY, tmp_path, KEY) for _ in range(4)]
    wait_until(lambda: len(list(tmp_path.glob("ready-*"))) == 4)
    (tmp_path / "go").touch()
    assert [process.wait(timeout=30) for process in processes] == [0, 0, 0, 0]
    assert len(list(tmp_path.glob("made-by-*"))) == 1


def test_a_killed_maker_leaves_no_artefact_and_the_next_one_cleans_up(tmp_path: Path, store: Store):
    process = start(MAKE_FOR_EVER, tmp_path, KEY)
    wait_until((tmp_path / "making").exists)
    process.send_signal(signal.SIGKILL)
    assert process.wait(timeout=30) == -signal.SIGKILL
    assert not (store.root / "codebook" / KEY).exists()
    make = Maker()
    store.get("codebook", KEY, make)
    assert make.calls == 1
    assert files(store.root) == WHOLE


def test_those_who_wait_for_a_killed_maker_go_on(tmp_path: Path):
    killed = start(MAKE_FOR_EVER, tmp_path, KEY)
    wait_until((tmp_path / "making").exists)
    (tmp_path / "go").touch()
    waiting = start(MAKE_SLOWLY, tmp_path, KEY)
    wait_until(lambda: list(tmp_path.glob("ready-*")))
    time.sleep(0.1)
    assert waiting.poll() is None
    killed.kill()
    assert waiting.wait(timeout=30) == 0
    killed.wait(timeout=30)


@pytest.mark.parametrize("name", ["weights", "below/more", "manifest.json"])
@pytest.mark.parametrize("harm", ["shorten", "change", "remove", "empty"])
def test_a_harmed_artefact_is_made_again(store: Store, name: str, harm: str):
    path = store.get("codebook", KEY, Maker()) / name
    content = path.read_bytes()
    if harm == "remove":
        path.unlink()
    else:
        path.write_bytes({"shorten": content[:-2], "change": b"X" + content[1:], "empty": b""}[harm])
    artifacts._whole.clear()
    again = Maker("again")
    assert (store.get("codebook", KEY, again) / "weights").read_text() == "again"
    assert again.calls == 1
    assert files(store.root) == WHOLE


@pytest.mark.parametrize(
    "manifest", [None, "", "{}", "[]", "3", '{"weights": 1}', '{"gone": [0, ""]}', '{"a\\u0000": 1}']
)
def test_a_foreign_folder_is_made_again(store: Store, manifest: str | None):
    folder = store.root / "codebook" / KEY
    folder.mkdir(parents=True)
    (folder / "weights").write_text("foreign")
    if manifest is not None:
        (folder / "manifest.json").write_text(manifest)
    assert (store.get("codebook", KEY, Maker()) / "weights").read_text() == "content"
    assert files(store.root) == WHOLE


def test_a_folder_that_was_removed_is_made_again(store: Store):
    make = Maker()
    folder = store.get("codebook", KEY, make)
    folder.rename(store.root / "elsewhere")
    assert store.get("codebook", KEY, make).exists()
    assert make.calls == 2


def test_a_maker_that_raises_leaves_nothing(store: Store):
    def make(folder: Path) -> None:
        (folder / "weights").write_text("half")
        raise ZeroDivisionError("no")

    with pytest.raises(ZeroDivisionError, match="no"):
        store.get("codebook", KEY, make)
    assert files(store.root) == []
    assert list((store.root / "codebook").iterdir()) == []
    assert store.get("codebook", KEY, Maker()).exists()


def test_a_maker_that_writes_nothing_is_a_mistake(store: Store):
    with pytest.raises(RuntimeError, match=f"the maker of codebook/{KEY} wrote no file"):
        store.get("codebook", KEY, lambda folder: None)
    assert list((store.root / "codebook").iterdir()) == []


def test_others_may_read_an_artefact(store: Store):
    assert store.get("codebook", KEY, Maker()).stat().st_mode & 0o777 == 0o755


def test_the_root_is_absolute_and_home_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert Store("~/store").root == Store("store").root == tmp_path / "store"
    assert repr(Store("store")) == f"Store({str(tmp_path / 'store')!r})"
    assert not (tmp_path / "store").exists()


def test_write_puts_a_file_in_place(tmp_path: Path):
    path = tmp_path / "deep" / "file.json"
    for text in ("first", "second"):
        write_text(path, text)
        assert path.read_text() == text
    assert path.stat().st_mode & 0o777 == 0o644
    assert files(tmp_path) == ["deep/file.json"]


def test_a_write_that_fails_keeps_the_old_file(tmp_path: Path):
    path = tmp_path / "file"
    path.write_text("old")

    def save(temporary: Path) -> None:
        temporary.write_text("ne")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write(path, save)
    assert path.read_text() == "old"
    assert files(tmp_path) == ["file"]


def test_a_reader_sees_the_old_file_or_the_new_one(tmp_path: Path):
    path = tmp_path / "file"
    write_text(path, "a" * 100_000)
    program = """
from raykd.storage import atomic
for number in range(50):
    atomic.write_text(root / "file", "ab"[number % 2] * 100_000)
"""
    process = start(program, tmp_path)
    seen = set()
    while process.poll() is None:
        text = path.read_text()
        assert len(text) == 100_000
        seen |= set(text)
        assert len(set(text)) == 1
    assert process.returncode == 0
    assert seen <= {"a", "b"}


def test_a_write_keeps_the_ending_of_the_name(tmp_path: Path):
    """NumPy and others add an ending to a name that lacks theirs, and the file would be lost."""
    seen: list[Path] = []
    write(tmp_path / "codes.npy", lambda temporary: (seen.append(temporary), temporary.write_text("x")))
    assert [path.suffix for path in seen] == [".npy"]
    assert not seen[0].exists()
    assert files(tmp_path) == ["codes.npy"]


def test_a_full_disk_is_waited_for_and_a_makers_own_missing_file_is_not(tmp_path: Path):
    made: list[Path] = []

    def make(folder: Path) -> None:
        made.append(folder)
        write_text(folder / "a", "b")
        if len(made) == 1:
            raise OSError(errno.ENOSPC, "No space left on device", str(folder))

    store = Store(tmp_path / "store")
    assert files(store.get("word", "key", make)) == ["a", "manifest.json"]
    assert len(made) == 2 and files(tmp_path / "store" / "word") == ["key/a", "key/manifest.json"]

    def misses(folder: Path) -> None:
        made.append(folder)
        (folder / "none").read_text()

    with pytest.raises(FileNotFoundError):
        store.get("word", "other", misses)
    assert len(made) == 3


def test_a_store_makes_what_it_may_and_no_more(tmp_path: Path):
    with pytest.raises(NotMadeError, match=r"^word$"):
        Store(tmp_path / "store", makes=()).get("word", "key", lambda folder: None)
    assert not (tmp_path / "store").exists()
    made = Store(tmp_path / "store").get("word", "key", lambda folder: write_text(folder / "a", "b"))
    assert Store(tmp_path / "store", makes=()).get("word", "key", lambda folder: None) == made
    some = Store(tmp_path / "store", makes=("sentence",))
    assert some.get("sentence", "key", lambda folder: write_text(folder / "a", "b")).is_dir()
    with pytest.raises(NotMadeError, match=r"^word$"):
        some.get("word", "other", lambda folder: write_text(folder / "a", "b"))


def test_who_asks_is_told_of_what_this_store_makes_and_of_nothing_else(tmp_path: Path):
    told: list[tuple[str, str, float]] = []

    def make(folder: Path) -> None:
        time.sleep(0.05)
        (folder / "file").write_text("text")

    def fail(folder: Path) -> None:
        raise ZeroDivisionError

    store = Store(tmp_path, made=lambda *what: told.append(what))
    Store(tmp_path).get("codebook", KEY, make)
    store.get("codebook", KEY, make)
    with pytest.raises(ZeroDivisionError):
        store.get("route", KEY, fail)
    assert told == []
    store.get("route", KEY, make)
    ((kind, key, seconds),) = told
    assert (kind, key) == ("route", KEY)
    assert 0.05 <= seconds < 5
