"""How many workers train a trial: always so many, or as many as the machines that are there have room for."""

from dataclasses import dataclass

from raykd.errors import InvalidError


@dataclass(frozen=True)
class Workers:
    """Of each trial.

    Args:
        most: what a trial has where there is room for them.
        least: what it is trained with all the same; None for always `most`.

    Raises:
        ValueError: numbers that cannot be.
    """

    most: int = 1
    least: int | None = None

    def __post_init__(self) -> None:
        if self.most < 1:
            raise InvalidError(f"workers must be at least 1, got {self.most}")
        if self.least is not None and not 1 <= self.least <= self.most:
            raise InvalidError(f"workers: the least must be within 1 and the most, got {self.least} to {self.most}")

    @classmethod
    def of(cls, wanted: int | tuple[int, int]) -> "Workers":
        """From a number, or the least and the most, as Ray Train's `ScalingConfig` takes them."""
        return cls(wanted) if isinstance(wanted, int) else cls(wanted[1], wanted[0])

    def __str__(self) -> str:
        return str(self.most) if self.least is None else f"{self.least} to {self.most}"

    @property
    def needed(self) -> int:
        """Without which no trial begins."""
        return self.most if self.least is None else self.least
