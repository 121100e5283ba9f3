"""What a run's terms read of its teacher for a batch: kept for each view of each image, else asked of the live teacher.

A crop of 4 pixels with flips has 162 views of an image, and the teacher says of each the same in every epoch, trial,
seed and search. So it is asked once, and what it said is kept in the store, filled and read by all processes of a
machine at the same time. A run whose views are all there never builds the teacher.

On or off, cold or warm: the same bits. So a row must depend neither on its place in a batch nor on the batch. On a CPU
most teachers' rows do not where batches have a multiple of 16 rows: batches are filled up to that, and each teacher is
tried before anything of it is kept. One whose rows depend on the batch's size, as on a GPU (cuDNN chooses its code by
it), is asked about whole batches, and kept for runs of that size. One whose rows depend on their place is not kept: a
product by MKL with few columns, as of a layer of 6 channels, is added up in another order there.
"""

import functools
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from raykd.data.dataset import Batch
from raykd.distributed.processor import processor
from raykd.distributed.world import World
from raykd.models.layout import is_fragile
from raykd.models.staged import Outputs, Staged
from raykd.ops.precision import computing, in_full
from raykd.protocols.context import BuildContext
from raykd.protocols.reading import Reading, check_readings
from raykd.recipe import Recipe
from raykd.space.serialise import fingerprint
from raykd.training.anchors import Anchors
from raykd.training.distiller import Distiller, lay_out, readings_of
from raykd.training.independence import ROWS, find_independence
from raykd.training.kept_outputs import NO_ROOM, KeptOutputs, Layout, open_kept

_VERSION = 2
_DTYPES = {"float32": torch.float32, "float16": torch.float16}


class TeacherOutputs:
    """A run's teacher, as the run's terms hear it.

    Args:
        distiller: with the terms that read the teacher's outputs.
        context: the run's data and teacher, and the store.
        anchors: give the live teacher, which is built when it is first asked.
    """

    def __init__(self, recipe: Recipe, distiller: Distiller, context: BuildContext, anchors: Anchors, world: World):
        self._recipe, self._context, self._anchors, self._world = recipe, context, anchors, world
        self._distiller = distiller
        terms = [distiller.term(term.name) for term in recipe.active_terms if term.needs_teacher]
        self._is_heard = bool(terms)
        self._readings = readings_of(terms)
        shapes = recipe.shapes()
        check_readings(self._readings or (), len(shapes.teacher), shapes.teacher_scores)
        self._kept: KeptOutputs | None = None
        self._by_batch = False  # whether whole batches are asked about
        self._places = np.empty((0, 0), dtype=np.int64)  # of each batch's rows in the files, in this epoch
        self.num_asked = 0  # images that the live teacher was asked about
        self.told = ""  # whether what the teacher says is kept, in a line; nothing where the terms do not state it

    def follow(self, checkpoint: int) -> None:
        """Goes on with another checkpoint of the teacher, from the epoch that begins next."""
        self._kept = self._open(checkpoint) if self._readings else None

    def begin(self, epoch: int) -> None:
        """Looks up which views an epoch shows, for all of its batches at once."""
        if self._kept is None:
            return
        recipe, dataset = self._recipe, self._context.dataset
        shares = dataset.shares(epoch, recipe.seed, recipe.batch_size, self._world.rank, self._world.size)
        images = torch.arange(len(dataset.train))
        places = dataset.augmentation.numbers(images, epoch, dataset.seed) * len(images) + images
        self._places = places[torch.stack(shares)].numpy()

    def __call__(self, batch: Batch, step: int) -> Outputs | None:
        """What the terms read of the teacher for the batch of a step of the epoch; None where none of them does."""
        if not self._is_heard:
            return None
        if self._readings is None:
            return self._teacher(batch.images)
        if self._kept is None:
            answers = self._ask(batch.images)
        else:
            answers = self._look_up(self._kept, batch.images, self._places[step].tolist())
        return Outputs(torch.empty(0), (), (), {reading.name: rows for reading, rows in answers.items()})

    def _look_up(self, kept: KeptOutputs, images: Tensor, places: list[int]) -> dict[Reading, Tensor]:
        found, there = kept.read(places)
        if there.all():
            return found
        if self._by_batch or not there.any():
            fresh = self._ask(images)
            kept.write(places, fresh)
            return fresh
        missing = np.flatnonzero(~there)
        where = torch.from_numpy(missing)
        fresh = self._ask(images[where])
        kept.write([places[number] for number in missing], fresh)
        for reading, rows in fresh.items():
            found[reading][where] = rows
        return found

    def _ask(self, images: Tensor) -> dict[Reading, Float[Tensor, "batch *part"]]:
        """What the live teacher says of images, rounded as the recipe asks, in memory laid out as that of kept rows."""
        assert self._readings is not None
        size = len(images)
        if images.device.type == "cpu" and size % ROWS:
            images = images[torch.arange(size + -size % ROWS) % size]
        outputs = self._teacher(images)
        return {reading: self._rounded(reading(outputs)[:size]) for reading in self._readings}

    def _teacher(self, images: Tensor) -> Outputs:
        self.num_asked += len(images)
        with torch.no_grad(), computing(self._recipe.precision, images.device):
            return in_full(self._live(images))

    @functools.cached_property
    def _live(self) -> Staged:
        return lay_out(self._anchors.teacher, self._recipe, self._distiller, self._context.dataset.device)

    def _rounded(self, values: Tensor) -> Tensor:
        if self._dtype == torch.float16:
            most = torch.finfo(torch.float16).max
            values = values.clamp(-most, most).half()
        return values.float().contiguous()

    @property
    def _dtype(self) -> torch.dtype:
        return _DTYPES[self._recipe.teacher_outputs]

    def _open(self, checkpoint: int) -> KeptOutputs | None:
        assert self._readings is not None
        context, dataset, shapes = self._context, self._context.dataset, self._recipe.shapes()
        layout = Layout(
            shapes={reading: reading.shape(shapes.num_classes, shapes.teacher) for reading in self._readings},
            dtype=self._dtype,
            places=dataset.augmentation.num_views(self._recipe.epochs) * len(dataset.train),
        )
        kept: KeptOutputs | None = None
        if not context.store.has_room(sum(layout.size(reading) for reading in layout.shapes)):
            how = NO_ROOM
        elif not context.store.keeps:
            how = "would be kept"
        elif (key := self._key(checkpoint)) is None:
            how = "is not kept, as its last bits depend on an image's place in a batch"
        else:
            kept, how = open_kept(context.store, fingerprint(key), layout, dataset.device)
        self.told = f"what the teacher says ({layout}) {how}"
        return kept

    def _key(self, checkpoint: int) -> dict[str, Any] | None:
        """All that the bits of a row depend on, but for the reading; None where its place in a batch is part of it."""
        assert self._context.teacher is not None
        dataset = self._context.dataset
        teacher = {
            "version": _VERSION,
            "weights": self._context.teacher.digest(checkpoint),
            "processor": processor(dataset.device),
            "precision": self._recipe.precision,
            # With the network and the device these decide its layout, which `lay_out` gives it when it is built.
            "layout": [self._recipe.layout, any(is_fragile(module) for module in self._distiller.beside)],
        }
        on_gpu, share = dataset.device.type == "cuda", self._recipe.batch_size // self._world.size
        size = share if on_gpu else share + -share % ROWS
        tried = teacher | {"readings": [reading.name for reading in self._readings or ()]}
        independent = find_independence(self._ask, dataset, self._context.store, tried, size)
        if not independent.of_place:
            return None
        self._by_batch = on_gpu or not independent.of_batch
        return {
            "teacher": teacher,
            "kept as": self._recipe.teacher_outputs,
            "images": [dataset.digest, dataset.mean, dataset.std],
            "views": dataset.augmentation,
            "seed": dataset.seed if dataset.augmentation.resized else None,
            "rows": share if self._by_batch else None,
        }
