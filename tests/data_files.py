"""Writes tiny sets in the layouts of the real ones."""

import gzip
import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from PIL import Image
from pyarrow import feather, parquet

from raykd.data.formats.idx import FILES as IDX_FILES


def idx_bytes(values: torch.Tensor) -> bytes:
    header = bytes((0, 0, 8, values.dim())) + struct.pack(f">{values.dim()}I", *values.shape)
    return header + values.to(torch.uint8).numpy().tobytes()


def idx_contents(num_train: int = 30, num_test: int = 12) -> dict[str, bytes]:
    """The four files of the MNIST family; each training image holds its own number as its pixels."""
    train = torch.arange(num_train)[:, None, None].expand(-1, 28, 28)
    test = 100 + torch.arange(num_test)[:, None, None].expand(-1, 28, 28)
    arrays = (train, torch.arange(num_train) % 10, test, torch.arange(num_test) % 10)
    return dict(zip(IDX_FILES, map(idx_bytes, arrays), strict=True))


def write(folder: Path, files: dict[str, bytes], packed: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / f"{name}{'.gz' if packed else ''}").write_bytes(gzip.compress(content, 1) if packed else content)
    return folder


def python2_pickle(value: Any) -> bytes:
    """What Python 2's cPickle writes by protocol 2, as the published files of CIFAR are."""
    return b"\x80\x02" + _opcodes(value) + b"."


def _opcodes(value: Any) -> bytes:
    if isinstance(value, dict):
        return b"}(" + b"".join(_opcodes(part) for pair in value.items() for part in pair) + b"u"
    if isinstance(value, list):
        return b"](" + b"".join(map(_opcodes, value)) + b"e"
    if isinstance(value, str):
        return _opcodes(value.encode("latin1"))
    if isinstance(value, bytes):
        short = len(value) < 256
        return (b"U" + bytes([len(value)]) if short else b"T" + struct.pack("<i", len(value))) + value
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    assert isinstance(value, np.ndarray)
    kind = value.dtype.str[1:]
    shape = b"(" + b"".join(map(_opcodes, value.shape)) + b"t"
    dtype = b"cnumpy\ndtype\n" + _opcodes(kind) + _opcodes(0) + _opcodes(1) + b"\x87R"
    dtype += b"(" + _opcodes(3) + _opcodes(value.dtype.str[:1]) + b"NNN" + _opcodes(-1) * 2 + _opcodes(0) + b"tb"
    state = b"(" + _opcodes(1) + shape + dtype + b"\x89" + _opcodes(value.tobytes()) + b"t"
    begun = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n" + _opcodes(0) + b"\x85" + _opcodes("b") + b"\x87R"
    )
    return begun + state + b"b"


def picture(seed: int, width: int = 12, height: int = 10, mode: str = "RGB") -> Image.Image:
    """Smooth colours, so that lossy formats keep them."""
    stream = np.random.default_rng(seed)
    small = stream.integers(0, 256, (3, 4, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC).convert(mode)


def save(folder: Path, name: str, image: Image.Image) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return path


def class_folders(root: Path, num_train: int = 6, num_test: int = 3, classes: str = "abc", size: int = 0) -> Path:
    """`train` and `val` with a folder for each class, of PNG and JPEG files of different sizes or of one."""
    for part, count in (("train", num_train), ("val", num_test)):
        for label, name in enumerate(classes):
            for number in range(count):
                seed = 1000 * (part == "val") + 100 * label + number
                sides = (size, size) if size else (12 + number, 10 + 2 * label)
                save(root, f"{part}/{name}/{number}.{('png', 'jpg')[number % 2]}", picture(seed, *sides))
    return root


def encoded(seed: int) -> bytes:
    file = io.BytesIO()
    picture(seed, 8, 8).save(file, "PNG")
    return file.getvalue()


def table(count: int = 12, begin: int = 0, labels: Any = None, **columns: Any) -> pa.Table:
    """As `datasets` writes pictures with a `ClassLabel`, whose third class nothing is of."""
    images = [{"bytes": encoded(begin + number), "path": f"{number}.png"} for number in range(count)]
    labels = [number % 2 for number in range(count)] if labels is None else labels
    features = {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog", "fox"], "_type": "ClassLabel"}}
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    made = pa.table({"image": pa.array(images, kind), "label": labels, **columns})
    return made.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def write_table(file: Path, content: pa.Table, rows: int = 5) -> Path:
    """A table in blocks of some rows, by the ending of its name."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".parquet":
        parquet.write_table(content, file, row_group_size=rows)
    elif file.suffix == ".feather":
        feather.write_feather(content, str(file), compression="lz4", chunksize=rows)
    else:
        with pa.ipc.new_stream(str(file), content.schema) as stream:
            stream.write_table(content, max_chunksize=rows)
    return file
