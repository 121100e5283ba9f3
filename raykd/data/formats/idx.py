"""The idx files of the MNIST family: a header of big-endian numbers, then the bytes of one array.

Header: two zero bytes, the type (8 for unsigned bytes, the only one read here), the number of dimensions, then
the length of each dimension in 4 bytes.
"""

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import torch
from jaxtyping import UInt8
from torch import Tensor

from raykd.data.views.splits import Split
from raykd.errors import InvalidError

FILES = tuple(f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1"))
_UNSIGNED_BYTE = 8


def split(images_path: Path, labels_path: Path, num_classes: int) -> Split:
    """Grey images and their labels.

    Raises:
        ValueError: a file is torn, or the two do not belong together; it is named.
    """
    images: UInt8[Tensor, "n height width"] = read(images_path, 3)
    labels: UInt8[Tensor, "m"] = read(labels_path, 1)
    if len(images) != len(labels):
        raise InvalidError(f"{labels_path}: {len(labels)} labels for the {len(images)} images of {images_path}")
    if len(labels) and int(labels.max()) >= num_classes:
        raise InvalidError(f"{labels_path}: labels must be 0 to {num_classes - 1}, found {int(labels.max())}")
    return Split(images[:, None], labels.to(torch.int64))


def fetch(source: Any, folder: Path) -> None:
    """Downloads the packed files of one of torchvision's sets; to make a `source` would also unpickle what it finds."""
    from torchvision.datasets.utils import download_url

    for name, md5 in source.resources:
        download_url(source.mirrors[0] + name, str(folder), name, md5)


def read(path: Path, num_dimensions: int) -> UInt8[Tensor, "..."]:
    """The array in an idx file, which is unpacked first where its name ends in `.gz`.

    Raises:
        ValueError: the file is torn or holds something else; it is named.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:
            content: bytes = file.read()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InvalidError(f"{path}: not a whole gzip file ({error}); remove it and get it again") from None
    start = 4 + 4 * num_dimensions
    if len(content) < start or content[:4] != bytes((0, 0, _UNSIGNED_BYTE, num_dimensions)):
        raise InvalidError(
            f"{path}: not an idx file of bytes with {num_dimensions} dimensions (starts {content[:4]!r})"
        )
    shape = struct.unpack(f">{num_dimensions}I", content[4:start])
    if len(content) - start != math.prod(shape):
        raise InvalidError(
            f"{path}: {len(content) - start} bytes of content, its header promises {' x '.join(map(str, shape))}; "
            f"remove it and get it again"
        )
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)[start:].reshape(shape)
