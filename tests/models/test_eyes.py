"""A teacher sees the student's view in its own numbers and size, and the very same tensor where nothing differs."""

import numpy as np
import pytest
import torch
from PIL import Image

from raykd.models.eyes import Eyes

VIEW = (3, 6, 8)
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
OTHER_MEAN, OTHER_STD = (0.1, 0.2, 0.3), (0.5, 0.4, 0.1)


def pictures(*shape: int, least: int = 0, most: int = 255) -> torch.Tensor:
    """On the scale 0 to 1, in the steps that bytes have."""
    return torch.randint(least, most + 1, (2, *shape), generator=torch.Generator().manual_seed(0)) / 255


def back(images: torch.Tensor) -> torch.Tensor:
    """On the scale 0 to 1 again."""
    return images * torch.tensor(STD)[:, None, None] + torch.tensor(MEAN)[:, None, None]


def normalised(images: torch.Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> torch.Tensor:
    return (images - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]


@pytest.mark.parametrize(
    "eyes", [Eyes(), Eyes(mean=MEAN, std=STD), Eyes(size=(6, 8)), Eyes(mean=MEAN, std=STD, size=(6, 8))]
)
def test_nothing_stands_between_equal_ones(eyes: Eyes):
    assert eyes.of(VIEW, MEAN, STD) is None
    assert eyes.image(VIEW) == VIEW


def test_a_view_is_normalised_as_the_teachers_images_were():
    sight = Eyes(mean=OTHER_MEAN, std=OTHER_STD).of(VIEW, MEAN, STD)
    assert sight is not None
    seen = sight(normalised(pictures(*VIEW), MEAN, STD))
    torch.testing.assert_close(seen, normalised(pictures(*VIEW), OTHER_MEAN, OTHER_STD))


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize("size", [(12, 16), (3, 4), (7, 5)])
def test_a_view_is_resized_as_pillow_does_it(interpolation: str, size: tuple[int, int]):
    """Timm's and torchvision's transforms resize bytes by Pillow: the difference is that of rounding to bytes.

    Where it overshoots Pillow cuts twice, after the rows and after the columns, so these pictures have no extremes.
    """
    height, width = size
    plain = pictures(*VIEW, least=80, most=175)
    sight = Eyes(size=size, interpolation=interpolation).of(VIEW, MEAN, STD)
    assert sight is not None
    seen = back(sight(normalised(plain, MEAN, STD)))
    for picture, image in zip(plain, seen, strict=True):
        whole = Image.fromarray((picture * 255).round().byte().permute(1, 2, 0).numpy())
        resized = whole.resize((width, height), Image.Resampling[interpolation.upper()])
        expected = torch.from_numpy(np.array(resized)).permute(2, 0, 1) / 255
        assert (image - expected).abs().max() < 1.6 / 255


def test_what_overshoots_is_cut_as_bytes_are():
    sight = Eyes(size=(12, 16)).of(VIEW, MEAN, STD)
    assert sight is not None
    steps = (pictures(*VIEW) > 0.5).float()
    seen = back(sight(normalised(steps, MEAN, STD)))
    assert -1e-6 < seen.min() < 1e-6 and 1 - 1e-6 < seen.max() < 1 + 1e-6


def test_grey_views_are_seen_as_pictures_of_colours():
    eyes = Eyes(mean=OTHER_MEAN, std=OTHER_STD)
    assert eyes.image((1, 6, 8)) == (3, 6, 8)
    sight = eyes.of((1, 6, 8), (0.5,), (0.2,))
    assert sight is not None
    seen = sight(normalised(pictures(1, 6, 8), (0.5,), (0.2,)))
    torch.testing.assert_close(seen, normalised(pictures(1, 6, 8).expand(-1, 3, -1, -1), OTHER_MEAN, OTHER_STD))


def test_coloured_views_are_not_seen_in_grey():
    with pytest.raises(ValueError, match="eyes of 1 channels see no views of 3"):
        Eyes(mean=(0.5,), std=(0.2,)).image(VIEW)


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"mean": MEAN}, "mean and std need equally many channels"),
        ({"mean": MEAN, "std": (0.1,)}, "mean and std need equally many channels"),
        ({"mean": (0.5,), "std": (0.0,)}, "std above 0"),
        ({"mean": (float("nan"),), "std": (1.0,)}, "mean must be finite"),
        ({"size": (0, 4)}, "size must be at least 1 pixel a side"),
        ({"interpolation": "cubic"}, "unknown interpolation 'cubic'; choices: bicubic, bilinear"),
    ],
)
def test_impossible_eyes(values: dict, rule: str):
    with pytest.raises(ValueError, match=rule):
        Eyes(**values)
