"""What all who hold a storage may count on, whichever of the two it is; the object store is a real server."""

import contextlib
import pickle
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from object_store import BUCKET, reached
from raykd.storage.artifacts import open_store
from raykd.storage.local import LocalStorage
from raykd.storage.opening import open_storage
from raykd.storage.storage import Follower, Storage
from raykd.storage.synced import SyncedStorage


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with reached() as address:
        yield address


@pytest.fixture(params=["local", "synced"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> Storage:
    """An empty storage, with its folder on this machine."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    typed = str(tmp_path) if request.param == "local" else f"s3://{BUCKET}/{tmp_path.name}{address}"
    opened = open_storage(typed)
    opened.root.mkdir(parents=True, exist_ok=True)
    return opened


def test_a_small_file_is_what_was_written_last(storage: Storage):
    file = storage.root / "owner"
    assert storage.read(file) is None and not storage.has(file)
    for content in (b"one", b"another"):
        storage.write(file, content)
        assert storage.read(file) == storage.read_back(file) == content
    assert storage.has(file) and storage.inside(storage.root) == ["owner"]
    storage.delete(file)
    storage.delete(file)
    assert storage.read(file) is None and not storage.has(file) and storage.inside(storage.root) == []


def test_a_folder_that_is_there_is_not_made_again(storage: Storage):
    folder = storage.root / "search"
    assert not storage.has(folder) and storage.inside(folder) == []
    storage.make_new(folder)
    assert list(folder.iterdir()) == []
    storage.write(folder / "search.json", b"{}")
    with pytest.raises(FileExistsError):
        storage.make_new(folder)
    storage.forget(folder)
    assert not storage.has(folder)


def test_a_file_in_a_folder_of_a_folder_that_is_missing(storage: Storage):
    trial = storage.root / "trials" / "trial-0000"
    storage.make_parent(trial)
    storage.make_parent(trial)
    storage.write(trial / ".owner", b"me")
    assert storage.read_back(trial / ".owner") == b"me"


def test_what_is_pushed_stays_whatever_becomes_of_this_machines_folder(storage: Storage):
    folder, other = storage.root / "run", storage.root / "board"
    for file in (folder / "recipe.json", other / "deep" / "events"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("content")
    uploader = storage.uploader((folder, "*"), (other, "**/*"))
    uploader.push()
    uploader.push(wait=False)
    storage.push(folder / "recipe.json")
    for pull in (storage.pull, storage.pull_grown, storage.pull_files):
        pull(folder)
        assert (folder / "recipe.json").read_text() == "content"
    storage.pull(other)
    assert (other / "deep" / "events").read_text() == "content"


def test_what_need_not_stay_here_is_still_in_the_storage(storage: Storage):
    file = storage.root / "trial" / "checkpoint.pt"
    file.parent.mkdir()
    file.write_text("state")
    uploader = storage.uploader((file.parent, "*"), spent=[file])
    uploader.push()
    uploader.clear()
    assert storage.read(file) == b"state"


def test_unfinished_work_is_taken_up_again(storage: Storage):
    partial = storage.partial(storage.root / "partial" / "route", "state")
    (partial.take_up() / "state").write_text("epoch 3")
    partial.keep()
    again = storage.partial(storage.root / "partial" / "route", "state")
    assert (again.take_up() / "state").read_text() == "epoch 3"
    again.remove()
    assert list((storage.partial(storage.root / "partial" / "route", "state").take_up()).iterdir()) == []


def test_an_artefact_is_made_once(storage: Storage):
    made: list[Path] = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "words").write_text("ten")

    for _ in range(2):
        assert (open_store(storage).get("codebook", "key", make) / "words").read_text() == "ten"
    assert len(made) == 1
    storage.pull(storage.root / "nothing")
    assert not (storage.root / "nothing").exists()


def test_a_name_is_a_folder_of_the_storage(storage: Storage):
    storage.write(storage.root / "search.json", b"{}")
    storage.make_parent(storage.root / "run" / "recipe.json")
    storage.write(storage.root / "run" / "recipe.json", b"{}")
    assert storage.find("run", ["recipe.json"]) == storage.root / "run"
    with pytest.raises(FileNotFoundError, match=r"did you mean .*run"):
        storage.find("rum", ["recipe.json"])
    with pytest.raises(ValueError, match="search, run or trial"):
        storage.find(None, ["recipe.json"])


def test_it_is_called_the_same_by_all_and_works_where_it_arrives(storage: Storage):
    for writes in (True, False):
        storage.check(writes=writes)
    arrived: Storage = pickle.loads(pickle.dumps(storage))
    here = arrived.here(storage.root / "a" / "b")
    assert arrived.moved_here().uri_of(here) == storage.uri_of(storage.root / "a" / "b")
    assert here == arrived.moved_here().root / "a" / "b"
    inner, root, above = (storage.uri_of(path) for path in (storage.root / "a", storage.root, storage.root.parent))
    assert urlsplit(inner).path == f"{urlsplit(root).path}/a"
    assert urlsplit(above).path == urlsplit(root).path.rpartition("/")[0]


def test_who_looks_does_not_wait_and_sees_what_is_written(storage: Storage):
    storage.write(storage.root / "search.json", b"{}")
    with storage.set_apart() as apart:
        assert apart.timeout_s == 0.0
        assert apart.uri_of(apart.root) == storage.uri_of(storage.root)
        apart.pull_files(apart.root)
        assert (apart.root / "search.json").read_bytes() == b"{}"


class Told(Follower):
    """Takes note of what it is called for; its first steps fail."""

    def __init__(self):
        self.calls: list[str] = []
        self.stepped = threading.Event()

    def begin(self, storage: Storage) -> None:
        self.calls.append("begin")

    def step(self, storage: Storage) -> None:
        assert storage.timeout_s == 0.0
        self.calls.append("step")
        if self.calls.count("step") < 3:
            raise OSError("the storage is away")
        self.stepped.set()

    def end(self, storage: Storage) -> None:
        self.calls.append("end")


def test_a_follower_works_where_machines_have_a_folder_each(storage: Storage):
    told = Told()
    with contextlib.suppress(KeyboardInterrupt), storage.in_step(told, every_s=0.01):
        assert isinstance(storage, LocalStorage) or told.stepped.wait(timeout=60)
        raise KeyboardInterrupt
    if isinstance(storage, LocalStorage):
        assert told.calls == []
    else:
        assert told.calls[:4] == ["begin", "step", "step", "step"] and told.calls[-1] == "end"


def test_a_synced_folder_comes_back_when_it_is_lost(storage: Storage):
    storage.write(storage.root / "search.json", b"{}")
    if isinstance(storage, SyncedStorage):
        shutil.rmtree(storage.root)
        storage.pull_files(storage.root)
    assert (storage.root / "search.json").read_bytes() == b"{}"
