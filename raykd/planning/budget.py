"""How a time is spent: so many epochs, trials and fresh seeds as fit into it, by a measured epoch."""

import math
from dataclasses import dataclass

from raykd.errors import InvalidError

_STEPS = 2_000  # of a training; CIFAR's 240 epochs have 188,000, but a search of so many is no matter of minutes
_MOST_EPOCHS, _LEAST_EPOCHS = 120, 4
_STARTING_S = 30.0  # Ray, the groups of workers, the report
_USED = 0.85  # of the time: epochs are slower while all slots train, and the last trials leave slots empty
_OF_A_TRIAL = 0.7  # of its epochs, on average over trials that are stopped at half of them and those that are not


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a search may spend.

    Args:
        epochs: of a training.
        trials: settings to try.
        seeds: fresh ones of the confirmation.
        finalists: that are confirmed.
    """

    epochs: int
    trials: int
    seeds: int
    finalists: int

    @property
    def trainings(self) -> float:
        """Whole ones, of two baselines, the trials, and the confirmation of the finalists and the baselines."""
        return 2 + _OF_A_TRIAL * self.trials + self.seeds * (self.finalists + 2)


# From the most that is sensible to the least that says anything: an interval needs three seeds.
_SIZES = tuple(
    Budget(epochs=1, trials=trials, seeds=seeds, finalists=finalists)
    for trials, seeds, finalists in ((32, 5, 3), (24, 5, 3), (16, 5, 3), (12, 5, 2), (10, 4, 2), (8, 3, 2), (6, 3, 1))
)


def budget(
    minutes: int | float,
    *,
    epoch_seconds: float,
    steps: int,
    slots: int,
    fixed_seconds: float = 0.0,
    epochs: int | None = None,
) -> Budget:
    """What fits into a time: first the epochs that a training needs, then as many trials and seeds as it leaves.

    Where not even the fewest trials have the epochs that they need, they get fewer.

    Args:
        minutes: of the whole search, its start included.
        epoch_seconds: of an epoch of a trial.
        steps: of an epoch.
        slots: trials at a time.
        fixed_seconds: before the first trial, for the teacher's training.
        epochs: of a training, where they are given.

    Raises:
        ValueError: it is too short for anything, with the least that is enough.
    """
    there = _USED * (60.0 * minutes - fixed_seconds - _STARTING_S) * slots / epoch_seconds  # epochs
    wanted = epochs or max(_LEAST_EPOCHS, min(_MOST_EPOCHS, math.ceil(_STEPS / steps)))
    for size in _SIZES:
        if size.trainings * wanted <= there:
            return _of(size, wanted)
    least = _SIZES[-1]
    fitting = int(there / least.trainings)
    if epochs is None and fitting >= _LEAST_EPOCHS:
        return _of(least, fitting)
    needed = (epochs or _LEAST_EPOCHS) * least.trainings * epoch_seconds / slots / _USED + fixed_seconds + _STARTING_S
    raise InvalidError(
        f"minutes: {minutes:g} are too few, an epoch takes {epoch_seconds:.1f} s and what comes before the first trial "
        f"{fixed_seconds:.0f} s; give at least {math.ceil(needed / 60)}, smaller pictures or a smaller network"
    )


def _of(size: Budget, epochs: int) -> Budget:
    return Budget(epochs=epochs, trials=size.trials, seeds=size.seeds, finalists=size.finalists)
