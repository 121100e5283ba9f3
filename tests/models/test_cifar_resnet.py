"""The CIFAR ResNets have the names, the sizes and the form that published checkpoints need."""

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from raykd.models import cifar_resnet
from raykd.models.cifar_resnet import WIDE, CifarResNet, ResNet
from raykd.models.staged import Staged, feature_shapes

# Parameters for 100 classes, counted in RepDistiller and mdistiller.
PUBLISHED = {
    "resnet8x4": 1_233_540,
    "resnet32x4": 7_433_860,
    "resnet20": 278_324,
    "resnet32": 472_756,
    "resnet56": 861_620,
    "resnet110": 1_736_564,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameter_count(name: str):
    network = getattr(cifar_resnet, name)()
    assert sum(parameter.numel() for parameter in network.parameters()) == PUBLISHED[name]


@pytest.mark.parametrize("depth", [8, 14, 20, 32, 44, 56, 110])
def test_depth_counts_the_layers_with_weights(depth: int):
    network = getattr(cifar_resnet, f"resnet{depth}")().network
    layers = [name for name in network.state_dict() if name.endswith(("conv1.weight", "conv2.weight", "fc.weight"))]
    assert len(layers) == depth


def test_parameter_names_are_those_of_published_checkpoints():
    shapes = {name: tuple(value.shape) for name, value in cifar_resnet.resnet8x4().network.named_parameters()}
    assert shapes == {
        "conv1.weight": (32, 3, 3, 3),
        **_norm("bn1", 32),
        **_block("layer1.0", 32, 64),
        **_block("layer2.0", 64, 128),
        **_block("layer3.0", 128, 256),
        "fc.weight": (100, 256),
        "fc.bias": (100,),
    }


def test_a_shortcut_is_plain_where_neither_width_nor_size_changes():
    names = cifar_resnet.resnet14().network.state_dict()
    assert sorted({name.split(".downsample")[0] for name in names if "downsample" in name}) == ["layer2.0", "layer3.0"]


def test_weights_move_between_the_plain_and_the_staged_network():
    plain, staged = CifarResNet(8, WIDE, 100), cifar_resnet.resnet8x4()
    staged.network.load_state_dict(plain.state_dict())
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(staged.eval()(images).logits, plain.eval()(images))


def test_stages_end_after_the_relu_at_full_half_and_quarter_size():
    network = cifar_resnet.resnet8()
    assert feature_shapes(network, (3, 32, 32)) == ((16, 32, 32), (32, 16, 16), (64, 8, 8))
    outputs = network(torch.randn(2, 3, 32, 32))
    assert all(feature.min() == 0 for feature in outputs.features)
    assert all(feature.min() < 0 for feature in outputs.before_relu)


def test_block_is_the_papers_formula():
    block = cifar_resnet.BasicBlock(4, 6, stride=2).eval()
    hidden = torch.randn(2, 4, 8, 8)
    residual = block.bn2(block.conv2(F.relu(block.bn1(block.conv1(hidden)))))
    torch.testing.assert_close(block(hidden), F.relu(residual + block.downsample(hidden)))


@pytest.mark.parametrize("image", [(1, 8, 8), (1, 28, 28), (3, 5, 9), (2, 1, 1)])
def test_any_size_and_number_of_channels(image: tuple[int, int, int]):
    network: Staged = ResNet(depth=8, widths=(4, 4, 6, 8)).build(7, image)
    assert network(torch.randn(3, *image)).logits.shape == (3, 7)


def test_initial_weights_have_he_variance_and_norms_are_identities():
    network: Any = cifar_resnet.resnet8x4().network
    weight = network.layer3[0].conv2.weight
    assert weight.std().item() == pytest.approx((2 / (256 * 9)) ** 0.5, rel=0.01)
    assert bool((network.bn1.weight == 1).all()) and bool((network.bn1.bias == 0).all())


@pytest.mark.parametrize("depth", [2, 9, 18, 0, -4])
def test_impossible_depth(depth: int):
    with pytest.raises(ValueError, match=rf"depth must be 6n \+ 2 .* got {depth}"):
        ResNet(depth=depth)


@pytest.mark.parametrize("widths", [(16, 32, 64), (), (16, 16, 0, 64)])
def test_impossible_widths(widths: tuple[int, ...]):
    with pytest.raises(ValueError, match="widths must be 4 numbers"):
        ResNet(widths=widths)


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _block(name: str, before: int, width: int) -> dict[str, tuple[int, ...]]:
    return {
        f"{name}.conv1.weight": (width, before, 3, 3),
        **_norm(f"{name}.bn1", width),
        f"{name}.conv2.weight": (width, width, 3, 3),
        **_norm(f"{name}.bn2", width),
        f"{name}.downsample.0.weight": (width, before, 1, 1),
        **_norm(f"{name}.downsample.1", width),
    }
