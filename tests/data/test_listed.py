"""A folder of pictures is listed by whoever starts a search, and its workers read what was found."""

import dataclasses
import os
import pickle
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from data_files import class_folders, picture, save
from raykd.data import Dataset, Frame, inspection, listed
from raykd.data.formats.copies import copies
from raykd.data.formats.own_folders import OwnFolders
from raykd.data.image_folder import ImageFolder, _digest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return class_folders(tmp_path / "pictures")


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch):
    """Makes this process another one, a worker or none, that has found nothing yet."""

    def become(name: str, *, is_worker: bool) -> None:
        monkeypatch.setattr(listed, "_PROCESS", name)
        monkeypatch.setattr(listed, "_is_worker", is_worker)
        for kept in ("_found", "_heard", "_read"):
            monkeypatch.setattr(listed, kept, {})
        monkeypatch.setattr(inspection, "_inspected", {})
        copies.cache_clear()
        _digest.cache_clear()

    become("driver", is_worker=False)
    return become


@pytest.fixture
def looks(root: Path, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the folder is looked at from now on."""
    count = Counter[str]()

    def counted(name: str) -> None:
        of = getattr(os, name)

        def call(path: Any, *rest: Any, **options: Any) -> Any:
            if isinstance(path, str | os.PathLike) and os.fspath(path).startswith(f"{root}/"):
                count[name] += 1
            return of(path, *rest, **options)

        monkeypatch.setattr(os, name, call)

    for name in ("stat", "lstat", "scandir"):
        counted(name)
    return count


def of(root: Path, **changes: Any) -> ImageFolder:
    return ImageFolder(root=str(root), frame=Frame(resize=8, size=8), cache=str(root.parent / "cache"), **changes)


def contents(dataset: Dataset) -> list[tuple[Any, ...]]:
    splits = (dataset.train, dataset.validation, dataset.test)
    return [(split.images.names, split.images.lengths, split.labels.tolist(), split.digest()) for split in splits]


@pytest.mark.parametrize("layout", ["class folders", "own folders"])
def test_a_worker_reads_what_its_search_has_found_and_does_not_look(layout: str, root: Path, process, looks):
    if layout == "own folders":
        shutil.copy(root / "train/a/0.png", root / "train/a/x.png")
    data = (
        of(root)
        if layout == "class folders"
        else dataclasses.replace(of(root), root=str(root / "train"), layout=OwnFolders())
    )
    expected, told = contents(data.load()), data.contents()
    assert looks["stat"] > 18 and looks["scandir"] > 3
    sent = pickle.dumps(data)
    process("worker", is_worker=True)
    looks.clear()
    arrived = pickle.loads(sent)
    assert arrived == data
    assert contents(arrived.load()) == expected and arrived.contents() == told
    assert arrived.resplit(3).listing().classes == ("a", "b", "c") and not arrived.skipped()
    assert not looks


def test_a_worker_that_is_sent_on_tells_what_it_has_heard(root: Path, process, looks):
    data = of(root)
    data.load()
    for name in ("slot", "worker"):
        sent = pickle.dumps(data)
        process(name, is_worker=True)
        data = pickle.loads(sent)
    looks.clear()
    data.load()
    assert not looks


def test_who_starts_a_search_sees_what_has_changed_and_tells_its_workers(root: Path, process):
    seen = set[str]()
    for change in ("nothing", "added", "moved", "longer", "gone"):
        match change:
            case "added":
                save(root, "train/a/new.png", picture(99))
            case "moved":
                (root / "train" / "a" / "new.png").rename(root / "train" / "b" / "new.png")
            case "longer":
                with (root / "train" / "b" / "new.png").open("ab") as file:
                    file.write(b"longer")
            case "gone":
                (root / "train" / "b" / "new.png").unlink()
        data = of(root)
        now, sent = contents(data.load()), pickle.dumps(data)
        seen.add(str(now))
        process("worker", is_worker=True)
        assert contents(pickle.loads(sent).load()) == now
        process("driver", is_worker=False)
    assert len(seen) == 4, "of five, the last being the first once more"


def test_a_driver_does_not_go_by_what_a_recipe_of_a_former_one_brings(root: Path, process):
    data = of(root)
    data.load()
    sent = pickle.dumps(data)
    (root / "train" / "a" / "new.png").write_bytes(next((root / "train" / "b").iterdir()).read_bytes())
    process("next driver", is_worker=False)
    assert "train/a/new.png" in str(contents(pickle.loads(sent).load()))


def test_a_picture_that_was_moved_meanwhile_ends_in_one_line_and_never_in_a_wrong_label(root: Path, process):
    data = of(root)
    before = data.load()
    name, label = before.train.images.names[0], int(before.train.labels[0])
    sent = pickle.dumps(data)
    process("worker", is_worker=True)
    (root / name).rename(root / "train" / "c" / "moved.png")
    dataset = pickle.loads(sent).load()
    assert (dataset.train.images.names[0], int(dataset.train.labels[0])) == (name, label)
    with pytest.raises(FileNotFoundError) as caught:
        list(dataset.train.images.read([dataset.train.labels.new_tensor([0])]))
    assert str(caught.value) == (
        f"{root / name}: image 0 of its split is gone since the folder was listed; put it back, or start anew"
    )


def test_a_machine_with_a_cache_of_its_own_looks_once(root: Path, process, looks):
    data = of(root)
    expected, sent = contents(data.load()), pickle.dumps(data)
    shutil.rmtree(root.parent / "cache")
    for name in ("first worker", "second worker"):
        process(name, is_worker=True)
        looks.clear()
        assert contents(pickle.loads(sent).load()) == expected
        assert bool(looks) == (name == "first worker")


def test_without_a_cache_every_process_looks(root: Path, process, looks):
    data = ImageFolder(root=str(root), frame=Frame(resize=8, size=8), cache=None)
    expected, sent = contents(data.load()), pickle.dumps(data)
    process("worker", is_worker=True)
    looks.clear()
    assert contents(pickle.loads(sent).load()) == expected and looks["scandir"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_cache_that_cannot_be_written_to_is_none(root: Path, process):
    (root.parent / "cache").mkdir(mode=0o500)
    data = of(root)
    assert data.load() and listed.told(data._place) is None


def test_names_that_are_no_text_and_what_lies_aside_come_back(root: Path, process):
    odd = os.fsdecode(b"train/a/\xff.png")
    shutil.copy(next((root / "train" / "a").iterdir()), root / odd)
    (root / "train" / "notes.txt").write_text("")
    data = of(root)
    before, sent = data.survey(), pickle.dumps(data)
    process("worker", is_worker=True)
    assert pickle.loads(sent).survey() == before and odd in before.lengths
