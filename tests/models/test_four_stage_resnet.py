"""The ResNets of four stages have the names, the sizes and the form that published checkpoints need."""

from typing import Any, cast

import pytest
import torch
from torch.nn import functional as F

from networks import Listing, assert_close, convolution, count, features, linear, norm, parameters, perturb
from raykd.models import four_stage_resnet
from raykd.models.four_stage_resnet import BasicBlock, Bottleneck, FourStageResNet
from raykd.models.staged import feature_shapes

# Parameters for 100 classes, counted from the definition in RepDistiller and mdistiller (models/resnetv2.py).
COUNTS = {18: 11_220_132, 34: 21_328_292, 50: 23_705_252, 101: 42_697_380, 152: 58_341_028}
BLOCKS = {18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3], 101: [3, 4, 23, 3], 152: [3, 8, 36, 3]}


@pytest.mark.parametrize("depth", COUNTS)
def test_parameters_are_those_of_published_checkpoints(depth: int):
    with torch.device("meta"):  # shapes alone, without the numbers
        network = getattr(four_stage_resnet, f"resnet{depth}")()
    assert parameters(network) == _listing(depth)
    assert count(parameters(network)) == COUNTS[depth]


def test_features_are_the_papers_formulas():
    got, network, images = features(perturb(four_stage_resnet.resnet18()), 3, 8, 8)
    first = network.layer1(F.relu(network.bn1(network.conv1(images))))
    second = network.layer2(first)
    third = network.layer3(second)
    assert_close(got, [first, second, third, network.layer4(third)])
    assert all(feature.min() == 0 for feature in got)


def test_the_teacher_of_half_the_pairs_across_families():
    with torch.device("meta"):
        shapes = feature_shapes(four_stage_resnet.resnet50(), (3, 32, 32))
    assert shapes == ((256, 32, 32), (512, 16, 16), (1024, 8, 8), (2048, 4, 4))


@pytest.mark.parametrize(("before", "stride"), [(8, 1), (8, 2), (4, 1)])
def test_blocks_are_the_papers_formulas(before: int, stride: int):
    hidden = torch.randn(2, before, 8, 8)
    basic = BasicBlock(before, 8, stride).eval()
    inner = F.relu(basic.bn1(F.conv2d(hidden, basic.conv1.weight, stride=stride, padding=1)))
    inner = basic.bn2(F.conv2d(inner, basic.conv2.weight, padding=1))
    torch.testing.assert_close(basic(hidden), F.relu(inner + _shortcut(basic, hidden, stride)))

    bottleneck = Bottleneck(before, 8, stride).eval()
    inner = F.relu(bottleneck.bn1(F.conv2d(hidden, bottleneck.conv1.weight)))
    inner = F.relu(bottleneck.bn2(F.conv2d(inner, bottleneck.conv2.weight, stride=stride, padding=1)))
    inner = bottleneck.bn3(F.conv2d(inner, bottleneck.conv3.weight))
    torch.testing.assert_close(bottleneck(hidden), F.relu(inner + _shortcut(bottleneck, hidden, stride)))


def test_other_numbers_of_channels():
    assert FourStageResNet(depth=18).build(7, (1, 5, 9))(torch.randn(3, 1, 5, 9)).logits.shape == (3, 7)


def test_impossible_depth():
    with pytest.raises(ValueError, match="unknown depth 20; choices: 18, 34, 50, 101, 152"):
        FourStageResNet(depth=20)


def _shortcut(block: BasicBlock | Bottleneck, hidden: torch.Tensor, stride: int) -> torch.Tensor:
    if (hidden.shape[1], stride) == (8, 1):
        return hidden
    projection, projected_norm = cast(Any, block.shortcut)
    return projected_norm(F.conv2d(hidden, projection.weight, stride=stride))


def _listing(depth: int) -> Listing:
    listing = convolution("conv1", 3, 64, 3) | norm("bn1", 64)
    before, expansion = 64, 1 if depth < 50 else 4
    for layer, (width, num_blocks) in enumerate(zip((64, 128, 256, 512), BLOCKS[depth], strict=True), start=1):
        for index in range(num_blocks):
            name = f"layer{layer}.{index}"
            sizes = [(before, width, 3), (width, width, 3)]
            if expansion == 4:
                sizes = [(before, width, 1), (width, width, 3), (width, 4 * width, 1)]
            for number, (narrow, wide, size) in enumerate(sizes, start=1):
                listing |= convolution(f"{name}.conv{number}", narrow, wide, size) | norm(f"{name}.bn{number}", wide)
            after = expansion * width
            if before != after or (index == 0 and layer > 1):
                listing |= convolution(f"{name}.shortcut.0", before, after, 1) | norm(f"{name}.shortcut.1", after)
            before = after
    return listing | linear("linear", before, 100)
