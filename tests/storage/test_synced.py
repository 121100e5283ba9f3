"""Machines with a folder each share a storage on an object store: a real server, and real folders."""

import itertools
import json
import os
import pickle
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import tiny
from object_store import BUCKET, CREDENTIALS, reached, served
from raykd.cluster.tuner import disk_pruning
from raykd.cluster.workers.job import Job
from raykd.commands.opened_storage import open_storage as open_view
from raykd.distributed.world import World
from raykd.errors import OwnershipLostError
from raykd.protocols.event import Doing, TrialEnded
from raykd.protocols.outcome import TrialOutcome
from raykd.protocols.teacher import TeacherRoute, teacher_route
from raykd.runs import heartbeat, remote_search
from raykd.runs.heartbeat import ALIVE_S, find_living
from raykd.runs.ledger import Ledger, read_ledger
from raykd.runs.ownership import Ownership
from raykd.runs.remote_search import keep_in_step, prepare_storage
from raykd.runs.search_folder import Search, new_folder, remove_unless_begun
from raykd.runs.status import StatusFile, is_asked_to_stop
from raykd.runs.trial import read_epochs, run_trial, take_up
from raykd.storage import exchange
from raykd.storage.artifacts import NotMadeError, Store, open_store
from raykd.storage.layout import BOARD, HEARTBEAT, LEDGER, STOP
from raykd.storage.local import LocalStorage
from raykd.storage.manifest import MANIFEST, digest, write_manifest
from raykd.storage.objects import Objects
from raykd.storage.opening import open_storage
from raykd.storage.partial import PartialArtifact
from raykd.storage.storage import Storage
from raykd.storage.synced import SyncedStorage
from raykd.studies.study import Study
from raykd.teachers.trained import Teacher
from run_commands import free_port
from waiting import wait_until

KEY = "0123abcd"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with reached() as address:
        yield address


@pytest.fixture
def machine(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Gives the test's storage on a machine of a name; the last one asked for is the one we are on."""

    def on(name: str) -> SyncedStorage:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))
        storage = open_storage(f"s3://{BUCKET}/{tmp_path.name}{address}")
        assert isinstance(storage, SyncedStorage)
        return storage

    return on


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def words(folder: Path, text: str) -> None:
    """What the machines make as an artefact."""
    write(folder / "words", text)


def texts(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def test_a_plain_folder_is_one_for_all_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert open_storage("runs") == LocalStorage(root=Path("runs"))
    assert open_storage("runs").absolute() == LocalStorage(root=tmp_path / "runs")
    assert open_storage(tmp_path) == LocalStorage(root=tmp_path)
    assert open_storage(f"file://{tmp_path}/runs") == LocalStorage(root=tmp_path / "runs")
    with open_view("runs") as view:
        assert view.name(view.folder / "search") == "runs/search", "as it was typed"


def test_each_machine_has_a_folder_of_its_own_for_a_storage(machine, address: str, tmp_path: Path):
    one, two = machine("one"), machine("two")
    assert one.root.is_relative_to(tmp_path / "one" / "raykd") and two.root.is_relative_to(tmp_path / "two" / "raykd")
    assert one.root.name == two.root.name
    assert one.here(one.root / "a" / "b") == two.root / "a" / "b", "we are on machine two"
    assert one.moved_here() == two
    assert one.uri_of(one.root / "search") == f"s3://{BUCKET}/{tmp_path.name}/search{address}"
    assert open_storage(f"s3://{BUCKET}/another{address}").root != two.root


def test_what_one_machine_pushes_another_one_pulls(machine):
    one = machine("one")
    for name in ("first", "deep/second"):
        one.push(write(one.root / "trial" / name, name))
    two = machine("two")
    write(two.root / "trial/stale", "of a time before")
    write(two.root / "trial/first", "a longer text of a time before")
    two.pull(two.root / "trial")
    assert texts(two.root / "trial") == {"deep/second": "deep/second", "first": "first"}
    two.delete(two.root / "trial/first")
    two.delete(two.root / "trial/first")
    assert list(one.objects.names(one.root / "trial")) == ["deep/second"]
    assert one.read(one.root / "trial/first") is None
    two.pull(two.root / "nothing")
    assert not (two.root / "nothing").exists()


def test_files_that_grow_are_pulled_where_they_are_longer(machine):
    one, two = machine("one"), machine("two")
    for name, text in (("a.log", "1 2 3"), ("b.log", "1"), ("c.log", "1"), ("d.txt", "1")):
        one.write(one.root / "board" / name, text.encode())
    write(two.root / "board/a.log", "1 2")
    write(two.root / "board/b.log", "1 2")
    two.pull_grown(two.root / "board", "*.log")
    assert texts(two.root / "board") == {"a.log": "1 2 3", "b.log": "1 2", "c.log": "1"}


def test_unfinished_work_goes_on_on_another_machine_and_nobody_mixes_files(machine):
    def begun(name: str) -> tuple[PartialArtifact, Path]:
        storage = machine(name)
        unfinished = open_store(storage).partial("route-1", "state")
        return unfinished, unfinished.take_up()

    def worked(unfinished: PartialArtifact, folder: Path, epoch: int) -> None:
        write(folder / f"checkpoint-{epoch}", f"{epoch} of {folder.name}")
        write(folder / "state", str(epoch))
        unfinished.keep()

    one, first = begun("one")
    assert list(first.iterdir()) == []
    worked(one, first, 1)
    write(first / "state", "2, which was not pushed")
    assert begun("one")[1] == first and texts(first)["state"].startswith("2"), "its own is the newest"

    two, second = begun("two")
    assert second.name != first.name
    assert texts(second) == {"checkpoint-1": f"1 of {first.name}", "state": "1"}
    worked(two, second, 2)
    worked(two, second, 3)
    worked(one, first, 2)  # both work at a time
    assert texts(second)["checkpoint-2"] == f"2 of {second.name}"
    worked(two, second, 4)

    _, again = begun("one")
    assert not first.exists(), "it was behind"
    assert [texts(again)[f"checkpoint-{epoch}"] for epoch in (1, 2, 4)] == [
        f"1 of {first.name}", f"2 of {second.name}", f"4 of {second.name}",
    ]  # fmt: skip
    storage = machine("two")
    two.remove()
    assert not second.exists() and storage.objects.names(storage.root / "artifacts") == {}


def test_a_teacher_goes_on_on_another_machine(machine, tmp_path: Path):
    heard: list[int] = []

    def route(storage: Storage, until: int) -> TeacherRoute:
        def say(line: str) -> None:
            if line.startswith(f"teacher: epoch {until} of"):
                raise KeyboardInterrupt

        store = open_store(storage)
        return teacher_route(teacher, data, store, say=say, listen=lambda epoch: heard.append(epoch.number))

    data, teacher = tiny.recipe().data, Teacher(model=tiny.TEACHER.model, epochs=5, every=2, batch_size=4)
    for name, until in (("one", 1), ("two", 4)):
        with pytest.raises(KeyboardInterrupt):
            route(machine(name), until)
    made = route(machine("three"), 0)
    assert heard == [1, 2, 3, 4, 5]
    undisturbed = teacher_route(teacher, data, Store(tmp_path / "alone"))
    assert made.records == undisturbed.records
    for checkpoint in (1, 2, 3):
        weights, expected = made.weights(checkpoint), undisturbed.weights(checkpoint)
        assert all(torch.equal(weights[name], expected[name]) for name in expected)
    storage = machine("three")
    assert not any(name.startswith("partial") for name in storage.objects.names(storage.root / "artifacts"))


def test_an_artefact_is_made_by_one_machine_and_fetched_by_the_others(machine):
    made = []

    def make(folder: Path) -> None:
        made.append(folder)
        write(folder / "deep/words", "a" * 1000)
        write(folder / "more", "b")

    folder = open_store(machine("one")).get("codebook", KEY, make)
    storage = machine("two")
    with pytest.raises(NotMadeError):
        open_store(storage, makes=()).get("codebook", "none", make)
    fetch_result = open_store(storage, makes=()).get("codebook", KEY, make)
    assert len(made) == 1
    assert fetch_result != folder and texts(fetch_result) == texts(folder)


def test_a_store_that_comes_from_another_machine_works_in_this_ones_folder(machine):
    sent = machine("one")
    here = machine("two")
    assert open_store(sent).root == here.root / "artifacts"


def test_of_two_machines_that_make_an_artefact_at_a_time_one_is_taken(machine):
    one, two = machine("one"), machine("two")

    def make_slower(folder: Path) -> None:
        machine("one")
        open_store(one).get("codebook", KEY, lambda other: words(other, "one's"))
        machine("two")
        write(folder / "words", "two's")

    folder = open_store(two).get("codebook", KEY, make_slower)
    assert folder.is_relative_to(two.root)
    assert (folder / "words").read_text() == "one's"


def test_of_two_machines_that_write_at_once_the_last_is_taken(machine, monkeypatch: pytest.MonkeyPatch):
    one, two = machine("one"), machine("two")
    store = open_store(two)

    def another_is_later(seconds: float) -> None:
        """Both have seen no manifest, and machine one's comes in after ours."""
        working = one.root / "working"
        write(working / "words", "one's")
        write_manifest(working, "a test")
        manifest = (working / MANIFEST).read_bytes()
        place = one.root / "artifacts" / "codebook" / KEY
        one.objects.push(working / "words", place / digest(manifest) / "words")
        one.write(place / MANIFEST, manifest)

    monkeypatch.setattr(exchange.time, "sleep", another_is_later)
    folder = store.get("codebook", KEY, lambda folder: words(folder, "two's"))
    assert (folder / "words").read_text() == "one's"


@pytest.mark.parametrize("broken", ["manifest", "file", "outside", "missing"])
def test_a_broken_artefact_in_the_storage_is_made_anew(broken: str, machine, tmp_path: Path):
    one = machine("one")
    place = one.root / "artifacts" / "codebook" / KEY
    open_store(one).get("codebook", KEY, lambda folder: words(folder, "one's"))
    (file,) = [name for name in one.objects.names(place) if name.endswith("words")]
    match broken:
        case "manifest":
            one.write(place / "manifest.json", b"{")
        case "file":
            one.write(place / file, b"torn ")
        case "outside":
            one.write(place / "manifest.json", json.dumps({"../../../../../outside": [1, "x"]}).encode())
        case "missing":
            one.delete(place / file)
    two = machine("two")
    folder = open_store(two).get("codebook", KEY, lambda folder: words(folder, "two's"))
    assert (folder / "words").read_text() == "two's"
    assert not list(tmp_path.rglob("outside"))
    three = machine("three")
    folder = open_store(three, makes=()).get("codebook", KEY, lambda folder: None)
    assert (folder / "words").read_text() == "two's"


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("s3://AKIA:very-secret@bucket/x", r"the storage s3://\*\*\* must hold no credentials; they come"),
        ("s3://bucket/x?secret_key=very-secret", r"the storage s3://\*\*\* must hold no credentials"),
        ("s3:///x", "the storage s3:///x names no bucket; such as s3://bucket/prefix"),
        ("ftp://place/x", "the storage ftp://place/x: .*; such as a folder, s3://bucket/prefix or gs://bucket"),
        ("s3://bucket/x?reigon=a", "the storage s3://bucket/x has an option that is not known; did you mean region"),
    ],
)  # fmt: skip
def test_a_wrong_uri_is_one_clear_line(uri: str, said: str):
    with pytest.raises(ValueError, match=said) as caught:
        open_storage(uri)
    assert "secret@" not in str(caught.value) and "very" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("writes", [True, False])
def test_a_store_that_cannot_be_used_is_one_clear_line(writes: bool, address: str, machine):
    machine("one").check(writes=writes)
    no_bucket = open_storage(f"s3://no-such-bucket/x{address}")
    no_server = open_storage(f"s3://bucket/x?endpoint_override=127.0.0.1:{free_port()}&scheme=http")
    if writes:
        with pytest.raises(
            FileNotFoundError, match=r"cannot write to the storage s3://no-such-bucket/x.*: there is no such bucket$"
        ):
            no_bucket.check(writes=True)
    with pytest.raises(ConnectionError, match=r"cannot (write to|read) the storage s3://bucket/x.*: no answer$"):
        no_server.check(writes=writes)


def test_a_storage_that_is_away_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog):
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    port = free_port()
    storage = open_storage(f"s3://{BUCKET}/away?endpoint_override=127.0.0.1:{port}&scheme=http&region=us-east-1")
    thread = threading.Thread(target=storage.write, args=(storage.root / "late", b"kept"))
    thread.start()
    with served(port):
        thread.join(timeout=60)
        assert storage.read(storage.root / "late") == b"kept"
    assert re.fullmatch(r"(waiting for the storage: .*: s3://.*)?", "\n".join(caplog.messages))


def test_an_uploader_pushes_what_has_changed_in_the_order_of_writing(machine, monkeypatch: pytest.MonkeyPatch):
    storage = machine("one")
    folder, pushed = storage.root / "trial", []
    for number, name in enumerate(["z", "a", "checkpoint.previous.pt", ".half", "ray.log", "deep/b"]):
        os.utime(write(folder / name, name), (number, number))
    monkeypatch.setattr(Objects, "push", lambda self, file, to=None: pushed.append(file.name))
    uploader = storage.uploader((folder, "*"))
    uploader.push()
    uploader.push()
    assert pushed == ["z", "a"]
    write(folder / "a", "longer")
    write(folder / "c", "new")
    uploader.push()
    assert pushed == ["z", "a", "a", "c"]
    again = storage.uploader((folder, "**/*"))
    again.skip_present()
    again.push()
    assert pushed == ["z", "a", "a", "c"]


def test_what_is_spent_leaves_only_when_the_storage_has_it_as_it_stands(machine):
    storage = machine("one")
    folder = storage.root / "trial"
    spent = [write(folder / name, name) for name in ("checkpoint.pt", "checkpoint.previous.pt")]
    uploader = storage.uploader((folder, "*"), spent=spent)
    uploader.clear()
    assert [file.exists() for file in spent] == [True, True]
    uploader.push()
    write(folder / "checkpoint.pt", "a later one")
    uploader.clear()
    assert [file.exists() for file in spent] == [True, True]
    uploader.push()
    uploader.clear()
    uploader.clear()
    assert [file.exists() for file in spent] == [False, False]
    assert storage.read(folder / "checkpoint.pt") == b"a later one"


def test_a_trial_that_moves_goes_on_from_its_last_epoch(machine):
    """Machine one has trained an epoch that the storage has not heard of: two has never seen it, and nor shall one."""
    whole, spec = tiny.finish(tiny.recipe(), Store(machine("one").root / "whole")), tiny.recipe()
    found: list[dict[str, float]] = []
    for name, epochs in (("one", 2), ("two", 1), ("one", 1)):
        storage = machine(name)
        folder, board = storage.root / "search/trials/t", storage.root / "search/tensorboard/t"
        uploader = take_up(storage, folder, board)
        store = open_store(storage)
        run = run_trial(spec, folder, board, store, {}, World(0, 1, torch.device("cpu")), uploader)
        found += [epoch.metrics for epoch in itertools.islice(run, epochs)]
        assert (folder / "checkpoint.pt").exists()
        run.close()  # pyright: ignore[reportAttributeAccessIssue]
        assert not list(storage.root.rglob("checkpoint*.pt")), "the storage has it; here it would stay for ever"
        (folder / "epochs.jsonl").write_text("what was written after the last push\n")
    assert found == whole.metrics
    (storage := machine("three")).pull(storage.root / "search")
    assert [record["number"] for record in read_epochs(storage.root / "search/trials/t")] == [1, 2, 3, 4]
    assert not list(storage.root.rglob("checkpoint.previous.pt"))


def test_a_machine_that_wakes_up_writes_nothing_over_what_another_has_trained(machine):
    one, two = machine("one"), machine("two")
    first = Ownership(one.root / "search/trials/t", one).guarded(iter("ab"))
    assert next(first) == "a"
    second = Ownership(two.root / "search/trials/t", two).guarded(iter("ab"))
    assert next(second) == "a"
    with pytest.raises(OwnershipLostError):
        next(first)
    assert next(second) == "b"
    assert not list(one.root.rglob(".owner")), "the storage has it"


def begin(storage: Storage, name: str) -> Path:
    """A search's folder, as if it had just been begun on this machine."""
    write(storage.root / name / "search.json", json.dumps({"study": "small", "file": "small.py"}))
    write(storage.root / name / BOARD / "experiment", "ranges")
    return storage.root / name


def test_a_search_is_seen_and_stopped_from_another_machine(machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(remote_search, "_EVERY_S", 0.05)
    one = machine("one")
    folder = begin(one, "search")
    with keep_in_step(folder, one):
        status_file = StatusFile(folder, total=3)
        status_file(Doing(text="teacher"))
        status_file.flush(at_once=True)
        with open_view(one.uri_of(folder)) as view:
            assert view.folder.name == "search" and view.is_alive(view.folder)
            assert view.name(view.folder) == one.uri_of(folder)
            view.ask_to_stop(view.folder)
        with pytest.raises(RuntimeError, match=r"s3://.*/search.* is running already \(process \d+ on .* heard of "):
            prepare_storage(one.uri, "search", resume=True)
        wait_until(lambda: is_asked_to_stop(folder))
        wait_until(lambda: b"teacher" in (one.read(folder / "status.json") or b""))
        ledger = Ledger(folder)
        ledger.add(behind="trial-1")
        wait_until(lambda: b"trial-1" in (one.read(folder / LEDGER / "000001.jsonl") or b""))
        ledger.add(behind="trial-2")
        write(folder / "trials.csv", "table")
    with open_view(one.uri) as view:
        assert not view.is_alive(view.folder / "search")
    two = machine("two")
    two.write(two.root / "search" / HEARTBEAT, json.dumps({"host": "elsewhere", "pid": 1, "time": 0.0}).encode())
    root = prepare_storage(two.uri, "search", resume=True).root
    assert root == two.root
    assert (root / "search/trials.csv").read_text() == "table"
    assert list(read_ledger(root / "search")) == [{"behind": "trial-1"}, {"behind": "trial-2"}]
    assert not (root / "search" / HEARTBEAT).exists(), "an old heartbeat would be pushed again"
    with keep_in_step(root / "search", two):
        assert two.read(root / "search" / STOP) is None, "it was to stop before"


def test_a_search_of_another_machine_counts_as_dead_after_a_while(machine, monkeypatch: pytest.MonkeyPatch):
    storage = machine("one")
    folder = begin(storage, "search")
    sign = {"host": "elsewhere", "pid": 1, "time": time.time()}
    storage.write(folder / HEARTBEAT, json.dumps(sign).encode())
    with pytest.raises(RuntimeError, match="process 1 on elsewhere"), keep_in_step(folder, storage):
        pass
    storage.write(folder / HEARTBEAT, json.dumps(sign | {"time": time.time() - ALIVE_S}).encode())
    with keep_in_step(folder, storage):
        pass
    dead = subprocess.Popen(["true"])
    dead.wait()
    storage.write(folder / HEARTBEAT, json.dumps(sign | {"host": os.uname().nodename, "pid": dead.pid}).encode())
    assert find_living(storage, [folder]) == {}


def test_a_sign_from_the_future_counts_where_another_follows(machine, monkeypatch: pytest.MonkeyPatch):
    storage, waited = machine("one"), list[float]()
    lives, dead, near = (begin(storage, name) for name in ("lives", "dead", "near"))
    sign = {"host": "elsewhere", "pid": 1, "time": time.time() + 24 * 3600}
    for folder in (lives, dead):
        storage.write(folder / HEARTBEAT, json.dumps(sign).encode())
    storage.write(near / HEARTBEAT, json.dumps(sign | {"time": time.time() + 5}).encode())

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        storage.write(lives / HEARTBEAT, json.dumps(sign | {"time": sign["time"] + seconds}).encode())

    monkeypatch.setattr(heartbeat.time, "sleep", sleep)
    assert list(find_living(storage, [lives, dead, near])) == [lives, near]
    assert waited == [20.0], "for both at once"


def test_a_search_that_was_refused_leaves_its_name_free(machine):
    one = machine("one")
    folder = write(one.root / "search/search.json", "{}").parent
    with pytest.raises(ValueError, match="no room"), keep_in_step(folder, one), remove_unless_begun(folder):
        raise ValueError("no room")
    assert not one.objects.names(one.root)
    begin(one, "search")
    with keep_in_step(folder, one):
        pass
    two, study = prepare_storage(machine("two").uri, "search", resume=False), Study(recipe=tiny.recipe(), name="small")
    said = r"s3://.*/search.* exists already; go on with it by --resume, or choose another name"
    with pytest.raises(FileExistsError, match=said):
        new_folder(two, "search", Search.of(study, trials=1, seed=0), study)
    with pytest.raises(FileNotFoundError, match=r"no search 'serch' in s3://.* to resume; did you mean search"):
        prepare_storage(one.uri, "serch", resume=True)


def test_what_is_sent_to_another_machine_has_its_folders(machine):
    one = machine("one")
    job = Job(
        recipe=tiny.recipe(),
        folder=str(one.root / "search/trials/t"),
        board=str(one.root / "search/tensorboard/t"),
        storage=one,
        values={},
    )
    sent = pickle.dumps(job)
    two = machine("two")
    got = pickle.loads(sent)
    assert (got.folder, got.board) == (str(two.root / "search/trials/t"), str(two.root / "search/tensorboard/t"))
    assert got.storage == two
    assert pickle.loads(pickle.dumps(got)) == got


def test_a_checkpoint_that_is_not_kept_is_deleted_from_the_storage(machine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(disk_pruning, "_LAG_S", -1.0)
    storage = machine("one")
    for name in ("checkpoint.pt", "epochs.jsonl"):
        storage.push(write(storage.root / "search/trials/trial-0000-x" / name, "content"))
    pruner = disk_pruning.Pruning(storage.root / "search/trials", storage)
    pruner(TrialEnded(trial="trial-0000-x", outcome=TrialOutcome(kind="stopped", accuracy=0.5, epochs=1)))
    assert list(storage.objects.names(storage.root)) == ["search/trials/trial-0000-x/epochs.jsonl"]
