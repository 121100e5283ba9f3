"""A staged network is its plain network, cut into pieces that also run alone."""

import copy
from typing import Any, cast

import pytest
import torch
from torch import nn

from raykd.models.staged import Rectified, Staged, feature_shapes, stem_shape


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 6)
        self.body = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Linear(5, 3))
        self.last = nn.Linear(3, 2)

    def forward(self, images):
        return self.last(self.body(torch.relu(self.first(images))))


def staged(plain: Plain | None = None) -> Staged:
    return Staged(plain or Plain(), stem=("first", torch.relu), stages=("body.0", ("body.1", "body.2")), head="last")


def test_forward_is_the_plain_networks():
    plain = Plain().eval()
    images = torch.randn(7, 4)
    assert torch.equal(staged(plain)(images).logits, plain(images))


def test_features_are_the_outputs_of_each_stage():
    network = staged().eval()
    images = torch.randn(7, 4)
    plain: Any = network.network
    first = plain.body[0](torch.relu(plain.first(images)))
    second = plain.body[2](plain.body[1](first))
    features = network(images).features
    assert network.num_stages == len(features) == 2
    assert torch.equal(features[0], first) and torch.equal(features[1], second)


def test_running_the_parts_one_by_one_equals_forward():
    network = staged().eval()
    images = torch.randn(7, 4)
    hidden = network.stem(images)
    for index in range(network.num_stages):
        hidden = network.stage(index, hidden)
    assert torch.equal(network.head(hidden), network(images).logits)


def test_a_stage_of_another_network_can_stand_in():
    student, teacher = staged().eval(), staged().eval()
    images = torch.randn(7, 4)
    swapped = student.head(teacher.stage(1, student.stage(0, student.stem(images))))
    mixed, other = copy.deepcopy(cast(Plain, student.network)), cast(Plain, teacher.network)
    mixed.body = nn.Sequential(mixed.body[0], *other.body[1:])
    assert torch.equal(swapped, mixed.eval()(images))


def test_the_plain_networks_names_stay():
    plain = Plain()
    network = staged()
    network.network.load_state_dict(plain.state_dict())
    assert list(network.network.state_dict()) == list(plain.state_dict())
    assert list(network.state_dict()) == [f"network.{name}" for name in plain.state_dict()]
    assert len(list(network.parameters())) == len(list(plain.parameters()))


def test_a_copy_runs_its_own_weights():
    network = staged().eval()
    images = torch.randn(7, 4)
    before = network(images)
    twin = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
    assert torch.equal(network(images).logits, before.logits)
    assert bool((twin(images).logits == 0).all())


def test_moving_the_module_moves_its_parts():
    network = staged().double().eval()
    assert network(torch.randn(2, 4, dtype=torch.float64)).logits.dtype == torch.float64


def test_a_name_that_is_not_there():
    with pytest.raises(KeyError, match=r"Plain has no module 'frist'; its modules: first, body, last"):
        Staged(Plain(), stem="frist", stages=("body",), head="last")


def test_no_stage():
    with pytest.raises(ValueError, match="at least one stage"):
        Staged(Plain(), stem="first", stages=(), head="last")


def test_a_stem_may_be_empty():
    network = Staged(nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)), stem=(), stages=("0",), head="1")
    assert network(torch.randn(5, 4)).features[0].shape == (5, 3)


def test_feature_shapes_leave_no_trace():
    network = staged().train()
    body = cast(Plain, network.network).body
    body[0].eval()  # a part that is frozen on its own stays so
    before = copy.deepcopy(network.state_dict())
    assert feature_shapes(network, (4,)) == ((5,), (3,))
    assert stem_shape(network, (4,)) == (6,)
    assert network.training
    assert [part.training for part in body] == [False, True, True]
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


# maps before the ReLU that ends a stage


class Block(Rectified):
    def __init__(self, before: int, after: int):
        super().__init__()
        self.linear = nn.Linear(before, after)

    def before_relu(self, hidden):
        return self.linear(hidden) - hidden  # negative for some image behind another block's ReLU too


def ending_with(*last: Any) -> Staged:
    """A network of two stages, the first of which ends with `last`, after a linear layer of 4 to 4."""
    parts = {"first": nn.Linear(4, 4), "second": nn.Linear(4, 3), "head": nn.Linear(3, 2)}
    modules = {f"last{index}": module for index, module in enumerate(last) if isinstance(module, nn.Module)}
    pieces = [f"last{index}" if isinstance(piece, nn.Module) else piece for index, piece in enumerate(last)]
    return Staged(nn.ModuleDict(parts | modules), stem=(), stages=(("first", *pieces), "second"), head="head")


@pytest.mark.parametrize(
    "last",
    [
        [torch.relu],
        [nn.functional.relu],
        [nn.ReLU(inplace=True)],
        [nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 4), nn.ReLU(inplace=True)))],
        [Block(4, 4)],
        [nn.Sequential(Block(4, 4), Block(4, 4))],
    ],
    ids=["function", "functional", "module", "nested", "block", "blocks"],
)
def test_a_relu_that_ends_a_stage_stands_apart(last: list[Any]):
    images = torch.randn(50, 4)
    network = ending_with(*last)
    outputs = network(images)
    hidden = cast(Any, network.network)["first"](images)
    for piece in last:
        hidden = piece(hidden)
    assert torch.equal(outputs.features[0], hidden)
    assert outputs.before_relu[0].min() < 0 == outputs.features[0].min()
    assert torch.equal(outputs.before_relu[0].relu(), outputs.features[0])
    assert torch.equal(network.before_relu(0, images), outputs.before_relu[0])
    assert torch.equal(network.stage(0, images), outputs.features[0])


@pytest.mark.parametrize("last", [[], [torch.tanh], [torch.relu, nn.Dropout(0.0)], [nn.Sequential()]])
def test_without_one_the_stage_is_what_it_is(last: list[Any]):
    outputs = ending_with(*last)(torch.randn(5, 4))
    assert all(before is after for before, after in zip(outputs.before_relu, outputs.features, strict=True))


def test_a_stages_gradient_passes_through_its_map_before_the_relu():
    outputs = ending_with(torch.relu)(torch.randn(5, 4))
    (gradient,) = torch.autograd.grad(outputs.logits.sum(), outputs.before_relu[0])
    assert torch.equal(gradient == 0, outputs.before_relu[0] <= 0)
