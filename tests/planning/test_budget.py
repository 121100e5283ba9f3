"""What fits into a time: numbers that can be checked by hand."""

import pytest

from raykd.planning.budget import Budget, budget


def test_trainings_are_counted_whole():
    """Two baselines, 10 trials at 0.7 of a training each, and 3 seeds of 2 finalists and 2 baselines."""
    assert Budget(epochs=9, trials=10, seeds=3, finalists=2).trainings == pytest.approx(2 + 7 + 12)


def test_a_long_time_gives_the_largest_search_and_the_epochs_that_are_needed():
    """2,000 steps at 50 an epoch."""
    found = budget(600, epoch_seconds=1.0, steps=50, slots=2)
    assert found == Budget(epochs=40, trials=32, seeds=5, finalists=3)


def test_a_shorter_time_gives_fewer_trials_first():
    """0.85 (600 - 30) 2 / 1 = 969 epochs; of 40 each 24 trainings: 10 trials, 4 seeds and 2 finalists are 25."""
    assert budget(10, epoch_seconds=1.0, steps=50, slots=2) == Budget(epochs=40, trials=8, seeds=3, finalists=2)


def test_then_fewer_epochs():
    """0.85 (300 - 30) / 1 = 229 epochs of 15.2 trainings, 15 each."""
    assert budget(5, epoch_seconds=1.0, steps=50, slots=1) == Budget(epochs=15, trials=6, seeds=3, finalists=1)


def test_epochs_that_are_given_stay():
    found = budget(10, epoch_seconds=1.0, steps=50, slots=2, epochs=10)
    assert found == Budget(epochs=10, trials=32, seeds=5, finalists=3)


def test_a_time_that_is_too_short_is_refused_with_one_that_is_enough():
    with pytest.raises(ValueError, match=r"minutes: 1 are too few, an epoch takes 2.0 s and .* 7 s; give at least 4,"):
        budget(1, epoch_seconds=2.0, steps=50, slots=1, fixed_seconds=7.0)
    assert budget(4, epoch_seconds=2.0, steps=50, slots=1, fixed_seconds=7.0).epochs == 5


@pytest.mark.parametrize("minutes", [3, 7, 20, 90, 500])
@pytest.mark.parametrize("epoch_seconds", [0.05, 0.4, 2.0])
def test_it_never_costs_more_than_there_is(minutes: int, epoch_seconds: float):
    found = budget(minutes, epoch_seconds=epoch_seconds, steps=20, slots=2, fixed_seconds=10.0)
    assert found.trainings * found.epochs * epoch_seconds / 2 + 10.0 + 30.0 <= 60 * minutes
