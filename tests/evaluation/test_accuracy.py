"""Accuracy counted by hand, on any share of the images, with the network left as it was."""

import math

import pytest
import torch
from torch import nn

from raykd.data import Split
from raykd.distributed.world import World
from raykd.evaluation import evaluate
from raykd.evaluation.accuracy import accuracy, check_scores, constant_answer, top_k_accuracy
from raykd.models.staged import Staged, evaluating
from tiny import dataset, network, same_weights

CPU = torch.device("cpu")


class Corner(nn.Module):
    """Says that the class is the value of the first pixel, in steps of 100."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        value = images[:, 0, 0, 0] * 0.3 + 0.5
        return -(value[:, None] * 255 - torch.tensor([0.0, 100.0, 200.0])).abs()


def corner() -> Staged:
    plain = nn.ModuleDict({"stage": nn.Identity(), "head": Corner()})
    return Staged(plain, stem=(), stages=("stage",), head="head")


def pixels(*values: int) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.uint8)[:, None, None, None].repeat(1, 1, 8, 8)


def test_counts_by_hand():
    split = Split(pixels(0, 100, 200, 200, 90), torch.tensor([0, 1, 2, 0, 1]))
    assert accuracy(corner(), dataset(), split) == 4 / 5


def test_the_highest_scores_by_eye():
    """A pixel of 90 is nearest to 100, then to 0, then to 200."""
    split = Split(pixels(90, 90, 90), torch.tensor([1, 0, 2]))
    assert [top_k_accuracy(corner(), dataset(), split, k) for k in (1, 2, 3)] == [1 / 3, 2 / 3, 1.0]


@pytest.mark.parametrize(
    ("values", "labels", "answer"),
    [
        ((100, 90, 110), (1, 1, 2), 1),
        ((100, 90, 0), (1, 1, 2), None),  # it tells one apart
        ((100, 90, 110), (1, 1, 1), None),  # so does one that knows the class
        ((200,) * 600, (1,) * 599 + (2,), 2),  # more than one batch
        ((200,) * 599 + (0,), (1,) * 599 + (2,), None),
    ],
)
def test_a_constant_answer(values: tuple[int, ...], labels: tuple[int, ...], answer: int | None):
    assert constant_answer(corner(), dataset(), Split(pixels(*values), torch.tensor(labels))) == answer


@pytest.mark.parametrize("k", [0, 4])
def test_refuses_more_scores_than_classes(k: int):
    with pytest.raises(ValueError, match=f"k must be 1 to 3, the number of classes, got {k}"):
        top_k_accuracy(corner(), dataset(), dataset().test, k)


@pytest.mark.parametrize("num_images", [1, 2, 600])  # 600 are more than one batch, one image is less than two ranks
def test_the_shares_of_all_ranks_make_the_whole(num_images: int, monkeypatch: pytest.MonkeyPatch):
    stream = torch.Generator().manual_seed(0)
    labels = torch.randint(3, (num_images,), generator=stream)
    split = Split(pixels(*torch.randint(256, (num_images,), generator=stream).tolist()), labels)
    wholes = accuracy(corner(), dataset(), split), top_k_accuracy(corner(), dataset(), split, 2)
    monkeypatch.setattr(World, "sum", lambda self, values: values)  # each rank's own count
    worlds = [World(rank, 2, CPU) for rank in range(2)]
    assert sum(accuracy(corner(), dataset(), split, world) for world in worlds) == pytest.approx(wholes[0])
    assert sum(top_k_accuracy(corner(), dataset(), split, 2, world) for world in worlds) == pytest.approx(wholes[1])


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_scores_that_are_no_finite_numbers_have_no_accuracy(wrong: float):
    """The highest of three NaNs is class 0 for PyTorch; one image is enough to tell."""
    split = dataset().validation
    net = network()
    with torch.no_grad():
        net.network["head"][1].bias[0] = wrong
    assert math.isnan(accuracy(net, dataset(), split))
    assert math.isnan(top_k_accuracy(net, dataset(), split, 2))
    with pytest.raises(RuntimeError, match="the student gives class scores that are no finite numbers"):
        check_scores(accuracy(net, dataset(), split), "the student")
    with pytest.raises(RuntimeError, match="the student gives class scores that are no finite numbers"):
        evaluate(net, dataset(), measures=["accuracy"])


def test_every_module_keeps_its_mode():
    data, net = dataset(), network()
    net.train()
    modules = list(net.modules())
    modules[-1].training = False
    modes = [module.training for module in modules]
    before = {name: value.clone() for name, value in net.state_dict().items()}
    accuracy(net, data, data.validation)
    assert [module.training for module in modules] == modes
    assert same_weights(net.state_dict(), before)


def test_evaluates_in_eval_mode():
    """In eval mode an image's answer does not depend on the others."""
    data, net = dataset(), network()
    net.train()
    split = data.validation
    alone = [accuracy(net, data, split.take(torch.tensor([index]))) for index in range(len(split))]
    assert accuracy(net, data, split) == pytest.approx(sum(alone) / len(split))


def test_modes_come_back_after_an_error():
    net = network().train()
    with pytest.raises(KeyError), evaluating(net):  # noqa: PT012  (the block is what is tested)
        assert not any(module.training for module in net.modules())
        raise KeyError
    assert all(module.training for module in net.modules())
