"""scikit-learn's digits come in three disjoint splits, and the test split never changes."""

import pytest
import torch
from sklearn.datasets import load_digits

from raykd.data import Augmentation
from raykd.data.dataset import Dataset
from raykd.data.digits import NUM_IMAGES, Digits


def rows(dataset: Dataset, name: str) -> list[bytes]:
    """Each image of a split as bytes with its label."""
    split = getattr(dataset, name)
    return [image.numpy().tobytes() + bytes([label]) for image, label in zip(split.images, split.labels, strict=True)]


def test_sizes_and_shape():
    dataset = Digits().load()
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [897, 450, 450]
    assert dataset.image_shape == (1, 8, 8)
    assert dataset.num_classes == 10
    assert dataset.classes == tuple("0123456789")
    assert dataset.train.images.dtype == torch.uint8
    assert dataset.train.images.max() == 240


def test_the_three_splits_are_the_whole_set_and_share_no_image():
    dataset = Digits().load()
    pixels, labels = load_digits(return_X_y=True)
    source = sorted(
        bytes((15 * image).astype("uint8")) + bytes([label]) for image, label in zip(pixels, labels, strict=True)
    )
    names = ("train", "validation", "test")
    assert sorted(row for name in names for row in rows(dataset, name)) == source
    assert len(source) == NUM_IMAGES
    assert len(set(source)) == NUM_IMAGES  # no image twice, so that equal rows would be a leak


def test_the_test_split_is_the_same_for_every_seed_and_size():
    datasets = [Digits().load(), Digits(seed=1).load(), Digits(validation=100).load()]
    tests = [rows(dataset, "test") for dataset in datasets]
    assert tests[0] == tests[1] == tests[2]


def test_the_seed_chooses_the_validation_split():
    first, again, other = (rows(Digits(seed=seed).load(), "validation") for seed in (0, 0, 1))
    assert first == again
    assert set(first) != set(other)


def test_every_class_is_in_every_split():
    dataset = Digits().load()
    for split in (dataset.train, dataset.validation, dataset.test):
        assert int(split.labels.bincount(minlength=10).min()) >= 0.06 * len(split)


def test_training_pixels_are_normalised():
    dataset = Digits().load()
    images = dataset.normalise(dataset.train.images)
    assert images.mean().item() == pytest.approx(0, abs=1e-5)
    assert images.std().item() == pytest.approx(1, abs=1e-5)


def test_augmentation_shifts_and_never_mirrors():
    assert Digits().augmentation == Augmentation(padding=1, flip=False)
    assert Digits(augmentation=Augmentation()).load().augmentation == Augmentation()


@pytest.mark.parametrize("validation", [0, -1, 1347, 5000])
def test_impossible_validation(validation: int):
    with pytest.raises(ValueError, match=f"validation must be 1 to 1346 images, got {validation}"):
        Digits(validation=validation)
