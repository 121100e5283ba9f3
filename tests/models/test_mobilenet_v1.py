"""MobileNetV1 has the names, the sizes and the form that published checkpoints need."""

import pytest
import torch
from torch.nn import functional as F

from networks import Listing, assert_close, convolution, count, features, linear, norm, parameters, perturb
from raykd.models.mobilenet_v1 import MobileNetV1

IMAGENET = (3, 224, 224)
# arXiv 1704.04861, tables 4 and 6: millions of parameters for 1000 classes, to the digits they print
MILLIONS = {1.0: 4.2, 0.75: 2.6, 0.5: 1.3, 0.25: 0.5}
# mdistiller's `conv_dw` calls: channels and stride
PAIRS = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]


@pytest.mark.parametrize("width", MILLIONS)
def test_parameters_are_those_of_the_paper(width: float):
    network = parameters(MobileNetV1(width=width).build(1000, IMAGENET))
    assert round(count(network) / 1e6, 1) == MILLIONS[width]


def test_parameters_are_those_of_published_checkpoints():
    network = parameters(MobileNetV1().build(1000, IMAGENET))
    assert network == _listing()
    assert count(network) == 4_231_976


def test_features_are_the_papers_formulas():
    got, network, images = features(perturb(MobileNetV1(width=0.25).build(5, IMAGENET)), 3, 64, 64)
    first, norm1, _ = network.model[0]
    hidden = F.relu(norm1(F.conv2d(images, first.weight, stride=2, padding=1)))
    outputs = []
    for pair, (_, stride) in zip(network.model[1:14], PAIRS, strict=True):
        depthwise, norm1, _, pointwise, norm2, _ = pair
        hidden = F.conv2d(hidden, depthwise.weight, stride=stride, padding=1, groups=hidden.shape[1])
        hidden = F.relu(norm2(F.conv2d(F.relu(norm1(hidden)), pointwise.weight)))
        outputs.append(hidden)
    assert_close(got, [outputs[2], outputs[4], outputs[10], outputs[12]])
    assert [tuple(feature.shape[1:]) for feature in got] == [(32, 16, 16), (64, 8, 8), (128, 4, 4), (256, 2, 2)]
    torch.testing.assert_close(network(images), network.fc(outputs[-1].mean(dim=(2, 3))), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("image", [(1, 28, 28), (2, 1, 1)])
def test_any_size_and_number_of_channels(image: tuple[int, int, int]):
    assert MobileNetV1(width=0.25).build(7, image)(torch.randn(3, *image)).logits.shape == (3, 7)


def test_no_channel_left():
    with pytest.raises(ValueError, match=r"width must leave the first convolution \(32\) a channel, got 0\.02"):
        MobileNetV1(width=0.02)


def _listing() -> Listing:
    before = 32
    listing = convolution("model.0.0", 3, before, 3) | norm("model.0.1", before)
    for index, (width, _) in enumerate(PAIRS, start=1):
        listing |= {
            **convolution(f"model.{index}.0", before, before, 3, groups=before),
            **norm(f"model.{index}.1", before),
            **convolution(f"model.{index}.3", before, width, 1),
            **norm(f"model.{index}.4", width),
        }
        before = width
    return listing | linear("fc", 1024, 1000)
