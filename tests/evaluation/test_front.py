"""Fronts of points that one can see on paper."""

import pytest

from raykd.evaluation.front import beats, first_front, fronts, spread

#   accuracy 0.9 |             B
#            0.8 |       A     C
#            0.7 |    D     E
#                     1  2  3  4   cost
A, B, C, D, E = (0.8, 2.0), (0.9, 4.0), (0.8, 4.0), (0.7, 1.0), (0.7, 3.0)


def test_a_point_beats_what_is_no_better_in_anything():
    assert beats(A, C) and beats(B, C) and beats(A, E)
    assert not beats(A, B) and not beats(B, A) and not beats(A, A)


def test_the_fronts_of_five_points():
    assert fronts([A, B, C, D, E]) == [0, 0, 1, 0, 1]
    assert fronts([]) == []


def test_the_first_front_is_told_from_the_cheapest_on_and_each_place_once():
    assert first_front([A, B, C, D, E]) == [3, 0, 1]
    assert first_front([A, B, A]) == [0, 1]


def test_without_a_difference_in_cost_fronts_are_places_by_accuracy():
    assert fronts([(0.5, 1.0), (0.9, 1.0), (0.7, 1.0)]) == [2, 0, 1]


@pytest.mark.parametrize(
    ("count", "places"), [(1, [4]), (2, [0, 4]), (3, [0, 2, 4]), (4, [0, 1, 3, 4]), (9, [0, 1, 2, 3, 4])]
)
def test_some_are_taken_from_all_of_a_row(count: int, places: list[int]):
    assert spread(range(5), count) == places
