import itertools
import math

import pytest

from raykd.methods.rco import EqualInterval, FinalTeacher, Greedy, equal_interval, greedy
from raykd.space.ranges import space
from references import rco as reference
from tiny import network, shapes


def harder(step):
    """A ratio that grows with j and falls with i: each checkpoint is as much harder as it lies farther."""
    return lambda i, j: 1 + step * (j - i)


def bumpy(i, j):
    """A ratio that jumps after every third checkpoint, as at drops of the teacher's learning rate."""
    return 1 + 0.1 * (j - i) + 0.9 * ((j - 1) // 3 - (i - 1) // 3)


def follow(route, num_checkpoints, ratio=bumpy, legs=None):
    """The checkpoints that a route visits in a run, one a leg."""
    visited = ()
    for _ in range(legs or route.count):
        visited += (route.choose(visited, num_checkpoints, ratio),)
    return visited


@pytest.mark.parametrize(
    ("epochs", "count", "expected"),
    [(240, 4, [60, 120, 180, 240]), (200, 4, [50, 100, 150, 200]), (240, 1, [240]), (5, 5, [1, 2, 3, 4, 5])],
)
def test_equal_interval_golden(epochs, count, expected):
    assert equal_interval(epochs, count) == expected


@pytest.mark.parametrize("epochs", [1, 7, 10, 24])
def test_equal_interval_rises_to_the_last_epoch(epochs):
    for count in range(1, epochs + 1):
        anchors = equal_interval(epochs, count)
        assert anchors == reference.equal_interval(epochs, count)
        assert len(anchors) == count
        assert anchors[-1] == epochs
        assert all(earlier < later for earlier, later in itertools.pairwise([0, *anchors]))


@pytest.mark.parametrize("count", [0, 11])
def test_equal_interval_refuses_none_and_too_many(count):
    with pytest.raises(ValueError, match=f"need 1 to 10 anchors for 10 epochs, got {count}"):
        equal_interval(10, count)


@pytest.mark.parametrize("ratio", [harder(0.3), harder(0.07), bumpy])
@pytest.mark.parametrize("delta", [0.0, 0.2, 0.5, 0.8, 1.5])
def test_greedy_agrees_with_the_pseudo_code(ratio, delta):
    anchors = greedy(ratio, 12, delta)
    assert anchors == reference.greedy(ratio, 12, delta)
    assert anchors[-1] == 12
    assert all(earlier < later for earlier, later in itertools.pairwise(anchors))


def test_greedy_goes_straight_to_the_end_when_nothing_is_too_hard():
    assert greedy(bumpy, 12, math.inf) == [1, 12]


def test_greedy_visits_every_checkpoint_when_even_the_next_is_too_hard():
    assert greedy(harder(1.0), 6, 0.5) == [1, 2, 3, 4, 5, 6]


def test_greedy_takes_the_farthest_within_the_boundary():
    assert greedy(harder(0.25), 9, 0.5) == [1, 3, 5, 7, 9]


def test_a_larger_delta_never_gives_more_anchors():
    for ratio in (harder(0.1), bumpy):
        counts = [len(greedy(ratio, 20, delta)) for delta in (0.1, 0.2, 0.5, 0.8, 1.5, 3.0)]
        assert counts == sorted(counts, reverse=True)


def test_a_teacher_of_one_checkpoint_is_the_only_anchor():
    assert greedy(bumpy, 1, 0.8) == [1]


# the routes


def test_no_route_follows_the_final_teacher_all_along():
    route = FinalTeacher()
    assert route.starts(240) == (0,)
    assert follow(route, 24, legs=1) == (24,)
    assert not space(route)


def test_one_anchor_is_no_route():
    route = EqualInterval(count=1)
    assert route.starts(240) == FinalTeacher().starts(240)
    assert follow(route, 24) == (24,)


def test_equal_interval_cuts_run_and_route_into_equal_parts():
    route = EqualInterval(count=4)
    assert route.starts(240) == (0, 60, 120, 180)
    assert follow(route, 24) == (6, 12, 18, 24)


def test_greedy_route_visits_what_the_search_visits():
    route = Greedy(count=6, delta=0.5)
    assert route.starts(60) == (0, 10, 20, 30, 40, 50)
    assert follow(route, 9, harder(0.25)) == (1, 3, 5, 7, 9, 9)


def test_greedy_route_ends_with_the_final_teacher_however_far_it_got():
    assert follow(Greedy(count=3, delta=0.5), 9, harder(0.25)) == (1, 3, 9)
    assert follow(Greedy(count=1), 9, harder(0.25)) == (9,)


def test_greedy_route_stays_with_the_final_teacher():
    assert follow(Greedy(count=5, delta=10.0), 9, harder(0.25)) == (1, 9, 9, 9, 9)


def test_searches_count_and_restart():
    assert set(space(EqualInterval())) == {"count", "restart"}
    assert set(space(Greedy())) == {"count", "restart", "delta"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EqualInterval(count=0), "need at least 1 anchor, got count 0"),
        (lambda: Greedy(count=0), "need at least 1 anchor, got count 0"),
        (lambda: Greedy(delta=-0.1), "delta must be at least 0, got -0.1"),
    ],
)
def test_refuses(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("route", [EqualInterval(count=4), Greedy(count=4)])
def test_check_refuses_more_anchors_than_checkpoints_or_epochs(route):
    known = shapes(network(), network(), num_checkpoints=4)
    route.check(known, epochs=4)
    with pytest.raises(ValueError, match="4 anchors need at least as many epochs, the run has 3"):
        route.check(known, epochs=3)
    with pytest.raises(ValueError, match="4 anchors need at least as many checkpoints, the teacher keeps 3"):
        route.check(shapes(network(), network(), num_checkpoints=3), epochs=4)
