"""The ShuffleNet for small images has the names, the sizes and the form that published checkpoints need."""

import pytest
import torch
from torch.nn import functional as F

from networks import Listing, assert_close, convolution, count, features, linear, norm, parameters, perturb
from raykd.models import shufflenet_v1
from raykd.models.shufflenet_v1 import Bottleneck, ShuffleNetV1, shuffle
from raykd.models.staged import feature_shapes


def test_parameters_are_those_of_published_checkpoints():
    network = shufflenet_v1.shuffle_v1()
    assert parameters(network) == _listing()
    # for 100 classes, counted from the definition in RepDistiller and mdistiller (models/ShuffleNetv1.py)
    assert count(parameters(network)) == 949_258


def test_features_are_the_papers_formulas():
    got, network, images = features(perturb(shufflenet_v1.shuffle_v1()), 3, 16, 16)
    first = network.layer1(F.relu(network.bn1(network.conv1(images))))
    second = network.layer2(first)
    assert_close(got, [first, second, network.layer3(second)])
    assert all(feature.min() == 0 for feature in got)
    assert feature_shapes(shufflenet_v1.shuffle_v1(), (3, 32, 32)) == ((240, 16, 16), (480, 8, 8), (960, 4, 4))


def test_shuffle_deals_the_channels_out():
    channels = torch.arange(6.0)[None, :, None, None]
    assert shuffle(channels, groups=3).flatten().tolist() == [0, 2, 4, 1, 3, 5]
    assert shuffle(channels, groups=1).flatten().tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("stride", [1, 2])
def test_block_is_the_papers_formula(stride: int):
    block = Bottleneck(24, 24, stride, groups=3, first_groups=3).eval()
    hidden = torch.randn(2, 24, 8, 8)
    inner = F.relu(block.bn1(F.conv2d(hidden, block.conv1.weight, groups=3)))
    inner = inner[:, [0, 2, 4, 1, 3, 5]]
    inner = F.relu(block.bn2(F.conv2d(inner, block.conv2.weight, stride=stride, padding=1, groups=6)))
    inner = block.bn3(F.conv2d(inner, block.conv3.weight, groups=3))
    if stride == 2:
        pooled = F.avg_pool2d(hidden, 3, stride=2, padding=1)
        torch.testing.assert_close(block(hidden), F.relu(torch.cat([inner, pooled], dim=1)))
    else:
        torch.testing.assert_close(block(hidden), F.relu(inner + hidden))


@pytest.mark.parametrize("image", [(1, 28, 28), (2, 1, 1)])
def test_any_size_and_number_of_channels(image: tuple[int, int, int]):
    network = ShuffleNetV1(groups=1, widths=(28, 56, 84), blocks=(1, 1, 1)).build(7, image)
    assert network(torch.randn(3, *image)).logits.shape == (3, 7)


@pytest.mark.parametrize("widths", [(240, 480), (240, 482, 960), (240, 240, 480), (12, 240, 480)])
def test_impossible_widths(widths: tuple[int, ...]):
    with pytest.raises(ValueError, match=r"widths must be 3 rising numbers of channels; .* \(12\), got"):
        ShuffleNetV1(widths=widths)


def test_impossible_groups_and_blocks():
    with pytest.raises(ValueError, match="groups must be at least 1, got 0"):
        ShuffleNetV1(groups=0)
    with pytest.raises(ValueError, match="blocks must be 3 numbers of at least 1"):
        ShuffleNetV1(blocks=(4, 0, 4))


def _listing() -> Listing:
    listing = convolution("conv1", 3, 24, 1) | norm("bn1", 24)
    before = 24
    for layer, (width, num_blocks) in enumerate([(240, 4), (480, 8), (960, 4)], start=1):
        for index in range(num_blocks):
            name = f"layer{layer}.{index}"
            after = width - before if index == 0 else width
            inner = after // 4
            listing |= {
                **convolution(f"{name}.conv1", before, inner, 1, groups=1 if before == 24 else 3),
                **norm(f"{name}.bn1", inner),
                **convolution(f"{name}.conv2", inner, inner, 3, groups=inner),
                **norm(f"{name}.bn2", inner),
                **convolution(f"{name}.conv3", inner, after, 1, groups=3),
                **norm(f"{name}.bn3", after),
            }
            before = width
    return listing | linear("linear", 960, 100)
