"""What a teacher said, on the disk: a file for each reading, with a row for each view of each image."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from raykd.models.staged import Shape
from raykd.protocols.reading import Reading
from raykd.storage.artifacts import Store
from raykd.storage.room import format_bytes
from raykd.storage.rows import RowFile

_LOG = logging.getLogger(__name__)
_KIND = "teacher_outputs"
NO_ROOM = "is not kept, as there is no room for it"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What rows look like.

    Args:
        shapes: of a row of each reading.
        dtype: that rows are kept in; they are read as float32.
        places: how many rows a file has when all are there.
    """

    shapes: Mapping[Reading, Shape]
    dtype: torch.dtype
    places: int

    def length(self, reading: Reading) -> int:
        """Of a row, in bytes."""
        return torch.Size(self.shapes[reading]).numel() * self.dtype.itemsize

    def size(self, reading: Reading) -> int:
        """Of a whole file, in bytes."""
        return RowFile.size(self.length(reading), self.places)

    def __str__(self) -> str:
        names = ", ".join(reading.name for reading in self.shapes)
        return f"{names}; {format_bytes(sum(map(self.size, self.shapes)))} for all views"


class KeptOutputs:
    """The files of one checkpoint's readings.

    Args:
        device: that rows come to.
    """

    def __init__(self, files: Mapping[Reading, RowFile], layout: Layout, device: torch.device):
        self._files, self._layout, self._device = files, layout, device
        self._writes = True

    def read(self, places: Sequence[int]) -> tuple[dict[Reading, Tensor], Bool[np.ndarray, "rows"]]:
        """Rows of each reading, and which of them are there; what the others hold means nothing."""
        found = {reading: file.read(places) for reading, file in self._files.items()}
        there = np.logical_and.reduce([whole for _, whole in found.values()])
        if not there.any():
            return {}, there
        return {reading: self._tensor(reading, rows) for reading, (rows, _) in found.items()}, there

    def write(self, places: Sequence[int], answers: Mapping[Reading, Float[Tensor, "rows *part"]]) -> None:
        """Keeps rows; where the disk is full or away no more are kept, which one line says."""
        if not self._writes:
            return
        try:
            for reading, file in self._files.items():
                rows = answers[reading].to("cpu", self._layout.dtype).flatten(1).contiguous()
                file.write(places, rows.numpy().view(np.uint8))
        except OSError as error:
            self._writes = False
            _LOG.warning("what the teacher says is not kept any more: %s", error.strerror)

    def _tensor(self, reading: Reading, rows: np.ndarray) -> Float[Tensor, "rows *part"]:
        """Rows of a file in memory of PyTorch's own: the last bits of what is made of them depend on its alignment."""
        values = torch.from_numpy(np.ascontiguousarray(rows)).view(self._layout.dtype)
        shape = (len(rows), *self._layout.shapes[reading])
        there = torch.empty(shape, pin_memory=self._device.type == "cuda")
        return there.copy_(values.view(shape)).to(self._device, non_blocking=True)


def open_kept(store: Store, key: str, layout: Layout, device: torch.device) -> tuple[KeptOutputs | None, str]:
    """The files of a teacher's readings, made where they are not there, or None where they cannot be; and why.

    Args:
        key: a hash of all that a row depends on, but for the reading.
    """
    try:
        folders = store.keep(_KIND, {f"{key}-{reading.name}": layout.size(reading) for reading in layout.shapes})
        if folders is None:
            return None, NO_ROOM
        readings = zip(layout.shapes, folders, strict=True)
        files = {reading: RowFile(folder / "rows", layout.length(reading)) for reading, folder in readings}
    except OSError as error:
        return None, f"is not kept: {error.strerror}"
    return KeptOutputs(files, layout, device), "is kept"
