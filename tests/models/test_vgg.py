"""The VGG networks have the names, the sizes and the form that published checkpoints need."""

from itertools import pairwise

import pytest
import torch
from torch.nn import functional as F

from networks import Listing, assert_close, count, features, linear, norm, parameters, perturb
from raykd.models import vgg
from raykd.models.custom import check_cut
from raykd.models.staged import feature_shapes
from raykd.models.vgg import VGG

# Parameters for 100 classes, counted from the definition in RepDistiller and mdistiller (models/vgg.py, with
# batch_norm=True), whose configurations S, A, B, D and E stand in BLOCKS.
COUNTS = {8: 3_965_028, 11: 9_277_284, 13: 9_462_180, 16: 14_774_436, 19: 20_086_692}
BLOCKS = {
    8: [[64], [128], [256], [512], [512]],
    11: [[64], [128], [256, 256], [512, 512], [512, 512]],
    13: [[64, 64], [128, 128], [256, 256], [512, 512], [512, 512]],
    16: [[64, 64], [128, 128], [256, 256, 256], [512, 512, 512], [512, 512, 512]],
    19: [[64, 64], [128, 128], [256, 256, 256, 256], [512, 512, 512, 512], [512, 512, 512, 512]],
}


@pytest.mark.parametrize("depth", COUNTS)
def test_parameters_are_those_of_published_checkpoints(depth: int):
    network = getattr(vgg, f"vgg{depth}")()
    assert parameters(network) == _listing(BLOCKS[depth])
    assert count(parameters(network)) == COUNTS[depth]


def test_features_are_the_papers_formulas():
    got, network, images = features(perturb(vgg.vgg8()), 3, 32, 32)
    hidden = F.relu(network.block0(images))
    expected = []
    for block, pooled in ((network.block1, 2), (network.block2, 2), (network.block3, 2), (network.block4, 1)):
        hidden = F.relu(block(F.max_pool2d(hidden, pooled)))
        expected.append(hidden)
    assert_close(got, expected)
    assert [tuple(feature.shape[1:]) for feature in got] == [(128, 16, 16), (256, 8, 8), (512, 4, 4), (512, 4, 4)]
    assert all(feature.min() == 0 for feature in got)


def test_stages_may_end_before_their_relu():
    before, after = (VGG(activated=activated).build(5, (3, 8, 8)) for activated in (False, True))
    after.load_state_dict(perturb(before).state_dict())
    check_cut(before, (3, 8, 8))
    (raw, _, images), (activated, _, _) = features(before, 3, 8, 8), features(after, 3, 8, 8)
    assert all(feature.min() < 0 for feature in raw)
    assert_close(activated, [F.relu(feature) for feature in raw])
    torch.testing.assert_close(before(images).logits, after(images).logits)


def test_large_images_are_pooled_once_more():
    network = VGG(depth=8).build(5, (3, 64, 64))
    assert feature_shapes(network, (3, 64, 64))[2:] == ((512, 8, 8), (512, 4, 4))
    check_cut(network, (3, 64, 64))


def test_blocks_are_convolution_normalisation_and_relu_without_the_last():
    block = vgg.vgg13().network.get_submodule("block1")
    kinds = [type(layer).__name__ for layer in block.children()]
    assert kinds == ["Conv2d", "BatchNorm2d", "ReLU", "Conv2d", "BatchNorm2d"]


def test_other_numbers_of_channels():
    assert VGG().build(7, (1, 28, 28))(torch.randn(3, 1, 28, 28)).logits.shape == (3, 7)


def test_impossible_depth():
    with pytest.raises(ValueError, match="unknown depth 9; choices: 8, 11, 13, 16, 19"):
        VGG(depth=9)


def test_too_small_images():
    with pytest.raises(ValueError, match=r"at least 8 x 8 pixels, got \(3, 8, 7\)"):
        VGG().build(10, (3, 8, 7))


def _listing(blocks: list[list[int]]) -> Listing:
    listing: Listing = {}
    last = [3] + [widths[-1] for widths in blocks]
    for number, widths in enumerate(blocks):
        for index, (before, width) in enumerate(pairwise([last[number], *widths])):
            name = f"block{number}.{3 * index}"
            listing |= {f"{name}.weight": (width, before, 3, 3), f"{name}.bias": (width,)}
            listing |= norm(f"block{number}.{3 * index + 1}", width)
    return listing | linear("classifier", 512, 100)
