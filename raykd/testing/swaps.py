"""What a swap promises: a choice that is the same on every rank, and leaves something to train."""

from collections.abc import Iterator

from raykd.protocols.method import Clock, Swap
from raykd.recipe import Recipe
from raykd.testing.promises import check_value, promise, promised
from raykd.testing.tiny_run import TINY, check_run, drawing_nothing, global_seed, scratch, short

_STAGES = 2


def check_swap(swap: Swap, recipe: Recipe = TINY) -> None:
    """Checks that a swap keeps its promises.

    Args:
        recipe: the run to try it in.

    Raises:
        AssertionError: a promise is broken.
    """
    check_value(swap, Swap)
    for clock in _clocks():
        _check_choice(swap, clock)
    with scratch() as store:
        check_run(swap, short(recipe, swap=swap), store)


def _clocks() -> Iterator[Clock]:
    for epoch in range(10):
        for step in range(5):
            yield Clock(epoch=epoch, epochs=10, step=step, milestones=(5,), seed=1)


def _check_choice(swap: Swap, clock: Clock) -> None:
    here = f"in epoch {clock.epoch}, step {clock.step}"
    chosen: list[frozenset[int]] = []
    for seed in (1, 2):
        with promised(swap, f"choosing {here}"), global_seed(seed), drawing_nothing(swap, "choosing"):
            chosen.append(swap.choose(_STAGES, clock))
    promise(chosen[0] == chosen[1], swap, f"its choice must depend on the clock alone, got {_told(*chosen)} {here}")
    allowed = set(range(_STAGES + 1 if swap.swap_head else _STAGES))
    rule = f"of {_STAGES} stages {'and the head' if swap.swap_head else 'without the head'}"
    promise(chosen[0] <= allowed, swap, f"it may choose {allowed} {rule}, got {_told(chosen[0])} {here}")
    promise(len(chosen[0]) <= _STAGES, swap, f"it leaves nothing of the student to train {here}")
    with promised(swap, f"keep {here}"):
        keep = swap.keep(clock)
    promise(0.0 <= keep <= 1.0, swap, f"keep must be a probability, 0 to 1, got {keep} {here}")


def _told(*chosen: frozenset[int]) -> str:
    return " and ".join(str(sorted(stages)) for stages in chosen)
