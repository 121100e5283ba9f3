"""PyTorch's files, read without running code: the zip archives of today, and the rows of pickles from before 1.6.

Archive: `NAME/data.pkl`, in which a storage is a persistent id, and `NAME/data/KEY`, a storage's bytes. Before 1.6: a
magic number, a version, and how the machine was, a pickle each; the object, whose storages are persistent ids; the keys
of the storages; and for each the number of its elements, as 8 bytes, and then these. A file without that magic number
is taken for a plain pickle.

All storages come to lie in the memory of this machine, whatever device a file says.
"""

import io
import struct
import sys
import zipfile
from typing import Any

import torch
from torch import Tensor

from raykd.errors import InvalidError
from raykd.storage.inert_pickle import InertUnpickler

_MAGIC = 0x1950A86A20F9469CFC6C
_ZIP = b"PK\x03\x04"


def read_torch(data: bytes) -> Any:
    """What a file of PyTorch, or a plain pickle, holds; all but tensors, arrays and plain values are stand-ins.

    Raises:
        ValueError: it would run code, or is no such file, in words to which the subject is missing.
        Exception: of many kinds, what a torn file leads Python's reader to; never OSError.
    """
    return _read_archive(data) if data.startswith(_ZIP) else _read_row(data)


def _read_archive(data: bytes) -> Any:
    archive = zipfile.ZipFile(io.BytesIO(data))
    names = archive.namelist()
    roots = [name.removesuffix("data.pkl") for name in names if name == "data.pkl" or name.endswith("/data.pkl")]
    if not roots:
        raise InvalidError(f"is a zip archive without PyTorch's data.pkl; it holds {', '.join(names[:3])}")
    root = min(roots, key=len)
    if f"{root}constants.pkl" in names:
        raise InvalidError("is a TorchScript program; save its state_dict() instead")
    big = f"{root}byteorder" in names and _record(archive, f"{root}byteorder") == b"big"
    storages: dict[str, Tensor] = {}

    def storage(pid: Any) -> Tensor:
        _, dtype, key, *_ = pid
        if key not in storages:
            storages[key] = _elements(_record(archive, f"{root}data/{key}"), dtype, big)
        return storages[key]

    return InertUnpickler(io.BytesIO(_record(archive, f"{root}data.pkl")), storage, read_torch).load()


def _record(archive: zipfile.ZipFile, name: str) -> bytes:
    """One of an archive's files; its checksum is compared unless it is 0, as of those who save without one."""
    info = archive.getinfo(name)
    if getattr(info, "CRC", None) == 0:
        del info.CRC  # zipfile then has nothing to compare with
    return archive.read(info)


def _read_row(data: bytes) -> Any:
    file = io.BytesIO(data)
    storages: dict[Any, Tensor] = {}

    def storage(pid: Any) -> Any:
        what, *about = pid
        if what == "module":  # a class, and its source
            return about[0]
        dtype, key, _, size, view = about
        if key not in storages:
            if size * dtype.itemsize > len(data):
                raise EOFError(f"a storage of {size} elements in a file of {len(data)} bytes")
            storages[key] = torch.empty(size, dtype=dtype)
        return storages[key] if view is None else storages[key][view[1] : view[1] + view[2]]

    def read() -> Any:
        return InertUnpickler(file, storage, read_torch).load()

    first = read()
    if first != _MAGIC:
        return first
    _, machine, content, keys = read(), read(), read(), read()
    big = not machine.get("little_endian", True)
    for key in keys:
        (size,) = struct.unpack(">q" if big else "<q", file.read(8))
        found = storages[key]
        content_of = file.read(size * found.itemsize)
        if size != len(found) or len(content_of) != size * found.itemsize:
            raise EOFError(f"the storage {key} ends early")
        found.copy_(_elements(content_of, found.dtype, big))
    return content


def _elements(content: bytes, dtype: torch.dtype, big: bool) -> Tensor:
    """A storage's elements, one after another; of another machine's order of bytes they are turned round."""
    if not content:
        return torch.empty(0, dtype=dtype)
    flat = torch.frombuffer(bytearray(content), dtype=torch.uint8)
    if big != (sys.byteorder == "big"):
        part = dtype.itemsize // 2 if dtype.is_complex else dtype.itemsize
        flat = flat.view(-1, part).flip(1).flatten()
    return flat.view(dtype)
