"""MobileNetV2(T, W) has the names, the sizes and the form that published checkpoints need."""

from typing import Any, cast

import pytest
import torch
from torch.nn import functional as F

from networks import Listing, assert_close, convolution, count, features, linear, norm, parameters, perturb
from raykd.models import mobilenet_v2
from raykd.models.mobilenet_v2 import InvertedResidual, MobileNetV2
from raykd.models.staged import feature_shapes

# Parameters for 100 classes, counted from the definition in RepDistiller and mdistiller (models/mobilenetv2.py).
COUNTS = {(6, 0.5): 812_836, (6, 1.0): 2_353_060}
# their table: expansion, channels, blocks, stride
GROUPS = [(1, 16, 1, 1), (6, 24, 2, 1), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]


@pytest.mark.parametrize(("expansion", "width"), COUNTS)
def test_parameters_are_those_of_published_checkpoints(expansion: int, width: float):
    network = mobilenet_v2.mobilenetv2_t_w(expansion, width)
    assert parameters(network) == _listing(width)
    assert count(parameters(network)) == COUNTS[expansion, width]


def test_mobile_half_is_rcos_student():
    assert parameters(mobilenet_v2.mobile_half()) == _listing(0.5)


def test_features_are_the_papers_formulas():
    got, network, images = features(perturb(mobilenet_v2.mobile_half()), 3, 32, 32)
    hidden = network.conv1(images)
    outputs = []
    for (_, _, _, stride), group in zip(GROUPS, network.blocks, strict=True):
        size = hidden.shape[-1]
        hidden = group(hidden)
        assert hidden.shape[-1] == size // stride
        outputs.append(hidden)
    last = F.relu(network.conv2[1](network.conv2[0](hidden)))
    assert_close(got, [outputs[1], outputs[2], outputs[4], last])
    assert [tuple(feature.shape[1:]) for feature in got] == [(12, 16, 16), (16, 8, 8), (48, 4, 4), (1280, 2, 2)]


def test_the_last_stage_may_end_with_its_last_block():
    early, late = (MobileNetV2(to_pooling=to_pooling).build(5, (3, 16, 16)) for to_pooling in (False, True))
    late.load_state_dict(perturb(early).state_dict())
    assert feature_shapes(early, (3, 32, 32))[-1] == (160, 2, 2)
    images = torch.randn(2, 3, 16, 16)
    torch.testing.assert_close(early.eval()(images).logits, late.eval()(images).logits)


@pytest.mark.parametrize(("after", "stride"), [(4, 1), (6, 1), (4, 2)])
def test_block_is_the_papers_formula(after: int, stride: int):
    block = InvertedResidual(4, after, stride, expansion=3).eval()
    widen, norm1, _, depthwise, norm2, _, narrow, norm3 = cast(Any, block.conv)
    hidden = torch.randn(2, 4, 8, 8)
    inner = F.relu(norm1(F.conv2d(hidden, widen.weight)))
    inner = F.relu(norm2(F.conv2d(inner, depthwise.weight, stride=stride, padding=1, groups=12)))
    expected = norm3(F.conv2d(inner, narrow.weight))
    torch.testing.assert_close(block(hidden), hidden + expected if (after, stride) == (4, 1) else expected)


@pytest.mark.parametrize("image", [(1, 28, 28), (2, 1, 1)])
def test_any_size_and_number_of_channels(image: tuple[int, int, int]):
    network = MobileNetV2(expansion=2, width=0.25).build(7, image)
    assert network(torch.randn(3, *image)).logits.shape == (3, 7)


def test_the_last_convolution_grows_with_the_width_but_never_shrinks():
    shapes = [
        feature_shapes(MobileNetV2(expansion=1, width=width).build(2, (3, 8, 8)), (3, 8, 8)) for width in (0.25, 2.0)
    ]
    assert [shape[-1][0] for shape in shapes] == [1280, 2560]


def test_impossible_options():
    with pytest.raises(ValueError, match="expansion must be at least 1, got 0"):
        MobileNetV2(expansion=0)
    with pytest.raises(ValueError, match=r"at least 1/16, got 0\.05"):
        MobileNetV2(width=0.05)


def _listing(multiple: float) -> Listing:
    before = int(32 * multiple)
    listing = convolution("conv1.0", 3, before, 3) | norm("conv1.1", before)
    for group, (expansion, width, num_blocks, _) in enumerate(GROUPS):
        after = int(width * multiple)
        for index in range(num_blocks):
            name, inner = f"blocks.{group}.{index}.conv", before * expansion
            listing |= {
                **convolution(f"{name}.0", before, inner, 1),
                **norm(f"{name}.1", inner),
                **convolution(f"{name}.3", inner, inner, 3, groups=inner),
                **norm(f"{name}.4", inner),
                **convolution(f"{name}.6", inner, after, 1),
                **norm(f"{name}.7", after),
            }
            before = after
    listing |= convolution("conv2.0", before, 1280, 1) | norm("conv2.1", 1280)
    return listing | linear("classifier.0", 1280, 100)
