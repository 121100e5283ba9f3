"""A user's own network is cut by naming its modules, and a wrong cut is refused."""

from dataclasses import dataclass

import pytest
import torch
from optuna.distributions import IntDistribution
from torch import nn

from raykd.data.digits import Digits
from raykd.models.custom import check_cut
from raykd.models.staged import Staged
from raykd.protocols.model import ModelSpec
from raykd.recipe import Recipe
from raykd.space.ranges import searched
from raykd.space.serialise import from_file, to_text

IMAGE = (1, 8, 8)


class SomebodysNet(nn.Module):
    """As it stands in a user's own package, with the in-place ReLUs and the dropout that such networks have."""

    def __init__(self, width: int, num_classes: int):
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.dropout = nn.Dropout(0.5)
        self.classifier = nn.Linear(2 * width, num_classes)

    def forward(self, images):
        hidden = self.relu(self.bn1(self.conv1(images)))
        hidden = self.relu(self.conv2(hidden)).mean((2, 3))
        return self.classifier(self.dropout(hidden))


def pool(hidden):
    return hidden.mean((2, 3))


@dataclass(frozen=True, kw_only=True)
class MyNet:
    width: int = searched(4, IntDistribution(2, 8))

    def build(self, num_classes: int, image: tuple[int, ...]) -> Staged:
        network = SomebodysNet(self.width, num_classes)
        stages = (("conv1", "bn1", "relu"), ("conv2", "relu"))
        return Staged(network, stem=(), stages=stages, head=(pool, "dropout", "classifier"))


def staged(stages, head) -> Staged:
    return Staged(SomebodysNet(4, 3), stem=(), stages=stages, head=head)


def test_the_spec_of_the_docstring_works():
    network = MyNet().build(3, IMAGE)
    assert isinstance(MyNet(), ModelSpec)
    check_cut(network, IMAGE)
    assert [feature.shape for feature in network(torch.randn(2, *IMAGE)).features] == [(2, 4, 8, 8), (2, 8, 4, 4)]


def test_a_recipe_with_it_is_read_by_whoever_passes_the_class(tmp_path):
    file = tmp_path / "recipe.json"
    recipe = Recipe(data=Digits(), student=MyNet(width=5))
    file.write_text(to_text(recipe))
    assert from_file(file, types=[MyNet]) == recipe
    with pytest.raises(ValueError, match=r"unknown class 'test_custom\.MyNet'; it is neither raykd's own nor among"):
        from_file(file)


def test_the_network_is_left_as_it_was():
    network = MyNet().build(3, IMAGE).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    generator = torch.get_rng_state()
    check_cut(network, IMAGE)
    assert all(module.training for module in network.modules())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), generator)


def test_a_forgotten_step_is_told_with_the_difference():
    network = staged((("conv1", "bn1", "relu"), "conv2"), (pool, "classifier"))
    with pytest.raises(ValueError, match=r"do not compute what the network computes: logits differ by up to 0\.\d"):
        check_cut(network, IMAGE)


def test_an_output_that_is_changed_in_place_is_told_with_its_stage():
    network = staged((("conv1", "bn1"), ("relu", "conv2", "relu")), (pool, "classifier"))
    with pytest.raises(ValueError, match=r"the output of stage 0 is changed in place by what follows, by up to \d"):
        check_cut(network, IMAGE)
    network = staged((("conv1", "bn1", "relu"), "conv2"), ("relu", pool, "classifier"))
    with pytest.raises(ValueError, match="the output of stage 1 is changed in place"):
        check_cut(network, IMAGE)


def test_logits_of_another_shape():
    network = staged((("conv1", "bn1", "relu"), ("conv2", "relu")), (pool,))
    with pytest.raises(ValueError, match=r"logits of shape \(2, 8\), the network itself \(2, 3\)"):
        check_cut(network, IMAGE)


def test_a_forward_that_gives_more_than_logits():
    class Two(SomebodysNet):
        def forward(self, images):
            return super().forward(images), images

    network = Staged(Two(4, 3), stem=(), stages=["conv1"], head="classifier")
    with pytest.raises(ValueError, match="the forward of Two must give class scores alone to be compared, got tuple"):
        check_cut(network, IMAGE)


def test_a_network_in_double_precision():
    check_cut(MyNet().build(3, IMAGE).double(), IMAGE)
