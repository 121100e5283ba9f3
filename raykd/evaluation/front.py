"""What is on a front: accuracy as high, cost as low as can be, when none of both is to be had without the other.

A point beats another one that is no more accurate and costs no less, unless both are equal. The first front is made of
the points that none beats; the second of those that none beats once the first is taken away; and so on (Deb et al.,
IEEE TEC 6(2), 2002).
"""

from collections.abc import Sequence
from typing import TypeAlias

Point: TypeAlias = tuple[float, float]  # accuracy, cost


def beats(one: Point, other: Point) -> bool:
    """Whether a point is better than another one in one of both, and in none worse."""
    return one != other and one[0] >= other[0] and one[1] <= other[1]


def fronts(points: Sequence[Point]) -> list[int]:
    """The number of each point's front, from 0; none of them may be NaN."""
    found, left, number = [0] * len(points), set(range(len(points))), 0
    while left:
        first = {place for place in left if not any(beats(points[other], points[place]) for other in left)}
        for place in first:
            found[place] = number
        left -= first
        number += 1
    return found


def first_front(points: Sequence[Point]) -> list[int]:
    """The places of the points that none beats, the cheapest first; of equal ones the first alone."""
    unbeaten = [place for place, number in enumerate(fronts(points)) if number == 0]
    once = {points[place]: place for place in reversed(unbeaten)}
    return sorted(once.values(), key=lambda place: points[place][1])


def spread(places: Sequence[int], count: int) -> list[int]:
    """At most so many of a row, its ends first of all; of one that is the last."""
    if count >= len(places):
        return list(places)
    if count == 1:
        return [places[-1]]
    return [places[round(number * (len(places) - 1) / (count - 1))] for number in range(count)]
