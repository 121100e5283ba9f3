"""Whether what a teacher says of an image depends on the batch that it is asked in: tried once, kept as an artefact."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from raykd.data.dataset import Dataset
from raykd.ops.rng import generator
from raykd.protocols.reading import Reading
from raykd.space.serialise import fingerprint
from raykd.storage.artifacts import Store
from raykd.storage.atomic import write_text

ROWS = 16  # a teacher is asked about a multiple of them on a CPU


@dataclass(frozen=True, kw_only=True)
class Independence:
    """Whether rows are the same, to the last bit.

    Args:
        of_place: wherever in a batch of one size they stand.
        of_batch: also in batches of `ROWS`, twice and four times as many.
    """

    of_place: bool
    of_batch: bool


def find_independence(
    ask: Callable[[Tensor], Mapping[Reading, Tensor]],
    dataset: Dataset,
    store: Store,
    teacher: dict[str, Any],
    size: int,
) -> Independence:
    """What was found of a teacher before, or is found now.

    Args:
        ask: gives what the teacher says of images.
        teacher: all that its bits depend on, but for the batch.
        size: of the run's batches.
    """

    def make(folder: Path) -> None:
        images = next(iter(dataset.plain(dataset.train, batch_size=size))).images
        images = images[torch.arange(size, device=images.device) % len(images)]
        whole = ask(images)

        def agrees(order: Tensor) -> bool:
            there = order.to(images.device)
            asked = ask(images[there])
            return all(torch.equal(asked[each], whole[each][there]) for each in asked)

        mixed = torch.randperm(size, generator=generator("rows"))
        facts = {
            "of_place": agrees(torch.arange(size).flip(0)) and agrees(mixed),
            "of_batch": all(agrees(mixed[torch.arange(rows) % size]) for rows in (ROWS, 2 * ROWS, 4 * ROWS)),
        }
        write_text(folder / "facts.json", json.dumps(facts))

    folder = store.get("row_independence", fingerprint({**teacher, "size": size}), make)
    return Independence(**json.loads((folder / "facts.json").read_text()))
