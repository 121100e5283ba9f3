"""What the channels of a teacher's maps are like before their ReLU, over all training images, as an artefact."""

from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor

from raykd.data.dataset import Dataset
from raykd.models.staged import Staged
from raykd.ops.maps import as_map
from raykd.ops.vectors import full
from raykd.protocols.context import BuildContext
from raykd.space.serialise import fingerprint
from raykd.storage.tensors import save_safetensors

_MAKER_VERSION = 1


class Moments(NamedTuple):
    """Mean, standard deviation and least value of each channel of a stage, over all images and places."""

    mean: Float[Tensor, "channels"]
    std: Float[Tensor, "channels"]
    least: Float[Tensor, "channels"]


def find_moments(context: BuildContext, checkpoint: int) -> list[Moments]:
    """Those of all stages of a checkpoint of the teacher, got from the store or made.

    Images are not augmented, and the teacher is in eval mode.
    """
    teacher, dataset = context.teacher, context.dataset
    assert teacher is not None
    key = {
        "version": _MAKER_VERSION,
        "weights": teacher.digest(checkpoint),
        "images": [dataset.digest, dataset.mean, dataset.std],
    }

    def make(folder: Path) -> None:
        context.say(f"moments: maps of the teacher's checkpoint {checkpoint} before their ReLU")
        stages = measure(teacher.network(checkpoint), dataset)
        named = {
            f"{index} {name}": part for index, stage in enumerate(stages) for name, part in stage._asdict().items()
        }
        save_safetensors(named, folder / "moments.safetensors")

    folder = context.get("moments", fingerprint(key), make)
    named = load_file(folder / "moments.safetensors", device=str(dataset.device))
    num_stages = len(named) // len(Moments._fields)
    # Copied: tensors within a file's memory are aligned to 4 bytes only, and products may round by alignment.
    return [Moments(*(named[f"{index} {name}"].clone() for name in Moments._fields)) for index in range(num_stages)]


@torch.inference_mode()
def measure(network: Staged, dataset: Dataset) -> list[Moments]:
    """The moments of every stage over the training images; sums are in double precision."""
    seen: list[list[Tensor]] = [[] for _ in range(network.num_stages)]
    for batch in dataset.plain(dataset.train):
        for stage, features in zip(seen, network(batch.images).before_relu, strict=True):
            places = full(as_map(features)).flatten(2)
            sums = (values.mean(dim=2, dtype=torch.float64).sum(dim=0) for values in (places, places.square()))
            stage.append(torch.stack([*sums, places.amin(dim=(0, 2)).double()]))
    return [_moments(torch.stack(stage), len(dataset.train)) for stage in seen]


def _moments(batches: Float[Tensor, "batches 3 channels"], num_images: int) -> Moments:
    mean, squares = batches[:, :2].sum(dim=0) / num_images
    std = (squares - mean.square()).clamp_min(0.0).sqrt()
    return Moments(mean.float(), std.float(), batches[:, 2].amin(dim=0).float())
