"""Who goes on at a rung of two goals: accuracies and costs that one can see on paper."""

import math

from raykd.cluster.tuner.rungs import FrontRungs


def answers(reduction: int, *points: tuple[float, float]) -> list[bool]:
    """Of trials that reach a rung one after the other."""
    rungs = FrontRungs(reduction)
    return [rungs.goes_on(f"t{number}", 2, *point) for number, point in enumerate(points)]


def test_a_small_student_is_not_stopped_for_being_small():
    assert answers(3, (0.9, 400.0), (0.8, 300.0), (0.5, 100.0)) == [True, True, True]


def test_one_that_others_beat_is_stopped_and_one_that_is_beaten_by_few_goes_on():
    #                  the front                   behind two of three, and 2 is not less than 3 / 3
    assert answers(3, (0.9, 400.0), (0.8, 100.0), (0.7, 200.0)) == [True, True, False]
    # Of six, fewer than two may be in fronts before.
    four = ((0.1, 100.0), (0.2, 100.0), (0.3, 100.0), (0.9, 100.0))
    assert answers(3, *four, (0.15, 100.0), (0.8, 100.0))[-2:] == [False, True]


def test_where_all_cost_the_same_it_is_halving_by_accuracy():
    assert answers(2, (0.5, 1.0), (0.4, 1.0), (0.6, 1.0), (0.55, 1.0), (0.1, 1.0)) == [True, False, True, True, False]


def test_rungs_do_not_know_of_each_other_and_what_is_told_again_counts_once():
    rungs = FrontRungs(2)
    assert rungs.goes_on("a", 2, 0.9, 1.0)
    assert rungs.goes_on("b", 4, 0.1, 1.0)
    assert [rungs.goes_on("c", 2, 0.5, 1.0) for _ in range(3)] == [False, False, False]


def test_one_that_went_on_is_not_stopped_by_what_came_since():
    rungs = FrontRungs(2)
    rungs.note("told", 2, 0.2, 1.0)
    assert rungs.goes_on("first", 2, 0.3, 1.0)
    assert [rungs.goes_on(f"t{number}", 2, 0.4 + number / 10, 1.0) for number in range(4)] == [True] * 4
    assert rungs.goes_on("told", 2, 0.2, 1.0) and rungs.goes_on("first", 2, 0.3, 1.0)
    assert not rungs.goes_on("new", 2, 0.3, 1.0)


def test_an_accuracy_that_is_no_number_is_the_worst():
    assert answers(2, (0.1, 1.0), (math.nan, 1.0)) == [True, False]
