"""What a network costs, by numbers that can be checked by hand."""

from torch import nn

from raykd.evaluation.cost import cost


def test_a_convolution_and_a_linear_layer():
    """4x4 places of 2 channels from 3 by 3x3 weights are 864 multiply-adds, and 32 numbers to 5 classes 160."""
    network = nn.Sequential(nn.Conv2d(3, 2, 3, padding=1), nn.Flatten(), nn.Linear(32, 5))
    found = cost(network, (3, 4, 4), batch_sizes=(1, 2))
    assert found.multiply_adds == 864 + 160
    assert found.parameters == (54 + 2) + (160 + 5)
    assert set(found.latency_ms) == {1, 2}
    assert all(took > 0 for took in found.latency_ms.values())
    assert network.training
