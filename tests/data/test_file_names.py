"""Names alone tell pictures and classes from what systems and programs leave behind, and nothing is dropped unsaid."""

import os
from pathlib import Path

import pytest

from raykd.data.formats.file_names import (
    EMPTY,
    HIDDEN,
    LOOP,
    LOOSE,
    Aside,
    class_pictures,
    folders_in,
    in_words,
    is_ignored,
    shown,
)


def touch(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"content")
    return root


def test_pictures_of_each_class_in_order(tmp_path: Path):
    touch(tmp_path, "train/b/2.PNG", "train/b/deep/er/1.JpEg", "train/a/z.gif", "train/a/a.TIF")
    found = class_pictures(tmp_path, "train")
    assert list(found.classes.items()) == [
        ("a", ("train/a/a.TIF", "train/a/z.gif")),
        ("b", ("train/b/2.PNG", "train/b/deep/er/1.JpEg")),
    ]
    assert found.aside == ()
    assert class_pictures(tmp_path / "train").classes["a"] == ("a/a.TIF", "a/z.gif")


@pytest.mark.parametrize(
    "name",
    [".ipynb_checkpoints", "__MACOSX", "._cat.jpg", "Thumbs.db", "THUMBS.DB", "desktop.ini", ".DS_Store", "@eaDir"],
)
def test_what_systems_leave_behind(tmp_path: Path, name: str):
    assert is_ignored(name)
    touch(tmp_path, "a/1.jpg", f"x{name}/1.jpg", f"{name}/1.jpg", f"a/deeper/{name}/2.jpg")
    found = class_pictures(tmp_path)
    assert found.classes == {"a": ("a/1.jpg",), f"x{name}": (f"x{name}/1.jpg",)}
    assert set(found.aside) == {Aside(name, HIDDEN), Aside(f"a/deeper/{name}", HIDDEN)}
    assert name not in folders_in(tmp_path)


def test_what_is_left_aside_is_said(tmp_path: Path):
    touch(
        tmp_path, "a/1.jpg", "a/notes.txt", "a/2.HEIC", "a/3.heic", "a/README", "loose.png", "list.csv", "only/x.heic"
    )
    (tmp_path / "empty" / "deeper").mkdir(parents=True)
    found = class_pictures(tmp_path)
    assert found.classes == {"a": ("a/1.jpg",), "only": ()}
    assert Aside("empty", EMPTY) in found.aside
    assert Aside("loose.png", LOOSE) in found.aside
    lines = in_words(found.aside)
    assert lines == [
        "left aside as no picture by its ending: 6 (.heic 3, no ending 1, .txt 1, ...), a/2.HEIC, a/3.heic, a/README "
        "and 3 more",
        "left aside as an empty folder: 1, empty",
        "left aside as beside the class folders, so of no class: 1, loose.png",
    ]


def test_loops_of_links_end(tmp_path: Path):
    touch(tmp_path, "train/a/1.jpg", "train/b/deep/2.jpg")
    for name, target in (("up", ".."), ("root", "/"), ("itself", ".")):
        (tmp_path / "train" / "a" / name).symlink_to(target)
    (tmp_path / "train" / "b" / "self.jpg").symlink_to("self.jpg")
    (tmp_path / "train" / "b" / "again").symlink_to("deep")
    found = class_pictures(tmp_path, "train")
    assert found.classes == {"a": ("train/a/1.jpg",), "b": ("train/b/deep/2.jpg", "train/b/self.jpg")}
    names = ("train/a/itself", "train/a/root", "train/a/up", "train/b/again")
    assert found.aside == tuple(Aside(name, LOOP) for name in names)


def test_names_that_are_no_utf8(tmp_path: Path):
    name = os.fsdecode(b"caf\xe9")
    touch(tmp_path, f"{name}/\n.jpg")
    found = class_pictures(tmp_path)
    assert found.classes == {name: (f"{name}/\n.jpg",)}
    assert shown(f"{name}/\n.jpg") == r"caf\xe9/\n.jpg"
    assert shown("café") == "café"
