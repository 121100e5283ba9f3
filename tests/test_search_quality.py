"""What search_quality.py compares raykd with: it spends what it may, and what has been trained is known."""

import quality_runs
from optuna.distributions import FloatDistribution
from quality_rivals import RANDOM, TPE, search
from quality_runs import Runs

import tiny
from raykd.methods.cross_entropy import CrossEntropy
from raykd.space.ranges import space
from raykd.studies.study import Study


def test_a_rival_spends_its_budget_and_finds_the_same_again_without_training(tmp_path, monkeypatch):
    recipe = tiny.recipe(terms=(CrossEntropy(),), teacher=None, epochs=2)
    unsearched = dict.fromkeys(space(recipe))
    study = Study(recipe=recipe, ranges={**unsearched, "optimiser/lr": FloatDistribution(0.01, 0.1)})
    found = {kind: search(kind, study, Runs(tmp_path), budget=5, seed=0) for kind in (RANDOM, TPE)}
    assert found[RANDOM].epochs == found[TPE].epochs == 5
    assert found[RANDOM].trials == 3  # the last one is cut off after an epoch

    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("it was trained before")

    monkeypatch.setattr(quality_runs, "distill", refuse)
    assert {kind: search(kind, study, Runs(tmp_path), budget=5, seed=0) for kind in (RANDOM, TPE)} == found


def test_the_chosen_run_is_the_best_that_ended(tmp_path):
    recipe = tiny.recipe(terms=(CrossEntropy(),), teacher=None, epochs=2)
    study = Study(recipe=recipe, ranges={**dict.fromkeys(space(recipe)), "optimiser/lr": FloatDistribution(1e-3, 0.5)})
    runs = Runs(tmp_path)
    found = search(RANDOM, study, runs, budget=8, seed=1)
    assert found.recipe is not None
    assert runs.train(found.recipe).curve[-1] == found.best
    ended = [outcome.curve[-1] for outcome in runs._known.values() if outcome.tested is not None]
    assert len(ended) == 4 and max(ended) == found.best
