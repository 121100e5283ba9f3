"""How a trial ended. Loads neither PyTorch nor Ray, as `raykd status` does not."""

from dataclasses import dataclass

CONFIRMATION = "confirm-"  # the names of trials begin so that train a setting once more, under a fresh seed


@dataclass(frozen=True, kw_only=True)
class TrialOutcome:
    """How a trial ended.

    Args:
        kind: complete, stopped (by the scheduler), diverged or failed.
        accuracy: on the validation split after its last epoch, 0 to 1; None if it has none.
        epochs: that it trained.
    """

    kind: str
    accuracy: float | None
    epochs: int


def is_comparable(trial: str, outcome: TrialOutcome) -> bool:
    """Whether a trial is one of those that the best is looked for among: complete, and no run of the confirmation."""
    return outcome.kind == "complete" and not trial.startswith(CONFIRMATION)
