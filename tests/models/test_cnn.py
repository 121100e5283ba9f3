"""Small networks: stages of two of them fit together, and each option does what it says."""

from typing import Any

import pytest
import torch

from raykd.models.cnn import CNN
from raykd.models.staged import feature_shapes


@pytest.mark.parametrize(
    ("image", "sizes"),
    [
        ((1, 8, 8), [(8, 8), (4, 4), (2, 2), (2, 2)]),
        ((1, 28, 28), [(28, 28), (14, 14), (7, 7), (3, 3)]),
        ((3, 32, 32), [(32, 32), (16, 16), (8, 8), (4, 4)]),
        ((1, 3, 9), [(3, 9), (3, 9), (3, 9), (3, 9)]),
        ((1, 4, 9), [(4, 9), (2, 4), (2, 4), (2, 4)]),
    ],
)
def test_map_sizes_depend_on_the_image_and_the_stage_alone(image: tuple[int, int, int], sizes: list[tuple[int, int]]):
    student = CNN(widths=(2, 3, 4, 5)).build(10, image)
    teacher = CNN(widths=(8, 9, 10, 11), convolutions=2, norm="group").build(10, image)
    shapes = [feature_shapes(network, image) for network in (student, teacher)]
    assert shapes[0] == tuple((width, *size) for width, size in zip((2, 3, 4, 5), sizes, strict=True))
    assert shapes[1] == tuple((width, *size) for width, size in zip((8, 9, 10, 11), sizes, strict=True))


def test_parameter_names_and_shapes():
    network = CNN(widths=(4, 6), convolutions=2).build(10, (1, 8, 8)).network
    shapes = {name: tuple(value.shape) for name, value in network.named_parameters() if "norm" not in name}
    assert shapes == {
        "stages.0.conv1.weight": (4, 1, 3, 3),
        "stages.0.conv2.weight": (4, 4, 3, 3),
        "stages.1.conv1.weight": (6, 4, 3, 3),
        "stages.1.conv2.weight": (6, 6, 3, 3),
        "fc.weight": (10, 6),
        "fc.bias": (10,),
    }


@pytest.mark.parametrize("norm", ["batch", "group", "none"])
def test_staged_and_plain_forward_agree(norm):
    network = CNN(widths=(3, 6), norm=norm).build(5, (1, 8, 8)).eval()
    images = torch.randn(4, 1, 8, 8)
    outputs = network(images)
    assert torch.equal(outputs.logits, network.network(images))
    assert outputs.logits.shape == (4, 5)
    assert all(feature.min() >= 0 for feature in outputs.features)


@pytest.mark.parametrize("norm", ["group", "none"])
def test_without_batch_norm_an_image_knows_nothing_of_its_batch(norm):
    network = CNN(norm=norm).build(10, (1, 8, 8)).train()
    images = torch.randn(8, 1, 8, 8)
    halves = torch.cat([network(images[0::2]).logits, network(images[1::2]).logits])
    torch.testing.assert_close(halves, network(images).logits[[0, 2, 4, 6, 1, 3, 5, 7]])
    assert not list(network.buffers())


def test_batch_norm_does_look_across_the_batch():
    network = CNN(norm="batch").build(10, (1, 8, 8)).train()
    images = torch.randn(8, 1, 8, 8)
    assert not torch.allclose(network(images[:4]).logits, network(images).logits[:4])


@pytest.mark.parametrize(("width", "groups"), [(8, 4), (6, 2), (5, 1), (1, 1)])
def test_groups_divide_the_width(width: int, groups: int):
    network: Any = CNN(widths=(width,), norm="group").build(10, (1, 8, 8)).network
    assert network.stages[0].norm1.num_groups == groups


def test_an_empty_share_of_a_batch_passes():
    network = CNN().build(10, (1, 8, 8)).eval()
    assert network(torch.zeros(0, 1, 8, 8)).logits.shape == (0, 10)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"widths": ()}, r"widths must be one or more numbers of at least 1 channel, got \(\)"),
        ({"widths": (4, 0)}, r"widths must be .* got \(4, 0\)"),
        ({"convolutions": 0}, "at least 1 convolution, got 0"),
        ({"norm": "layer"}, "unknown norm 'layer'; choices: batch, group, none"),
    ],
)
def test_refusals(wrong: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        CNN(**wrong)
