"""Files for `odd_files.py` that are no pictures, or no whole ones."""

import os
from pathlib import Path
from typing import Any

from odd_case import Case, content
from odd_folders import link, make_splits

_HTML = b"<!DOCTYPE html><title>404</title>"


def files() -> list[Case]:
    """What no picture is, or a torn one."""
    locked: dict[str, Any] = {"more": None, "says": "Permission denied", "as_nobody": True}
    several = "3 of 51 pictures cannot be used"
    return [
        Case(name="file of no bytes", put=content("one/a.png", b""), more=None, says="one/a.png (empty)"),
        Case(name="text called .jpg", put=content("one/a.jpg", b"my notes"), more=None, says="one/a.jpg"),
        Case(name="page of HTML called .jpg", put=content("one/a.jpg", _HTML), more=None, says="one/a.jpg"),
        Case(name="HEIC called .jpg", put=content("one/a.jpg", b"\0\0\0\x18ftypheic" + b"\0" * 99), more=None),
        Case(name="HEIC", put=content("one/a.heic", b"\0\0\0\x18ftypheic"), more=0, says="(.heic 1)"),
        Case(name="file without an ending", put=content("one/notes", b"?"), more=0, says="no ending 1"),
        Case(name="torn pictures in three classes", put=_torn, more=None, says=several),
        Case(name="the same with --skip-bad", put=_torn, more=0, says=several, words=("--skip-bad",)),
        Case(name="torn pictures in train, val and test", put=_torn_splits, more=None, says="3 of 48 pictures"),
        Case(name="the same with --skip-bad", put=_torn_splits, more=-3, says="3 of 48", words=("--skip-bad",)),
        Case(name="picture that may not be read (mode 000)", put=_locked, **locked),
        Case(name="folder that may not be read (mode 000)", put=_locked_folder, **locked),
        Case(
            name="pipe called .png", put=lambda root: os.mkfifo(root / "one/a.png") or {}, more=None, says="one/a.png"
        ),
        Case(name="link to nowhere", put=link("one/a.png", "gone.png"), more=None, says="one/a.png (not there)"),
        Case(name="link to itself", put=link("one/a.png", "a.png"), more=None, says="one/a.png"),
    ]


def _torn(root: Path) -> dict[str, Any]:
    for name in ("zero", "one", "four"):
        whole = (root / name / "00.png").read_bytes()
        (root / name / "torn.png").write_bytes(whole[: len(whole) // 2])
    return {}


def _torn_splits(root: Path) -> dict[str, Any]:
    make_splits(root)
    for name in ("train/one/00.png", "val/one/08.png", "test/one/12.png"):
        (root / name).write_bytes((root / name).read_bytes()[:300])
    return {}


def _locked(root: Path) -> dict[str, Any]:
    (root / "one/00.png").chmod(0)
    return {}


def _locked_folder(root: Path) -> dict[str, Any]:
    (root / "one").chmod(0)
    return {}
