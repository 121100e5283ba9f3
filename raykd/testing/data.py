"""What a data set promises: three splits that share no image, labels from 0, the same ones whenever it is loaded."""

import torch

from raykd.data import Files, Split
from raykd.data.dataset import Dataset, DataSpec
from raykd.testing.promises import check_value, promise, promised
from raykd.testing.tiny_run import same_tensors

_SPLITS = ("train", "validation", "test")
# The published sets hold some images twice, CIFAR-100 about one in a hundred of its test images. A split that was
# forgotten to be cut off shares all of them.
_SHARED = 0.05


def check_data(data: DataSpec) -> None:
    """Checks that a data set, which must be there to be loaded, keeps its promises.

    Raises:
        AssertionError: a promise is broken.
    """
    check_value(data, DataSpec)
    with promised(data, "loading it"):
        dataset, again = data.load(), data.load()
    promise(isinstance(dataset, Dataset), data, f"load gives a {type(dataset).__name__}, which is no Dataset")
    for name in _SPLITS:
        one, other = getattr(dataset, name), getattr(again, name)
        _check_split(data, dataset, name, one)
        promise(one.digest() == other.digest(), data, f"its {name} split is another one each time that it is loaded")
    _check_disjoint(data, dataset)
    channels = dataset.image_shape[0]
    for name in ("mean", "std"):
        numbers = getattr(dataset, name)
        promise(
            len(numbers) == channels,
            data,
            f"its {name} must be {channels} numbers, one a channel, got {numbers}",
        )
    promise(min(dataset.std) > 0, data, f"its std must be above 0, got {dataset.std}")
    _check_views(data, dataset)


def _check_split(data: DataSpec, dataset: Dataset, name: str, split: Split) -> None:
    images, labels = split.images, split.labels
    promise(len(split) > 0, data, f"its {name} split is empty")
    equal = len(images) == len(labels)
    promise(equal, data, f"its {name} split has {len(images)} images and {len(labels)} labels")
    shape = tuple(images.shape[1:])
    promise(shape == dataset.image_shape, data, f"its {name} images are {shape}, those to train {dataset.image_shape}")
    promise(len(shape) == 3, data, f"an image must be (channels, height, width), got {shape}")
    least, most = int(labels.min()), int(labels.max())
    within = least >= 0 and most < dataset.num_classes
    rule = f"must run from 0 to {dataset.num_classes - 1}, for {dataset.num_classes} classes"
    promise(within, data, f"the labels of its {name} split {rule}, got {least} to {most}")


def _check_disjoint(data: DataSpec, dataset: Dataset) -> None:
    for name, other in (("validation", "train"), ("test", "train"), ("test", "validation")):
        known, split = set(_identities(getattr(dataset, other))), getattr(dataset, name)
        shared = sum(image in known for image in _identities(split))
        few = shared <= _SHARED * len(split)
        promise(few, data, f"{shared} of the {len(split)} images of its {name} split are in its {other} split too")


def _identities(split: Split) -> list[bytes | str]:
    """What tells a split's images apart: their pixels, or their files."""
    if isinstance(split.images, Files):
        return [f"{split.images.root}/{name}" for name in split.images.names]
    return [image.numpy().tobytes() for image in split.images]


def _check_views(data: DataSpec, dataset: Dataset) -> None:
    """A batch to train on is the same for the same seed and epoch, and finite."""
    size = min(8, len(dataset.train))
    with promised(data, "reading a batch of it"):
        one, other = (next(dataset.batches(0, 0, size)) for _ in range(2))
    promise(bool(torch.isfinite(one.images).all()), data, "its images are not finite once they are normalised")
    same = same_tensors(one._asdict(), other._asdict())
    promise(same, data, "its views of an epoch are other ones each time that they are made")
