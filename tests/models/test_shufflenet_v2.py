"""The ShuffleNetV2 for small images has the names, the sizes and the form that published checkpoints need."""

import pytest
import torch
from torch.nn import functional as F

from networks import Listing, assert_close, convolution, count, features, linear, norm, parameters, perturb
from raykd.models import shufflenet_v2
from raykd.models.shufflenet_v2 import BasicBlock, DownBlock, ShuffleNetV2
from raykd.models.staged import feature_shapes

# Parameters for 100 classes, counted from the definition in RepDistiller and mdistiller (models/ShuffleNetv2.py).
COUNTS = {1.0: 1_355_528, 1.5: 2_580_548}
WIDTHS = {1.0: (116, 232, 464, 1024), 1.5: (176, 352, 704, 1024)}


@pytest.mark.parametrize("width", COUNTS)
def test_parameters_are_those_of_published_checkpoints(width: float):
    network = shufflenet_v2.shuffle_v2() if width == 1.0 else shufflenet_v2.shuffle_v2_1_5()
    assert parameters(network) == _listing(WIDTHS[width])
    assert count(parameters(network)) == COUNTS[width]


def test_features_are_the_papers_formulas():
    got, network, images = features(perturb(shufflenet_v2.shuffle_v2()), 3, 16, 16)
    first = network.layer1(F.relu(network.bn1(network.conv1(images))))
    second = network.layer2(first)
    last = F.relu(network.bn2(network.conv2(network.layer3(second))))
    assert_close(got, [first, second, last])
    assert feature_shapes(shufflenet_v2.shuffle_v2(), (3, 32, 32)) == ((116, 16, 16), (232, 8, 8), (1024, 4, 4))


def test_the_last_stage_may_end_with_its_last_block():
    early, late = (ShuffleNetV2(width=0.2, to_pooling=to_pooling).build(5, (3, 8, 8)) for to_pooling in (False, True))
    late.load_state_dict(perturb(early).state_dict())
    assert feature_shapes(early, (3, 32, 32))[-1] == (160, 4, 4)
    images = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(early.eval()(images).logits, late.eval()(images).logits)


def test_basic_block_is_the_papers_formula():
    block = BasicBlock(6).eval()
    hidden = torch.randn(2, 6, 8, 8).relu()  # as it comes from the block before
    inner = F.relu(block.bn1(F.conv2d(hidden[:, 3:], block.conv1.weight)))
    inner = block.bn2(F.conv2d(inner, block.conv2.weight, padding=1, groups=3))
    inner = F.relu(block.bn3(F.conv2d(inner, block.conv3.weight)))
    dealt = [hidden[:, 0], inner[:, 0], hidden[:, 1], inner[:, 1], hidden[:, 2], inner[:, 2]]
    torch.testing.assert_close(block(hidden), torch.stack(dealt, dim=1))


def test_down_block_is_the_papers_formula():
    block = DownBlock(3, 4).eval()
    hidden = torch.randn(2, 3, 8, 8)
    left = block.bn1(F.conv2d(hidden, block.conv1.weight, stride=2, padding=1, groups=3))
    left = F.relu(block.bn2(F.conv2d(left, block.conv2.weight)))
    right = F.relu(block.bn3(F.conv2d(hidden, block.conv3.weight)))
    right = block.bn4(F.conv2d(right, block.conv4.weight, stride=2, padding=1, groups=2))
    right = F.relu(block.bn5(F.conv2d(right, block.conv5.weight)))
    dealt = [left[:, 0], right[:, 0], left[:, 1], right[:, 1]]
    torch.testing.assert_close(block(hidden), torch.stack(dealt, dim=1))


@pytest.mark.parametrize("image", [(1, 28, 28), (2, 1, 1)])
def test_any_size_and_number_of_channels(image: tuple[int, int, int]):
    assert ShuffleNetV2(width=0.2).build(7, image)(torch.randn(3, *image)).logits.shape == (3, 7)


def test_impossible_width():
    with pytest.raises(ValueError, match=r"unknown width 0\.7; choices: 0\.2, 0\.3, 0\.5, 1\.0, 1\.5, 2\.0"):
        ShuffleNetV2(width=0.7)


def _listing(widths: tuple[int, ...]) -> Listing:
    listing = convolution("conv1", 3, 24, 1) | norm("bn1", 24)
    before = 24
    for layer, (width, later) in enumerate(zip(widths, (3, 7, 3), strict=False), start=1):
        half, name = width // 2, f"layer{layer}.0"
        listing |= {
            **convolution(f"{name}.conv1", before, before, 3, groups=before),
            **norm(f"{name}.bn1", before),
            **convolution(f"{name}.conv2", before, half, 1),
            **norm(f"{name}.bn2", half),
            **convolution(f"{name}.conv3", before, half, 1),
            **norm(f"{name}.bn3", half),
            **convolution(f"{name}.conv4", half, half, 3, groups=half),
            **norm(f"{name}.bn4", half),
            **convolution(f"{name}.conv5", half, half, 1),
            **norm(f"{name}.bn5", half),
        }
        for index in range(1, later + 1):
            name = f"layer{layer}.{index}"
            listing |= {
                **convolution(f"{name}.conv1", half, half, 1),
                **norm(f"{name}.bn1", half),
                **convolution(f"{name}.conv2", half, half, 3, groups=half),
                **norm(f"{name}.bn2", half),
                **convolution(f"{name}.conv3", half, half, 1),
                **norm(f"{name}.bn3", half),
            }
        before = width
    listing |= convolution("conv2", before, widths[3], 1) | norm("bn2", widths[3])
    return listing | linear("linear", widths[3], 100)
