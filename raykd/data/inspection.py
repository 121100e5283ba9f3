"""What is in the files of a folder of pictures: all of them are decoded once, before anything is trained on them.

Pillow's `verify` would not do: it passes a torn JPEG, TIFF, BMP, GIF and PPM (`benchmarks/inspection.py`). So each file
is decoded, a JPEG at an eighth of its size, which reads all of it, by a thread for each CPU that PyTorch may use. What
was found is kept in the cache, under a hash of the files' names, lengths and times, so that it takes no time as long as
none of them changes.
"""

import errno
import hashlib
import json
import logging
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import PIL
import torch

from raykd.data.caching import kept
from raykd.data.formats.copies import copies
from raykd.data.formats.rows import Rows
from raykd.data.views.pixels import Pixels, deep_values, depth, is_deep, orientation
from raykd.space.serialise import fingerprint

_LOG = logging.getLogger(__name__)
_VERSION, _FILE = 1, "inspection.json"
NOT_THERE = "not there"
FRAMES, TURNED, TRANSPARENT, DEEP = "frames", "turned", "transparent", "deep"
ODD = (TURNED, TRANSPARENT, DEEP)  # what becomes other bytes than Pillow's `convert("RGB")` gives
# A file that is not there or may not be read is a bad one. Other errors are the machine's: no picture is skipped then.
_OF_THE_FILE = {errno.ENOENT, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENOTDIR, errno.ENAMETOOLONG}
_LARGE = 2**30  # bytes, of which to decode all takes a minute


class State(NamedTuple):
    """Of a file: its length in bytes, when it was changed in nanoseconds, and why it cannot be read, if so."""

    length: int
    changed: int
    wrong: str = ""


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What was found.

    Args:
        bad: why a picture cannot be used, by its path below the root.
        kinds: the paths of pictures that are something else than plain ones, by what they are.
        copies: the first of some pictures of the same content, for each of the others.
        shorter: the least, the median and the greatest number of pixels of the shorter sides; empty without pictures.
        used: the most bits that integers of more than 8 use, and the depth of that picture; 0, 0 where there are none.
    """

    bad: dict[str, str]
    kinds: dict[str, tuple[str, ...]]
    copies: dict[str, str]
    shorter: tuple[int, ...]
    used: tuple[int, int]

    @classmethod
    def from_json(cls, read: Mapping[str, Any]) -> "Inspection":
        """What `dataclasses.asdict` made of one, from JSON."""
        kinds = {kind: tuple(names) for kind, names in read["kinds"].items()}
        return cls(**{**read, "kinds": kinds, "shorter": tuple(read["shorter"]), "used": tuple(read["used"])})

    @property
    def odd(self) -> frozenset[str]:
        """The pictures whose bytes depend on `Pixels`."""
        return frozenset(name for kind in ODD for name in self.kinds.get(kind, ()))


def states(root: Path, names: Iterable[str], rows: Rows | None = None) -> dict[str, State]:
    """Of each file below a root, or each row of tables there, what tells whether it has changed."""
    if rows is None:
        return {name: _state(f"{root}/{name}") for name in names}
    return {name: State(*rows.state(name)) for name in names}


def inspect(
    root: Path, files: Mapping[str, State], pixels: Pixels, cache: Path | None, rows: Rows | None = None
) -> Inspection:
    """What is in files below a root, from the cache unless one of them has changed.

    Args:
        files: by path, in the order in which one of some equal ones is the first.
        cache: None to inspect them anew in every process.
        rows: where they are opened, if they lie in tables.

    Raises:
        OSError: the machine cannot read a file at the moment.
    """
    digest = hashlib.sha256(repr((str(root), list(files.items()), pixels)).encode(errors="surrogateescape"))
    key = fingerprint({"files": digest.hexdigest(), "pillow": PIL.__version__, "version": _VERSION})
    if key not in _inspected:
        _inspected[key] = _kept(lambda: _inspect(root, files, pixels, rows), cache, key)
    return _inspected[key]


_inspected: dict[str, Inspection] = {}  # of this process


def _kept(find: Callable[[], Inspection], cache: Path | None, key: str) -> Inspection:
    def make(folder: Path) -> None:
        (folder / _FILE).write_text(json.dumps(asdict(find())))

    folder = None if cache is None else kept(cache, "inspections", key, make)
    return find() if folder is None else Inspection.from_json(json.loads((folder / _FILE).read_text()))


class _Seen(NamedTuple):
    wrong: str
    kinds: tuple[str, ...] = ()
    shorter: int = 0
    used: int = 0
    depth: int = 0


def _inspect(root: Path, files: Mapping[str, State], pixels: Pixels, rows: Rows | None) -> Inspection:
    def look(name: str) -> _Seen:
        return _look(rows.open(name) if rows else f"{root}/{name}", files[name], pixels)

    if (total := sum(state.length for state in files.values())) > _LARGE:
        _LOG.warning("%s: looking once into %d pictures, %.1f GB", root, len(files), total / 1e9)
    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        seen = dict(zip(files, threads.map(look, files), strict=True))
    whole = {name: found for name, found in seen.items() if not found.wrong}
    sides = sorted(found.shorter for found in whole.values())
    deep = [(found.used, found.depth) for found in whole.values() if found.depth]
    kinds = sorted({kind for found in whole.values() for kind in found.kinds})
    return Inspection(
        bad={name: found.wrong for name, found in seen.items() if found.wrong},
        kinds={kind: tuple(name for name, found in whole.items() if kind in found.kinds) for kind in kinds},
        copies=dict(copies(root, tuple(whole), rows)),
        shorter=(sides[0], sides[len(sides) // 2], sides[-1]) if sides else (),
        used=max(deep, key=lambda pair: pair[0] - pair[1]) if deep else (0, 0),
    )


def _look(source: str | BytesIO, state: State, pixels: Pixels) -> _Seen:
    if state.wrong:
        return _Seen(state.wrong)
    try:
        return _decode(source, pixels)
    except OSError as error:
        if error.errno is not None and error.errno not in _OF_THE_FILE:
            raise
        return _Seen(error.strerror or _words(error))
    except Exception as error:
        return _Seen(_words(error))


def _words(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _decode(source: str | BytesIO, pixels: Pixels) -> _Seen:
    kinds: list[str] = []
    used = bits = 0
    with pixels.open(source) as picture:
        shorter = min(picture.size)
        picture.draft(None, (1, 1))
        pixels.rgb(picture)
        if is_deep(picture):
            kinds.append(DEEP)
            if picture.mode != "F":
                used, bits = int(deep_values(picture).max()).bit_length(), depth(picture)
        if picture.has_transparency_data:
            kinds.append(TRANSPARENT)
        if orientation(picture) != 1:
            kinds.append(TURNED)
        if getattr(picture, "is_animated", False):  # formats of one frame have no such attribute
            kinds.append(FRAMES)
    return _Seen("", tuple(kinds), shorter, used, bits)


def _state(path: str) -> State:
    try:
        seen = os.stat(path)  # noqa: PTH116 - a Path for each of ImageNet's million takes three times as long
    except OSError as error:
        if error.errno not in _OF_THE_FILE:
            raise
        return State(0, 0, NOT_THERE if error.errno == errno.ENOENT else error.strerror or "")
    if not stat.S_ISREG(seen.st_mode):  # to open a pipe would wait for whoever writes to it
        return State(0, 0, "no file with bytes")
    return State(seen.st_size, seen.st_mtime_ns, "" if seen.st_size else "empty")
