"""Files and folders for `odd_files.py`, as systems, programs and people leave them."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from odd_case import Case, content, rgb
from PIL import Image


def remains() -> list[Case]:
    """What systems and programs leave."""
    return [
        Case(name=".ipynb_checkpoints with a picture", put=_copy(".ipynb_checkpoints/00.png"), more=0),
        Case(name="the same in a class folder", put=_copy("one/.ipynb_checkpoints/00.png"), more=0),
        Case(name="macOS's ._00.png", put=content("one/._00.png", b"\0\5\26\7"), more=0),
        Case(name="__MACOSX with class folders", put=_copy("__MACOSX/one/00.png"), more=0),
        Case(name="Thumbs.db, .DS_Store, desktop.ini", put=_system, more=0),
        Case(name="empty class folder", put=lambda root: (root / "nine").mkdir() or {}, more=0, says="nine"),
        Case(name="class folder of HEIC alone", put=content("nine/a.heic", b"?"), more=0, says="so no class: 1, nine"),
        Case(name="picture beside the class folders", put=_copy("a.png"), more=0, says="of no class: 1, a.png"),
        Case(name="folder called x.jpg", put=lambda root: (root / "one/x.jpg").mkdir() or {}, more=0),
        Case(name="folder called x.jpg, with a picture in it", put=content_of("one/x.jpg/a.png")),
        Case(name="picture deeper in its class", put=content_of("one/more/a.png")),
        Case(name="link of a folder to its class", put=link("one/again", "."), more=0, says="one/again"),
        Case(name="link of a folder to the root", put=link("one/again", ".."), more=0, says="one/again"),
        Case(name="two folders that link to each other", put=_round, more=0),
        Case(name="second name of a class, a link", put=link("uno", "one"), more=0, says="uno"),
        Case(name="name that is not UTF-8", put=content_of(os.fsdecode(b"one/caf\xe9.png"))),
        Case(name="class that is not UTF-8", put=_class(os.fsdecode(b"caf\xe9")), more=16, says=r"caf\xe9 16"),
        Case(name="class with a line's end in its name", put=_class("a\nb"), more=16, says=r"a\nb 16"),
        Case(name="classes `zero` and `Zero`", put=_class("Zero"), more=16, says="Zero 16"),
    ]


def folders() -> list[Case]:
    """How the folder is laid out."""
    listed: dict[str, Any] = {"more": None, "words": ("--data", "photos/labels.csv")}
    return [
        Case(name="the same picture twice in a class", put=_copy("one/copy.png", "one/00.png"), more=1),
        Case(name="the same picture in two classes", put=_copy("one/copy.png", "four/00.png"), says="of two classes"),
        Case(name="the same picture in train and test", put=_copied_splits, says="lie in two splits"),
        Case(name="class folders one folder deeper", put=_deeper("all"), more=0, says="deeper, in"),
        Case(name="class folders three folders deeper", put=_deeper("a/b/c"), more=0, says="deeper, in"),
        Case(name="the same in `train` alone", put=_deeper("train/all"), more=None, says="look like classes"),
        Case(name="one class", put=_only("one"), more=None, says="there is one"),
        Case(name="class of two pictures", put=_class("nine", 2), more=None, says="nine has 2"),
        Case(name="class of copies of one picture", put=_class("nine", 5, 1), more=None, says="nine has 1"),
        Case(name="class called `test`", put=_class("test"), more=None, says="a folder 'test'"),
        Case(name="test with a class that train lacks", put=_unknown, more=None, says="no class of this name"),
        Case(name="folders of splits in class folders", put=_splits_below, more=None, says="folders of splits in it"),
        Case(name="no pictures at all", put=_only(), more=None, says="no folder for each class"),
        Case(name="CSV that names a picture that is gone", put=_list("one/gone.png,1"), says="one/gone.png", **listed),
        Case(name="CSV with Windows' paths", put=_list(r"one\00.png,1"), says="00.png", **listed),
        Case(name="CSV with a line without a label", put=_list("one/00.png,"), says="line 3", **listed),
    ]


def content_of(name: str) -> Callable[[Path], dict[str, Any]]:
    """A picture of its own at a path."""

    def put(root: Path) -> dict[str, Any]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rgb()).save(root / name)
        return {name: rgb()}

    return put


def _copy(name: str, of: str = "one/00.png") -> Callable[[Path], dict[str, Any]]:
    def put(root: Path) -> dict[str, Any]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / of, root / name)
        return {}

    return put


def link(name: str, to: str) -> Callable[[Path], dict[str, Any]]:
    return lambda root: (root / name).symlink_to(to) or {}


def _class(name: str, count: int = 16, different: int = 16) -> Callable[[Path], dict[str, Any]]:
    def put(root: Path) -> dict[str, Any]:
        (root / name).mkdir()
        for number in range(count):
            Image.fromarray(rgb() // (2 + number % different)).save(root / name / f"{number}.png")
        return {}

    return put


def make_splits(root: Path) -> None:
    for name in ("zero", "one", "four"):
        for split, first, last in (("train", 0, 8), ("val", 8, 12), ("test", 12, 16)):
            (root / split / name).mkdir(parents=True)
            for number in range(first, last):
                (root / name / f"{number:02d}.png").rename(root / split / name / f"{number:02d}.png")
        (root / name).rmdir()


def _copied_splits(root: Path) -> dict[str, Any]:
    make_splits(root)
    shutil.copy(root / "train/one/00.png", root / "test/one/99.png")
    return {}


def _unknown(root: Path) -> dict[str, Any]:
    make_splits(root)
    return _copy("test/nine/00.png", "test/one/12.png")(root)


def _splits_below(root: Path) -> dict[str, Any]:
    for name in ("zero", "one", "four"):
        for split in ("train", "test"):
            _copy(f"{name}/{split}/00.png", f"{name}/00.png")(root)
    return {}


def _system(root: Path) -> dict[str, Any]:
    for name in ("Thumbs.db", ".DS_Store", "desktop.ini"):
        for folder in (".", "one"):
            (root / folder / name).write_bytes(b"?")
    return {}


def _round(root: Path) -> dict[str, Any]:
    (root / "one/a").mkdir()
    (root / "one/b").mkdir()
    (root / "one/a/to").symlink_to("../b")
    (root / "one/b/to").symlink_to("../a")
    return {}


def _deeper(below: str) -> Callable[[Path], dict[str, Any]]:
    def put(root: Path) -> dict[str, Any]:
        (root / below).mkdir(parents=True)
        for name in ("zero", "one", "four"):
            (root / name).rename(root / below / name)
        return {}

    return put


def _only(*kept: str) -> Callable[[Path], dict[str, Any]]:
    def put(root: Path) -> dict[str, Any]:
        for name in {"zero", "one", "four"} - set(kept):
            shutil.rmtree(root / name)
        return {}

    return put


def _list(line: str) -> Callable[[Path], dict[str, Any]]:
    """A CSV in the folder, with a line of its own."""

    def put(root: Path) -> dict[str, Any]:
        (root / "labels.csv").write_text(f"file,label\none/01.png,1\n{line}\n")
        return {}

    return put
