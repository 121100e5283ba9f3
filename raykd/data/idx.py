"""The idx files of the MNIST family: a header of big-endian numbers, then the bytes of one array.

Header: two zero bytes, the type (8 for unsigned bytes, the only one read here), the number of dimensions, then
the length of each dimension in 4 bytes.
"""

import gzip
import math
import struct
import zlib
from pathlib import Path

import torch
from jaxtyping import UInt8
from torch import Tensor

_UNSIGNED_BYTE = 8


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
        raise ValueError(f"{path}: not a whole gzip file ({error}); remove it and get it again") from None
    start = 4 + 4 * num_dimensions
    if len(content) < start or content[:4] != bytes((0, 0, _UNSIGNED_BYTE, num_dimensions)):
        raise ValueError(f"{path}: not an idx file of bytes with {num_dimensions} dimensions (starts {content[:4]!r})")
    shape = struct.unpack(f">{num_dimensions}I", content[4:start])
    if len(content) - start != math.prod(shape):
        raise ValueError(
            f"{path}: {len(content) - start} bytes of content, its header promises {' x '.join(map(str, shape))}; "
            f"remove it and get it again"
        )
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)[start:].reshape(shape)
