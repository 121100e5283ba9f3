"""The synthetic set repeats bit for bit, and can be learnt."""

from typing import Any

import pytest
import torch

from raykd.data.dataset import Dataset
from raykd.data.synthetic import Synthetic


def nearest_mean_accuracy(dataset: Dataset) -> float:
    """Of classifying the test images by the nearest of the classes' mean training images."""
    train, test = (split.images.flatten(1).float() for split in (dataset.train, dataset.test))
    means = torch.stack([train[dataset.train.labels == label].mean(dim=0) for label in range(dataset.num_classes)])
    return float((torch.cdist(test, means).argmin(dim=1) == dataset.test.labels).float().mean())


def test_shapes_and_sizes():
    dataset = Synthetic(num_classes=7, image_shape=(1, 9, 12), num_images=30, held_out=14).load()
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [30, 14, 14]
    assert (dataset.image_shape, dataset.num_classes) == ((1, 9, 12), 7)
    assert dataset.test.labels.bincount().tolist() == [2] * 7
    assert set(dataset.train.labels.bincount().tolist()) == {4, 5}


def test_it_repeats_and_follows_its_seed():
    first, again, other = (Synthetic(num_images=20, held_out=10, seed=seed).load() for seed in (3, 3, 4))
    assert torch.equal(first.train.images, again.train.images)
    assert torch.equal(first.test.labels, again.test.labels)
    assert not torch.equal(first.train.images, other.train.images)


def test_no_image_is_in_two_splits():
    dataset = Synthetic(num_images=50, held_out=50).load()
    splits = [
        {image.numpy().tobytes() for image in split.images}
        for split in (dataset.train, dataset.validation, dataset.test)
    ]
    assert len(set.union(*splits)) == 150


def test_it_can_be_learnt_and_noise_makes_it_harder():
    accuracies = [nearest_mean_accuracy(Synthetic(image_shape=(1, 8, 8), noise=noise).load()) for noise in (1.0, 8.0)]
    assert accuracies[0] > 0.95
    assert 0.1 < accuracies[1] < 0.8


def test_without_noise_a_class_is_one_image():
    dataset = Synthetic(num_images=30, held_out=10, noise=0.0).load()
    assert len({image.numpy().tobytes() for image in dataset.train.images}) == 10


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"num_classes": 1}, "num_classes must be at least 2, got 1"),
        ({"image_shape": (32, 32)}, r"image_shape must be channels, height and width, got \(32, 32\)"),
        ({"num_images": 9}, "num_images must be at least one image for each of 10 classes, got 9"),
        ({"held_out": 0}, "held_out must be at least one image for each of 10 classes, got 0"),
        ({"noise": -1.0}, "noise must be at least 0, got -1.0"),
    ],
)
def test_refusals(wrong: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        Synthetic(**wrong)
