"""What a route promises: checkpoints one after the other, the last of them the final teacher."""

import dataclasses

from raykd.protocols.method import Route, Shapes
from raykd.recipe import Recipe
from raykd.testing.promises import check_value, promise, promised
from raykd.testing.tiny_run import TINY, check_run, context_of, scratch

_CHECKPOINTS = 6
_EPOCHS = (6, 7, 50)
_RATIOS = (0.0, 1.0, 100.0)  # all later checkpoints are easy, as hard as the anchor, or far too hard


def check_route(route: Route, recipe: Recipe = TINY) -> None:
    """Checks that a route keeps its promises, on 6 checkpoints and runs of 6, 7 and 50 epochs.

    Args:
        recipe: the run to try it in, by default one of 4 epochs whose teacher has 4 checkpoints.

    Raises:
        AssertionError: a promise is broken.
    """
    check_value(route, Route)
    shapes = dataclasses.replace(recipe.shapes(), num_checkpoints=_CHECKPOINTS)
    for epochs in _EPOCHS:
        _check_legs(route, shapes, epochs)
    with scratch() as store:
        ran = check_run(route, dataclasses.replace(recipe, route=route), store)
        final = context_of(recipe, store)[1].records[-1]["epoch"]
        anchors = [int(epoch.metrics["train/anchor"]) for epoch in ran]
        rule = f"a run with it must end with the final teacher, that of epoch {final}, got those of epochs {anchors}"
        promise(anchors[-1] == final, route, rule)


def _check_legs(route: Route, shapes: Shapes, epochs: int) -> None:
    here = f"with {_CHECKPOINTS} checkpoints and {epochs} epochs"
    with promised(route, f"checking it {here}"):
        route.check(shapes, epochs)
    with promised(route, f"asking where its legs start {here}"):
        starts = route.starts(epochs)
    rising = list(starts) == sorted(set(starts))
    promise(rising and starts[0] == 0, route, f"its legs must start at rising epochs from 0, got {starts} {here}")
    promise(starts[-1] < epochs, route, f"its last leg must start before the run ends, got {starts} {here}")
    for ratio in _RATIOS:
        visited: list[int] = []
        for _ in starts:
            with promised(route, f"choosing a checkpoint {here}"):
                chosen = route.choose(tuple(visited), _CHECKPOINTS, lambda i, j, ratio=ratio: ratio)
            visited.append(chosen)
        rule = f"its checkpoints must rise from 1 or more to the final teacher, {_CHECKPOINTS}, got {visited} {here}"
        promise(visited == sorted(visited) and visited[0] >= 1 and visited[-1] == _CHECKPOINTS, route, rule)
