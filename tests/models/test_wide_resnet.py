"""The wide residual networks have the names, the sizes and the form that published checkpoints need."""

import pytest
import torch
from torch.nn import functional as F

from networks import Listing, assert_close, convolution, count, features, linear, norm, parameters, perturb
from raykd.models import wide_resnet
from raykd.models.staged import feature_shapes
from raykd.models.wide_resnet import WRN, PreactivationBlock

# Parameters for 100 classes, counted from the definition in RepDistiller and mdistiller (models/wrn.py).
COUNTS = {(16, 1): 180_916, (16, 2): 703_284, (40, 1): 569_780, (40, 2): 2_255_156}


@pytest.mark.parametrize(("depth", "factor"), COUNTS)
def test_parameters_are_those_of_published_checkpoints(depth: int, factor: int):
    network = getattr(wide_resnet, f"wrn_{depth}_{factor}")()
    assert parameters(network) == _listing((depth - 4) // 6, factor)
    assert count(parameters(network)) == COUNTS[depth, factor]


def test_a_plain_network_has_what_a_checkpoint_has_beside_its_parameters():
    names = {name.rpartition(".")[2] for name in wide_resnet.wrn_16_1().network.state_dict()}
    assert names == {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}


def test_features_are_the_papers_formulas():
    got, network, images = features(perturb(wide_resnet.wrn_16_1()), 3, 16, 16)
    first = network.block1(network.conv1(images))
    second = network.block2(first)
    assert_close(got, [first, second, F.relu(network.bn1(network.block3(second)))])
    assert got[0].min() < 0 and got[1].min() < 0 and got[2].min() == 0
    assert feature_shapes(wide_resnet.wrn_16_2(), (3, 32, 32)) == ((32, 32, 32), (64, 16, 16), (128, 8, 8))


def test_the_last_stage_may_end_with_its_last_block():
    early, late = (WRN(to_pooling=to_pooling).build(5, (3, 8, 8)) for to_pooling in (False, True))
    late.load_state_dict(perturb(early).state_dict())
    (got, network, images), (activated, _, _) = features(early, 3, 8, 8), features(late, 3, 8, 8)
    torch.testing.assert_close(F.relu(network.bn1(got[2])), activated[2])
    torch.testing.assert_close(early(images).logits, late(images).logits)


@pytest.mark.parametrize(("before", "width", "stride"), [(4, 6, 2), (4, 6, 1), (4, 4, 1)])
def test_block_is_the_papers_formula(before: int, width: int, stride: int):
    block = PreactivationBlock(before, width, stride).eval()
    hidden = torch.randn(2, before, 8, 8)
    activated = F.relu(block.bn1(hidden))
    residual = F.conv2d(activated, block.conv1.weight, stride=stride, padding=1)
    residual = F.conv2d(F.relu(block.bn2(residual)), block.conv2.weight, padding=1)
    if before == width:
        shortcut = hidden
    else:
        assert block.convShortcut is not None
        shortcut = F.conv2d(activated, block.convShortcut.weight, stride=stride)
    torch.testing.assert_close(block(hidden), shortcut + residual)


@pytest.mark.parametrize("image", [(1, 8, 8), (3, 5, 9), (2, 1, 1)])
def test_any_size_and_number_of_channels(image: tuple[int, int, int]):
    assert WRN(depth=10, factor=1).build(7, image)(torch.randn(3, *image)).logits.shape == (3, 7)


@pytest.mark.parametrize("depth", [4, 9, 20, 0])
def test_impossible_depth(depth: int):
    with pytest.raises(ValueError, match=rf"depth must be 6n \+ 4 .* got {depth}"):
        WRN(depth=depth)


def test_impossible_factor():
    with pytest.raises(ValueError, match="factor must be at least 1, got 0"):
        WRN(factor=0)


def _listing(num_blocks: int, factor: int) -> Listing:
    listing = convolution("conv1", 3, 16, 3)
    before = 16
    for stage, width in enumerate((16 * factor, 32 * factor, 64 * factor), start=1):
        for index in range(num_blocks):
            name = f"block{stage}.layer.{index}"
            listing |= {
                **norm(f"{name}.bn1", before),
                **convolution(f"{name}.conv1", before, width, 3),
                **norm(f"{name}.bn2", width),
                **convolution(f"{name}.conv2", width, width, 3),
            }
            if before != width:
                listing |= convolution(f"{name}.convShortcut", before, width, 1)
            before = width
    return {**listing, **norm("bn1", 64 * factor), **linear("fc", 64 * factor, 100)}
