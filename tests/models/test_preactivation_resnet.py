"""The information-flow paper's teacher has the names, the sizes and the form of the released code."""

import pytest
import torch
from torch.nn import functional as F

from networks import Listing, assert_close, convolution, count, features, linear, norm, parameters, perturb
from raykd.models.preactivation_resnet import PreactivationBlock, PreactivationResNet, resnet18
from raykd.models.staged import feature_shapes


def test_parameters_are_those_of_the_released_code():
    network = resnet18()
    assert parameters(network) == _listing()
    assert count(parameters(network)) == 11_171_274  # for 10 classes, counted from the release's models/resnet.py


def test_features_are_the_papers_formulas():
    got, network, images = features(perturb(resnet18()), 3, 8, 8)
    first = network.layer1(F.relu(network.bn1(network.conv1(images))))
    second = network.layer2(first)
    third = network.layer3(second)
    assert_close(got, [first, second, third, network.layer4(third)])
    with torch.device("meta"):
        shapes = feature_shapes(resnet18(), (3, 32, 32))
    assert shapes == ((64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4))


@pytest.mark.parametrize(("before", "stride"), [(6, 1), (6, 2), (4, 1)])
def test_block_is_the_released_codes_formula(before: int, stride: int):
    block = PreactivationBlock(before, 6, stride).eval()
    hidden = torch.randn(2, before, 8, 8)
    shortcut = activated = F.relu(block.bn1(hidden))
    if (before, stride) != (6, 1):
        shortcut = F.conv2d(activated, block.get_parameter("shortcut.0.weight"), stride=stride)
    residual = F.conv2d(activated, block.conv1.weight, stride=stride, padding=1)
    residual = F.conv2d(F.relu(block.bn2(residual)), block.conv2.weight, padding=1)
    torch.testing.assert_close(block(hidden), residual + shortcut)


def test_impossible_depth():
    with pytest.raises(ValueError, match="unknown depth 50; choices: 18, 34"):
        PreactivationResNet(depth=50)


def _listing() -> Listing:
    listing = convolution("conv1", 3, 64, 3) | norm("bn1", 64)
    before = 64
    for layer, width in enumerate((64, 128, 256, 512), start=1):
        for index in range(2):
            name = f"layer{layer}.{index}"
            listing |= {
                **norm(f"{name}.bn1", before),
                **convolution(f"{name}.conv1", before, width, 3),
                **norm(f"{name}.bn2", width),
                **convolution(f"{name}.conv2", width, width, 3),
            }
            if before != width:
                listing |= convolution(f"{name}.shortcut.0", before, width, 1)
            before = width
    return listing | linear("linear", 512, 10)
