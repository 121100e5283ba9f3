"""Random resized crops are torchvision's, made of (seed, epoch, index) alone."""

import math
from typing import Any

import pytest
import torch
from torchvision.transforms import RandomResizedCrop
from torchvision.transforms.v2 import functional as transforms

from raykd.data import Augmentation, ResizedCrop
from raykd.data.views.resized_crop import crop_and_resize


def sizes(count: int, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.full((count,), height), torch.full((count,), width)


def boxes(crop: ResizedCrop, count: int, height: int, width: int, epoch: int = 0) -> torch.Tensor:
    return crop.boxes(crop.draws(torch.arange(count), epoch, seed=0), *sizes(count, height, width))


def images(count: int = 5, height: int = 12, width: int = 15) -> torch.Tensor:
    return torch.rand(count, 2, height, width, generator=torch.Generator().manual_seed(0)) * 255


def box_literally(draws: list[float], height: int, width: int, crop: ResizedCrop) -> tuple[int, ...]:
    """One image's box, try by try."""
    low, high = crop.scale
    for attempt in range(10):
        area = height * width * (low + (high - low) * draws[attempt])
        begin, end = math.log(crop.ratio[0]), math.log(crop.ratio[1])
        ratio = math.exp(begin + (end - begin) * draws[10 + attempt])
        new_height, new_width = round(math.sqrt(area / ratio)), round(math.sqrt(area * ratio))
        if 0 < new_height <= height and 0 < new_width <= width:
            top, left = int(draws[20] * (height - new_height + 1)), int(draws[21] * (width - new_width + 1))
            return top, left, new_height, new_width
    new_height, new_width = height, width
    if width / height < crop.ratio[0]:
        new_height = round(width / crop.ratio[0])
    elif width / height > crop.ratio[1]:
        new_width = round(height * crop.ratio[1])
    return (height - new_height) // 2, (width - new_width) // 2, new_height, new_width


@pytest.mark.parametrize(("height", "width"), [(20, 30), (64, 64), (200, 9), (5, 100)])
@pytest.mark.parametrize("crop", [ResizedCrop(), ResizedCrop(scale=(0.9, 1.0), ratio=(0.5, 0.9))])
def test_boxes_equal_a_loop_over_tries(height: int, width: int, crop: ResizedCrop):
    draws = crop.draws(torch.arange(100), 3, seed=4)
    found = crop.boxes(draws, *sizes(100, height, width))
    expected = [box_literally(draws[index].tolist(), height, width, crop) for index in range(100)]
    assert found.tolist() == [list(box) for box in expected]


def test_boxes_differ_from_image_to_image():
    assert len({tuple(box) for box in boxes(ResizedCrop(), 100, 64, 64).tolist()}) > 90


def test_boxes_of_batches_and_of_one_image_are_equal():
    crop, indices = ResizedCrop(), torch.tensor([5, 2, 9])
    together = crop.boxes(crop.draws(indices, 1, seed=2), *sizes(3, 40, 50))
    for number, index in enumerate(indices):
        alone = crop.boxes(crop.draws(index[None], 1, seed=2), *sizes(1, 40, 50))
        assert torch.equal(alone[0], together[number])


def test_every_epoch_and_seed_draws_anew():
    crop, indices = ResizedCrop(), torch.arange(4)
    draws = [crop.draws(indices, epoch, seed) for epoch, seed in ((0, 0), (1, 0), (0, 1))]
    assert len({value.numpy().tobytes() for value in draws}) == 3
    assert torch.equal(draws[0], crop.draws(indices, 0, 0))


def test_boxes_are_spread_as_torchvisions():
    found = boxes(ResizedCrop(), 4000, 100, 150).double()
    torch.manual_seed(0)
    image = torch.empty(3, 100, 150)
    theirs = [RandomResizedCrop.get_params(image, [0.08, 1.0], [3 / 4, 4 / 3]) for _ in range(4000)]
    reference = torch.tensor(theirs, dtype=torch.float64)
    spread = reference.std(dim=0) / 4000**0.5  # of a mean
    assert bool(((found.mean(dim=0) - reference.mean(dim=0)).abs() < 5 * spread).all())
    torch.testing.assert_close(found.std(dim=0), reference.std(dim=0), rtol=0.06, atol=0)


@pytest.mark.parametrize("size", [(12, 15), (7, 9), (30, 24)])
def test_a_part_is_resized_as_by_torchvision(size: tuple[int, int]):
    parts = torch.tensor([[0, 0, 12, 15], [3, 4, 5, 6], [11, 0, 1, 15], [0, 7, 12, 1], [2, 2, 9, 11]])
    found = crop_and_resize(images(), parts, size)
    for image, part, view in zip(images(), parts.tolist(), found, strict=True):
        expected = transforms.resized_crop(image, *part, size=list(size), antialias=True)
        torch.testing.assert_close(view, expected, rtol=1e-5, atol=1e-3)


def test_the_whole_image_in_its_own_size_stays_as_it_is():
    torch.testing.assert_close(crop_and_resize(images(), torch.tensor([[0, 0, 12, 15]] * 5), (12, 15)), images())


def test_augmentation_makes_views_of_the_images_own_size():
    augmentation, indices = Augmentation(resized=ResizedCrop()), torch.arange(5)
    views = augmentation.view(images(), indices, 2, 7)
    parts = ResizedCrop().boxes(ResizedCrop().draws(indices, 2, 7), *sizes(5, 12, 15))
    assert torch.equal(views, crop_and_resize(images(), parts, (12, 15)))
    assert not torch.allclose(views, images())
    mirrored = Augmentation(resized=ResizedCrop(), flip=True).view(images(), indices, 2, 7)
    same = [torch.equal(view, plain) for view, plain in zip(mirrored, views, strict=True)]
    turned = [torch.equal(view, plain.flip(-1)) for view, plain in zip(mirrored, views, strict=True)]
    assert [one != other for one, other in zip(same, turned, strict=True)] == [True] * 5
    assert any(turned)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"scale": (0.0, 1.0)}, r"scale must be two shares in \(0, 1\], the smaller first, got \(0.0, 1.0\)"),
        ({"scale": (0.5, 1.5)}, "scale must be two shares"),
        ({"scale": (0.5, 0.2)}, "scale must be two shares"),
        ({"ratio": (0.0, 1.0)}, r"ratio must be two numbers above 0, the smaller first, got \(0.0, 1.0\)"),
        ({"ratio": (2.0, 1.0)}, "ratio must be two numbers above 0"),
    ],
)
def test_refusals(wrong: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        ResizedCrop(**wrong)
