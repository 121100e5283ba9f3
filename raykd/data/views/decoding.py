"""Images left in their files: decoded by a pool of threads, some batches ahead of the step that takes them.

Pillow decodes, as in torchvision's `ImageFolder`, to the same bytes; it lets other threads run meanwhile. Every picture
becomes RGB, as `Pixels` says. A file that is missing or cannot be decoded ends the run with its name: to skip it in
silence would change what is trained on.
"""

import hashlib
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from PIL import Image
from PIL.ImageFile import ImageFile
from torch import Tensor

from raykd.data.formats.file_names import shown
from raykd.data.formats.rows import Rows
from raykd.data.views.pixels import Pixels
from raykd.data.views.resized_crop import ResizedCrop
from raykd.errors import InvalidError, MissingError
from raykd.space.serialise import fingerprint

THREADS = "raykd-decode"  # how the threads' names begin
_AHEAD = 3  # batches; enough that a slow image does not hold up a step
_LONGEST = 64  # times the shorter side; the middle of a longer picture is cut out before it is resized
_ODD_VERSION = 1  # of how pictures become bytes that are no plain RGB or grey of 8 bits
_BILINEAR = Image.Resampling.BILINEAR


@dataclass(frozen=True, kw_only=True)
class Frame:
    """How a picture of any size becomes a square: its shorter side is resized, and the middle cut out.

    Args:
        resize: the shorter side, in pixels.
        size: of the square, in pixels.
    """

    resize: int = 256
    size: int = 224

    def __post_init__(self) -> None:
        if not 1 <= self.size <= self.resize:
            raise InvalidError(f"size must be 1 pixel to resize, got {self.size} and {self.resize}")

    def whole(self, picture: Image.Image) -> Image.Image:
        """The picture's square, as torchvision's `Resize` (with antialiasing) and `CenterCrop` make it.

        Of a picture of 1 x 10,000 pixels `Resize` alone would make one of 256 x 2,560,000.
        """
        width, height = picture.size
        if max(width, height) > _LONGEST * min(width, height):
            width, height = (min(side, _LONGEST * min(width, height)) for side in (width, height))
            left, top = (picture.width - width) // 2, (picture.height - height) // 2
            picture = picture.crop((left, top, left + width, top + height))
        short, long = sorted((width, height))
        longer = int(self.resize * long / short)
        picture = picture.resize((self.resize, longer) if width <= height else (longer, self.resize), _BILINEAR)
        left, top = (round((side - self.size) / 2) for side in picture.size)
        return picture.crop((left, top, left + self.size, top + self.size))

    def part(self, picture: Image.Image, box: Int64[Tensor, "4"]) -> Image.Image:
        """The part of a picture in a box (top, left, height, width), resized to the square."""
        top, left, height, width = box.tolist()
        return picture.crop((left, top, left + width, top + height)).resize((self.size, self.size), _BILINEAR)


@dataclass(frozen=True)
class Files:
    """Pictures below a folder, indexed like a tensor of images; what it holds is their names.

    Args:
        root: the folder.
        names: paths below it, with `/` between their parts.
        lengths: of the files, in bytes.
        frame: what a picture becomes.
        pixels: how what is in its file is read.
        odd: names of those, of these or others, that are no plain RGB or grey of 8 bits, so that `pixels` matters.
        rows: where they are opened by their names, if they lie in tables and not in files of their own.
    """

    device: ClassVar[torch.device] = torch.device("cpu")
    root: Path
    names: tuple[str, ...]
    lengths: tuple[int, ...]
    frame: Frame
    pixels: Pixels = Pixels()
    odd: frozenset[str] = frozenset()
    rows: Rows | None = None

    def __len__(self) -> int:
        return len(self.names)

    @property
    def shape(self) -> tuple[int, ...]:
        """Images, channels, height, width."""
        return len(self.names), 3, self.frame.size, self.frame.size

    def __getitem__(self, indices: Int64[Tensor, "m"]) -> "Files":
        chosen = indices.tolist()
        names, lengths = ([values[index] for index in chosen] for values in (self.names, self.lengths))
        return replace(self, names=tuple(names), lengths=tuple(lengths))

    def summary(self) -> bytes:
        """A hash of the names, their files' lengths, the frame, and how odd ones are read.

        The files are not read: of ImageNet that would take many minutes. A file that was changed and kept its
        length goes unnoticed.
        """
        lines = [f"{self.frame.resize} {self.frame.size}\n"]
        lines += [f"{length} {name}\n" for name, length in zip(self.names, self.lengths, strict=True)]
        if odd := [f"{name}\n" for name in self.names if name in self.odd]:
            lines += [f"{fingerprint({'pixels': self.pixels, 'version': _ODD_VERSION})}\n", *odd]
        return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).digest()

    def read(
        self,
        shares: Iterable[Tensor],
        crop: ResizedCrop | None = None,
        epoch: int = 0,
        seed: int = 0,
        pin: bool = False,
    ) -> "Generator[tuple[Int64[Tensor, 'b'], UInt8[Tensor, 'b 3 size size']], None, None]":
        """Decodes the images of each share of indices, while the caller is busy with the ones before.

        Args:
            crop: which part of each image is taken in an epoch; None for the middle.
            seed: of the views.
            pin: put batches where a GPU can fetch them by itself.

        Raises:
            FileNotFoundError, ValueError: an image is gone, or is none; its file and its index.
        """
        threads = ThreadPoolExecutor(torch.get_num_threads(), thread_name_prefix=THREADS)
        started: deque[tuple[Tensor, Tensor, list[Future[None]]]] = deque()
        try:
            for indices in shares:
                batch = torch.empty(len(indices), *self.shape[1:], dtype=torch.uint8, pin_memory=pin)
                draws = crop.draws(indices, epoch, seed) if crop else torch.empty(len(indices), 0)
                jobs = zip(batch.numpy(), indices.tolist(), draws, strict=True)
                started.append((indices, batch, [threads.submit(self._decode, *job, crop) for job in jobs]))
                if len(started) > _AHEAD:
                    yield _finished(*started.popleft())
            while started:
                yield _finished(*started.popleft())
        finally:  # also where the caller has stopped early
            threads.shutdown(cancel_futures=True)

    def opened(self, index: int) -> ImageFile:
        """A picture whose pixels are not read yet; to be closed. Errors as of `Pixels.open`."""
        name = self.names[index]
        return self.pixels.open(self.root / name if self.rows is None else self.rows.open(name))

    def _decode(self, place: np.ndarray, index: int, draws: Tensor, crop: ResizedCrop | None) -> None:
        """Writes an image to its place in a batch.

        By NumPy, as PyTorch lets no other thread write to what the caller's inference mode has made.
        """
        path = self.root / self.names[index]
        named = f"{shown(str(path))}: image {index} of its split"
        try:
            with self.opened(index) as file:
                picture = self.pixels.rgb(file)
        except FileNotFoundError:
            raise MissingError(f"{named} is gone since the folder was listed; put it back, or start anew") from None
        except PermissionError:
            raise
        except Exception as error:  # whatever a decoder makes of bytes that are no image
            raise InvalidError(f"{named} cannot be decoded ({error}); get it again, or remove it") from None
        if crop:
            height, width = (torch.tensor([side]) for side in (picture.height, picture.width))
            picture = self.frame.part(picture, crop.boxes(draws[None], height, width)[0])
        else:
            picture = self.frame.whole(picture)
        place[:] = np.asarray(picture).transpose(2, 0, 1)


def _finished(indices: Tensor, batch: Tensor, decoded: "list[Future[None]]") -> tuple[Tensor, Tensor]:
    for job in decoded:
        job.result()
    return indices, batch
