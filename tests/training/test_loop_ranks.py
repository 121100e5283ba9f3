"""Two real processes train as one does, where the mathematics says so, and differ where the docstrings say so."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ranks import train_each_on_two_ranks, train_on_two_ranks
from raykd.methods.ab import AB
from raykd.methods.attention import Attention
from raykd.methods.common.auxiliary import Auxiliary
from raykd.methods.common.first_stage import FirstStage
from raykd.methods.iakd import IAKD, NoSwap
from raykd.methods.infoflow import InfoFlow
from raykd.models.cnn import CNN
from raykd.recipe import Recipe
from raykd.storage.artifacts import Store
from raykd.teachers.trained import Teacher
from test_contracts import TERMS, TWIN, smallest
from tiny import Finished, composed, finish, recipe, same_weights, searching

SWAP = IAKD(schedule="uniform", start=0.5, solo=0.0)


def spec(norm: str = "group", gather: bool = True, swap: Any = SWAP) -> Recipe:
    """All four methods and KD; networks of equal widths, so that no converter's normalisation looks across a batch."""
    student = CNN(widths=(4, 8), norm=norm)
    teacher = Teacher(model=replace(student, convolutions=2), epochs=4, every=1, batch_size=8)
    base = composed(student=student, teacher=teacher, swap=swap)
    terms = tuple(replace(term, gather=gather) if isinstance(term, InfoFlow) else term for term in base.terms)
    return replace(base, terms=terms)


def trained(recipe: Recipe, folder: Path) -> tuple[Finished, list[Finished]]:
    """What one process gives, and what each of two ranks gives that share its artefacts."""
    ranks = train_on_two_ranks(recipe, folder)
    return finish(recipe, Store(folder / "artifacts")), ranks


def agree(alone: Finished, rank: Finished, tolerance: float) -> bool:
    return all(
        ours.keys() == theirs.keys()
        and all(ours[name] == pytest.approx(theirs[name], rel=tolerance, abs=tolerance) for name in ours)
        for ours, theirs in zip(alone.metrics, rank.metrics, strict=True)
    )


@pytest.fixture(scope="module")
def composed_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Finished, list[Finished]]:
    return trained(spec(), tmp_path_factory.mktemp("ranks") / "composed")


def test_two_ranks_learn_what_one_process_does(composed_run: tuple[Finished, list[Finished]]):
    alone, ranks = composed_run
    assert agree(alone, ranks[0], 1e-4)
    for name, value in alone.weights.items():
        assert (value - ranks[0].weights[name]).abs().max() < 1e-4, name


def test_the_ranks_hold_the_same_student(composed_run: tuple[Finished, list[Finished]]):
    _, ranks = composed_run
    assert same_weights(ranks[0].weights, ranks[1].weights)
    assert ranks[0].metrics == ranks[1].metrics


def test_two_ranks_repeat_bit_for_bit(composed_run: tuple[Finished, list[Finished]], tmp_path: Path):
    _, ranks = composed_run
    again = train_on_two_ranks(spec(), tmp_path / "again")
    assert again[0].metrics == ranks[0].metrics
    assert same_weights(again[0].weights, ranks[0].weights)


def test_the_ranks_share_a_first_stage(tmp_path: Path):
    """A rank makes it with whole batches while the other waits, so that both begin where one process does."""
    started = replace(spec(swap=NoSwap()), start=AB(first_stage=FirstStage(epochs=1, batch_size=8)))
    alone, ranks = trained(started, tmp_path / "start")
    assert len(list((tmp_path / "start").glob("artifacts/start/*"))) == 1
    assert agree(alone, ranks[0], 1e-4)
    assert same_weights(ranks[0].weights, ranks[1].weights)


def test_two_ranks_pass_over_steps_in_which_there_is_nothing_to_learn(tmp_path: Path):
    """With terms of features alone, a step whose stages are all the teacher's has no gradient."""
    swap = IAKD(schedule="uniform", start=0.3, solo=0.0)
    alone, ranks = trained(replace(spec(swap=swap), terms=(Attention(),)), tmp_path / "run")
    assert agree(alone, ranks[0], 1e-4)
    assert same_weights(ranks[0].weights, ranks[1].weights)


def test_every_term_trains_alone(tmp_path: Path):
    """Without a term of class scores the classifier has no gradient, and no rank waits for one."""
    auxiliary = Auxiliary(model=CNN(widths=(6, 8)), pretrain_epochs=1, epochs=1, batch_size=8)
    terms = (*(smallest(cls) for cls in TERMS), InfoFlow(auxiliary=auxiliary))
    recipes = [recipe(teacher=TWIN, terms=(term,), epochs=1) for term in terms]
    for term, ranks in zip(terms, train_each_on_two_ranks(recipes, tmp_path), strict=True):
        assert same_weights(ranks[0].weights, ranks[1].weights), term.name
        assert ranks[0].metrics == ranks[1].metrics, term.name


def test_without_gathering_information_flow_compares_a_ranks_own_images(tmp_path: Path):
    alone, ranks = trained(spec(gather=False, swap=NoSwap()), tmp_path / "run")
    assert same_weights(ranks[0].weights, ranks[1].weights)
    assert not agree(alone, ranks[0], 1e-3)


def test_batch_normalisation_sees_a_ranks_own_share(tmp_path: Path):
    """The exported student is the same on all ranks nonetheless, buffers included."""
    alone, ranks = trained(spec(norm="batch"), tmp_path / "run")
    assert same_weights(ranks[0].weights, ranks[1].weights)
    assert not agree(alone, ranks[0], 1e-3)


def test_the_ranks_find_the_same_anchors_by_the_same_ratios(tmp_path: Path):
    alone, ranks = trained(searching(delta=0.0, restart=True, norm="group"), tmp_path / "run")
    assert len(alone.ratios) >= 3
    assert ranks[0].ratios == ranks[1].ratios
    assert ranks[0].column("train/anchor") == ranks[1].column("train/anchor") == alone.column("train/anchor")
    ratios = [(ratio.leg, ratio.anchor, ratio.candidate, ratio.ratio) for ratio in ranks[0].ratios]
    expected = [
        (ratio.leg, ratio.anchor, ratio.candidate, pytest.approx(ratio.ratio, rel=1e-3)) for ratio in alone.ratios
    ]
    assert ratios == expected
