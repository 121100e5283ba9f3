"""The layout of a network is a function of the network; one that would crash is never taken."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from raykd.models.cifar_resnet import ResNet, resnet8x4, resnet20
from raykd.models.cnn import CNN
from raykd.models.layout import LAYOUTS, check_layout, layout_of

CPU, GPU = torch.device("cpu"), torch.device("cuda")
FRAGILE = ResNet(depth=8, widths=(4, 4, 8, 16))


@pytest.mark.parametrize(
    ("network", "device", "precision", "expected"),
    [
        (resnet8x4(), CPU, "float32", "channels_last"),
        (resnet20(), CPU, "float32", "channels_last"),
        (resnet20(), CPU, "bfloat16", "channels_last"),
        (resnet20(), GPU, "float32", "contiguous"),
        (resnet20(), GPU, "bfloat16", "channels_last"),
        (CNN(widths=(4, 6)).build(3, (1, 8, 8)), CPU, "float32", "channels_last"),
        (FRAGILE.build(3, (3, 32, 32)), CPU, "float32", "contiguous"),
        (FRAGILE.build(3, (3, 32, 32)), GPU, "bfloat16", "contiguous"),
        (nn.Linear(3, 4), CPU, "float32", "contiguous"),
    ],
)
def test_the_rule(network: nn.Module, device: torch.device, precision: str, expected: str):
    assert layout_of(network, device, precision) == expected


def strided(channels: int, kernel: int = 1, stride: int = 2, groups: int = 1) -> nn.Module:
    return nn.Sequential(nn.Conv2d(channels, 8 * groups, kernel, stride=stride, groups=groups))


@pytest.mark.parametrize(
    ("convolution", "bearable"),
    [
        *[(strided(channels), channels in (8, 16)) for channels in range(1, 18)],
        (strided(4, kernel=3), True),
        (strided(4, stride=1), True),
        (strided(16, groups=2), True),
        (strided(8, groups=2), False),
    ],
)
def test_a_strided_1x1_convolution_over_few_channels_is_not_laid_out(convolution: nn.Module, bearable: bool):
    assert (layout_of(convolution, CPU) == "channels_last") == bearable
    assert (layout_of(nn.Conv2d(3, 8, 3), CPU, beside=[convolution]) == "channels_last") == bearable
    if bearable:
        check_layout("channels_last", convolution, "student")
    else:
        with pytest.raises(ValueError, match=r"^layout: channels_last would crash .* the student's 0, .*contiguous$"):
            check_layout("channels_last", convolution, "student")
    check_layout("contiguous", convolution, "student")
    check_layout("auto", convolution, "student")


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("given", [torch.contiguous_format, torch.channels_last])
def test_weights_and_maps_are_in_the_layout_whatever_comes_in(channels_last: bool, given: torch.memory_format):
    network = ResNet(depth=8).build(3, (3, 8, 8)).lay_out(channels_last)
    expected = torch.channels_last if channels_last else torch.contiguous_format
    outputs = network(torch.randn(2, 3, 8, 8).contiguous(memory_format=given))
    maps = (*outputs.features, *outputs.before_relu, network.stage(1, outputs.features[0].contiguous()))
    assert all(tensor.is_contiguous(memory_format=expected) for tensor in maps)
    weights = [parameter for parameter in network.parameters() if parameter.ndim == 4]
    assert weights
    assert all(weight.is_contiguous(memory_format=expected) for weight in weights)
    outputs.logits.sum().backward()
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    assert len(gradients) == len(weights)
    assert all(gradient.is_contiguous(memory_format=expected) for gradient in gradients)


def test_loading_weights_leaves_the_layout():
    network = ResNet(depth=8).build(3, (3, 8, 8)).lay_out(True)
    other = ResNet(depth=8).build(3, (3, 8, 8))
    network.network.load_state_dict(other.network.state_dict())
    assert network.network.get_parameter("layer1.0.conv1.weight").is_contiguous(memory_format=torch.channels_last)
    images = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(network.eval()(images).logits, other.eval()(images).logits)


RUN = f"""
import sys
from raykd.data import Augmentation
from raykd.data.synthetic import Synthetic
from raykd.models.cifar_resnet import ResNet
from raykd.recipe import Recipe
from raykd.training.loop import distill

data = Synthetic(image_shape=(3, 16, 16), num_images=64, held_out=10, augmentation=Augmentation(padding=4))
recipe = Recipe(data=data, student={FRAGILE!r}, batch_size=8, epochs=1, layout=sys.argv[1])
print(next(distill(recipe, device="cpu")).number)
"""


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_layout_kills_the_process(layout: str, tmp_path: Path):
    """On views that are padded, as those once came out channels last, with the instructions that show the fault."""
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2", "OMP_NUM_THREADS": "1"}
    options: Any = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True}
    ended = subprocess.run([sys.executable, "-c", RUN, layout], **options)
    if layout == "channels_last":
        assert ended.returncode == 1
        assert "InvalidError: layout: channels_last would crash on some CPUs in the student's layer2.0" in ended.stderr
    else:
        assert (ended.returncode, ended.stdout) == (0, "1\n"), ended.stderr
