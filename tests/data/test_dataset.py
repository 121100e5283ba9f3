"""Splits are disjoint, and the view of an image depends on (seed, epoch, index) alone."""

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from raykd.data import Augmentation, Split, channel_statistics, cut
from raykd.data.dataset import Dataset, load
from raykd.data.digits import Digits
from raykd.data.views.resized_crop import ResizedCrop
from raykd.ops.rng import integers

CPU = torch.device("cpu")


def split(num_images: int, channels: int = 2, height: int = 5, width: int = 7) -> Split:
    stream = torch.Generator().manual_seed(num_images)
    pixels = torch.randint(0, 256, (num_images, channels, height, width), generator=stream)
    return Split(pixels.to(torch.uint8), torch.arange(num_images) % 3)


def dataset(**changes: Any) -> Dataset:
    train = split(23)
    mean, std = channel_statistics(train.images)
    fields = {
        "train": train,
        "validation": split(9),
        "test": split(4),
        "num_classes": 3,
        "mean": mean,
        "std": std,
        "augmentation": Augmentation(padding=2, flip=True),
        "seed": 5,
    }
    return Dataset(**(fields | changes))


def views_of(batches) -> dict[int, Tensor]:
    return {int(index): view for batch in batches for index, view in zip(batch.indices, batch.images, strict=True)}


def crop_literally(image: Tensor, padding: int, top: int, left: int) -> Tensor:
    """The crop of one image whose corner is at (top, left) of the zero-padded image, pixel by pixel."""
    channels, height, width = image.shape
    cropped = torch.zeros_like(image)
    for channel in range(channels):
        for row in range(height):
            for column in range(width):
                y, x = row + top - padding, column + left - padding
                if 0 <= y < height and 0 <= x < width:
                    cropped[channel, row, column] = image[channel, y, x]
    return cropped


def test_crop_equals_a_loop_over_pixels():
    images, indices = split(6).images.float(), torch.tensor([4, 0, 9, 2, 7, 1])
    views = Augmentation(padding=2).view(images, indices, epoch=3, seed=8)
    top, left = (integers(indices, 5, name, 8, 3).tolist() for name in ("crop top", "crop left"))
    assert len({*top, *left}) > 2
    for number, view in enumerate(views):
        assert torch.equal(view, crop_literally(images[number], 2, top[number], left[number]))


def test_reflected_borders_bring_no_new_values():
    images = split(6).images.float() + 1
    views = Augmentation(padding=2, mode="reflect").view(images, torch.arange(6), epoch=0, seed=0)
    assert views.min() >= 1
    assert bool((Augmentation(padding=2).view(images, torch.arange(6), epoch=0, seed=0) == 0).any())


def test_flip_mirrors_half_of_the_images():
    images = torch.arange(1000.0).reshape(1000, 1, 1, 1) + torch.tensor([0.0, 0.25, 0.5])
    views = Augmentation(flip=True).view(images, torch.arange(1000), epoch=0, seed=0)
    mirrored = (views == images.flip(-1)).all(dim=(1, 2, 3))
    assert torch.equal(views[~mirrored], images[~mirrored])
    assert 450 < int(mirrored.sum()) < 550


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("given", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("resized", [None, ResizedCrop()])
@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("padding", [0, 2])
def test_views_are_contiguous(
    padding: int, flip: bool, resized: ResizedCrop | None, given: torch.memory_format, channels: int
):
    images = split(6, channels).images.float().contiguous(memory_format=given)
    augmentation = Augmentation(padding=padding, flip=flip, resized=resized)
    assert augmentation.view(images, torch.arange(6), epoch=0, seed=0).is_contiguous()


@pytest.mark.parametrize("resized", [None, ResizedCrop()])
@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("padding", [0, 2])
def test_what_is_drawn_for_an_epoch_at_once_is_what_is_drawn_for_a_batch(
    padding: int, flip: bool, resized: ResizedCrop | None
):
    data = dataset(augmentation=Augmentation(padding=padding, flip=flip, resized=resized))
    for batch in data.batches(epoch=3, seed=1, batch_size=4):
        images = data.train.images[batch.indices].float()
        views = data.augmentation.view(images, batch.indices, epoch=3, seed=5)
        assert torch.equal(batch.images, data.normalise(views))


def test_training_can_use_what_evaluation_normalised_by():
    data = dataset(mean=(0.25, 0.75), std=(0.3, 0.7))
    with torch.inference_mode():
        data.normalise(data.train.images)
    weight = torch.ones(2, 1, 1, requires_grad=True)
    (data.normalise(data.train.images) * weight).sum().backward()
    assert weight.grad is not None


def test_no_augmentation_leaves_images_as_they_are():
    images = split(3).images.float()
    assert torch.equal(Augmentation().view(images, torch.arange(3), epoch=0, seed=0), images)


def test_every_corner_is_drawn_equally_often():
    image = torch.zeros(1, 1, 3, 3)
    image[0, 0, 1, 1] = 1.0
    views = Augmentation(padding=1).view(image.expand(9000, 1, 3, 3), torch.arange(9000), epoch=0, seed=0)
    counts = views.sum(dim=(0, 1))
    assert counts.sum() == 9000  # the middle pixel stays inside for every crop
    assert bool(((counts - 1000).abs() < 120).all())


@pytest.mark.parametrize("change", [{"epoch": 1}, {"seed": 1}])
def test_views_change_with_epoch_and_seed(change: dict[str, int]):
    images, indices = split(20).images.float(), torch.arange(20)
    augmentation = Augmentation(padding=2, flip=True)
    first = augmentation.view(images, indices, epoch=0, seed=0)
    assert torch.equal(first, augmentation.view(images, indices, epoch=0, seed=0))
    assert not torch.equal(first, augmentation.view(images, indices, **({"epoch": 0, "seed": 0} | change)))


@given(
    order_seed=st.integers(0, 99),
    batch_and_size=st.sampled_from([(1, 1), (4, 1), (4, 2), (6, 3), (8, 4), (23, 1)]),
)
def test_views_do_not_depend_on_order_batch_or_rank(order_seed: int, batch_and_size: tuple[int, int]):
    batch_size, size = batch_and_size
    data = dataset()
    reference = views_of(data.batches(2, 0, 1))
    assert len(reference) == len(data.train)
    for rank in range(size):
        for index, view in views_of(data.batches(2, order_seed, batch_size, rank, size)).items():
            assert torch.equal(view, reference[index])


@pytest.mark.parametrize(("batch_size", "size"), [(6, 2), (6, 3), (8, 4)])
def test_ranks_share_out_the_batches_of_one_process(batch_size: int, size: int):
    data = dataset()
    whole = list(data.batches(1, 3, batch_size))
    assert len(whole) == len(data.train) // batch_size
    ranks = [list(data.batches(1, 3, batch_size, rank, size)) for rank in range(size)]
    for number, batch in enumerate(whole):
        shares = [batches[number] for batches in ranks]
        assert {len(share.indices) for share in shares} == {batch_size // size}
        assert sorted(torch.cat([share.indices for share in shares]).tolist()) == sorted(batch.indices.tolist())
        for share in shares:
            assert torch.equal(share.targets, data.train.labels[share.indices])


def test_an_epoch_is_a_permutation_by_seed_and_epoch():
    data = dataset()
    orders = {}
    for key in ((0, 0), (1, 0), (0, 1)):
        orders[key] = torch.cat([batch.indices for batch in data.batches(*key, 4)]).tolist()
        assert len(orders[key]) == len(set(orders[key])) == 20
        assert orders[key] == torch.cat([batch.indices for batch in data.batches(*key, 4)]).tolist()
    assert len({tuple(order) for order in orders.values()}) == 3


@pytest.mark.parametrize("size", [1, 2, 3, 8])
@pytest.mark.parametrize("batch_size", [4, 8, 9, 512])
def test_plain_covers_a_split_once_whatever_the_ranks(batch_size: int, size: int):
    data = dataset()
    seen = [batch for rank in range(size) for batch in data.plain(data.validation, batch_size, rank, size)]
    indices = torch.cat([batch.indices for batch in seen])
    assert sorted(indices.tolist()) == list(range(9))
    images = torch.cat([batch.images for batch in seen])
    assert torch.equal(images, data.normalise(data.validation.images)[indices])
    assert torch.equal(torch.cat([batch.targets for batch in seen]), data.validation.labels[indices])


def test_every_rank_sees_equally_many_plain_batches():
    data = dataset()
    assert {len(list(data.plain(data.validation, 8, rank, 4))) for rank in range(4)} == {2}


def test_plain_views_are_in_order():
    data = dataset()
    assert torch.cat([batch.indices for batch in data.plain(data.test, 3)]).tolist() == [0, 1, 2, 3]


def test_normalised_training_pixels_have_mean_0_and_deviation_1():
    data = dataset()
    images = data.normalise(data.train.images)
    torch.testing.assert_close(images.mean(dim=(0, 2, 3)), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(images.std(dim=(0, 2, 3)), torch.ones(2), atol=1e-5, rtol=0)


def test_the_padding_is_black():
    data = dataset(augmentation=Augmentation(padding=7))
    black = data.normalise(torch.zeros(1, 2, 5, 7, dtype=torch.uint8))[0, :, 0, 0]
    views = torch.stack(list(views_of(data.batches(0, 0, 23)).values()))
    assert bool((views >= black[:, None, None]).all())
    outside = views == black[:, None, None]
    assert outside.float().mean() > 0.3


@given(num_images=st.integers(2, 60), seed=st.integers(0, 1000), data=st.data())
def test_cut_gives_two_disjoint_halves_that_cover_the_set(num_images: int, seed: int, data: st.DataObject):
    held_out = data.draw(st.integers(1, num_images - 1))
    labels = torch.arange(num_images)
    images = labels.to(torch.uint8).reshape(-1, 1, 1, 1)
    rest, taken = cut(images, labels, held_out, seed)
    assert len(taken) == held_out
    assert sorted(rest.labels.tolist() + taken.labels.tolist()) == labels.tolist()
    assert rest.labels.tolist() == sorted(rest.labels.tolist())
    assert torch.equal(rest.images.flatten().long(), rest.labels)
    assert torch.equal(taken.images.flatten().long(), taken.labels)


def test_cut_follows_its_seed():
    whole = split(40)
    first, again, other = (cut(whole.images, torch.arange(40), 10, seed)[1].labels.tolist() for seed in (0, 0, 1))
    assert first == again != other


@pytest.mark.parametrize("held_out", [0, 23, 24, -1])
def test_cut_leaves_something_on_both_sides(held_out: int):
    whole = split(23)
    with pytest.raises(ValueError, match=f"can hold out 1 to 22 of 23 images, got {held_out}"):
        cut(whole.images, whole.labels, held_out, 0)


def test_channel_statistics_do_not_depend_on_the_number_of_threads():
    """The keys of artefacts contain them: a report, with two, must find what a worker, with one, has made."""
    images, before = load(Digits(), torch.device("cpu")).train.images, torch.get_num_threads()
    found = set()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.add(channel_statistics(images))
    finally:
        torch.set_num_threads(before)
    ((mean, std),) = found
    assert mean[0] == pytest.approx(images.double().mean().item() / 255.0, rel=1e-12)
    assert std[0] == pytest.approx(images.double().std().item() / 255.0, rel=1e-9)


def test_channel_statistics_are_per_channel_on_the_scale_0_to_1():
    images = torch.tensor([[0, 255], [51, 102]], dtype=torch.uint8).reshape(1, 2, 1, 2)
    mean, std = channel_statistics(images)
    assert mean == pytest.approx((0.5, 0.3))
    assert std == pytest.approx((0.5**0.5, 0.02**0.5))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"padding": -1}, "padding must be at least 0 pixels, got -1"), ({"mode": "wrap"}, "choices: zeros, reflect")],
)
def test_augmentation_refuses(wrong: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        Augmentation(**wrong)


@dataclass(frozen=True, kw_only=True)
class Tiny:
    name: ClassVar[str] = "tiny"
    num_images: int = 23

    def load(self) -> Dataset:
        return dataset(train=split(self.num_images))


def test_load_brings_the_digest_of_the_training_split_and_loads_once():
    first = load(Tiny(), CPU)
    assert load(Tiny(), CPU) is first
    assert len(first.digest) == 64
    assert load(Tiny(num_images=22), CPU).digest != first.digest


def test_shape_and_device():
    data = dataset()
    assert data.image_shape == (2, 5, 7)
    assert data.device == CPU
    assert data.to(CPU).augmentation == data.augmentation


def test_a_name_for_each_class_or_none():
    assert dataset().classes == ()
    assert dataset(classes=("cat", "dog", "fox")).to(CPU).classes == ("cat", "dog", "fox")
    with pytest.raises(ValueError, match="classes must be a name for each of 3, got 2 names"):
        dataset(classes=("cat", "dog"))
