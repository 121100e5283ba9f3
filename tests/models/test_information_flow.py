"""CNN-1 and CNN-1-A have the names, the sizes and the form of the information-flow paper's released code."""

import pytest
import torch
from torch.nn import functional as F

from networks import assert_close, count, features, linear, norm, parameters, perturb
from raykd.models.custom import check_cut
from raykd.models.information_flow import InformationFlowCNN, cnn_1, cnn_1_a


def test_parameters_are_those_of_the_released_code():
    assert parameters(cnn_1()) == {
        "conv1.weight": (8, 3, 3, 3),
        "conv1.bias": (8,),
        **norm("conv1_bn", 8),
        "conv2.weight": (16, 8, 3, 3),
        "conv2.bias": (16,),
        **norm("conv2_bn", 16),
        "conv3.weight": (32, 16, 3, 3),
        "conv3.bias": (32,),
        **norm("conv3_bn", 32),
        **linear("fc1", 32 * 4, 64),
        **linear("fc2", 64, 10),
    }


def test_parameter_count():
    # for 10 classes, counted from models/cifar_very_tiny.py and models/cifar_tiny.py of the release
    assert count(parameters(cnn_1())) == 15_050
    assert count(parameters(cnn_1_a())) == 57_994


def test_stages_are_the_papers_layers():
    got, network, images = features(perturb(cnn_1()), 3, 32, 32)
    first = F.max_pool2d(F.relu(network.conv1_bn(network.conv1(images))), 2)
    second = F.max_pool2d(F.relu(network.conv2_bn(network.conv2(first))), 2)
    third = F.max_pool2d(F.relu(network.conv3_bn(network.conv3(second))), 2)
    embedding = F.relu(network.fc1(third.view(2, -1)))
    assert_close(got, [first, second, third, embedding])
    assert [tuple(feature.shape[1:]) for feature in got] == [(8, 15, 15), (16, 6, 6), (32, 2, 2), (64,)]


@pytest.mark.parametrize("image", [(1, 22, 22), (3, 28, 48), (3, 96, 96)])
def test_other_sizes(image: tuple[int, int, int]):
    network = InformationFlowCNN(width=2).build(7, image)
    check_cut(network, image)
    assert network(torch.randn(3, *image)).logits.shape == (3, 7)


def test_impossible_options():
    with pytest.raises(ValueError, match="width must be at least 1 channel, got 0"):
        InformationFlowCNN(width=0)
    with pytest.raises(ValueError, match=r"at least 22 x 22 pixels, got \(3, 32, 21\)"):
        InformationFlowCNN().build(10, (3, 32, 21))
