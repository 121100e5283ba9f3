"""What a confirmation found: how good the finalists and the baselines are over fresh seeds, and how sure that is.

The winner is who has the best mean on the validation split, the baselines counted in. The validation split has chosen
it, so that its lead there is a little too good: the differences are corrected for the number of finalists. How much
better it is than plain KD is said by the test split, which chose nothing and is read once: one comparison, paired by
seed. The interval is over seeds; what other test images would say is not in it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from raykd.evaluation.comparison import Difference, Mean, mean_of, paired

if TYPE_CHECKING:
    import pandas

COMPLETE, BEHIND, UNSTEADY = "complete", "behind", "unsteady"


@dataclass(frozen=True, kw_only=True)
class Run:
    """A candidate's training with one of the seeds.

    Args:
        candidate: name of the trial or baseline whose setting it has.
        setting: in a few words; a baseline's own name.
        is_baseline: whether it is one.
        number: of the seed, from 1.
        outcome: as a trial's.
        validation, test: accuracies, 0 to 1; None where there is none, or where the test split was not read for it.
    """

    candidate: str
    setting: str
    is_baseline: bool
    number: int
    outcome: str
    validation: float | None
    test: float | None = None


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A finalist or a baseline, by all that was trained of it.

    Args:
        name: of its trial.
        setting: in a few words.
        state: complete; behind, if it got no more seeds; unsteady, if a seed's training diverged or failed.
        validation, test: means over its seeds; None where there is nothing.
        over: by a baseline's name, the difference to it on the validation split, corrected for all finalists.
        test_over: the same on the test split, where it was read.
    """

    name: str
    setting: str
    is_baseline: bool
    state: str
    validation: Mean | None
    test: Mean | None
    over: Mapping[str, Difference]
    test_over: Mapping[str, Difference]


@dataclass(frozen=True, kw_only=True)
class Confirmed:
    """What was found.

    Args:
        seeds: that each candidate was to be trained with.
        candidates: the best first, by their means on the validation split; those that are not complete last.
        frame: a row for each run; see `Run`.
    """

    seeds: int
    candidates: tuple[Candidate, ...]
    frame: "pandas.DataFrame"

    @property
    def winner(self) -> Candidate | None:
        """The best candidate; None where none is complete."""
        return next((candidate for candidate in self.candidates if candidate.state == COMPLETE), None)

    @property
    def finalist(self) -> Candidate | None:
        """The best candidate that is no baseline."""
        complete = (each for each in self.candidates if each.state == COMPLETE)
        return next((candidate for candidate in complete if not candidate.is_baseline), None)

    def to_json(self) -> dict[str, Any]:
        """As it is written; JSON has no NaN, so that what is missing of an interval stands there as null."""
        return {"seeds": self.seeds, "candidates": [_without_nan(asdict(candidate)) for candidate in self.candidates]}

    @classmethod
    def from_json(cls, entries: Mapping[str, Any], frame: "pandas.DataFrame") -> "Confirmed":
        candidates = tuple(_candidate(entry) for entry in entries["candidates"])
        return cls(seeds=entries["seeds"], candidates=candidates, frame=frame)


def confirmed(runs: Sequence[Run], seeds: int, overlap: float) -> Confirmed:
    """The candidates of runs, compared.

    Args:
        overlap: as of `raykd.evaluation.comparison`, for the validation split.
    """
    import pandas

    runs = sorted(runs, key=lambda run: (not run.is_baseline, run.candidate, run.number))
    names = list(dict.fromkeys(run.candidate for run in runs))
    of = {name: [run for run in runs if run.candidate == name] for name in names}
    theirs = {runs[0].setting: runs for runs in of.values() if runs[0].is_baseline}
    finalists = max(1, len(names) - len(theirs))
    candidates = [_compared(name, of[name], theirs, seeds, overlap, finalists) for name in names]
    candidates.sort(key=lambda each: (each.state != COMPLETE, -each.validation.mean if each.validation else 0.0))
    return Confirmed(seeds=seeds, candidates=tuple(candidates), frame=pandas.DataFrame([vars(run) for run in runs]))


def _compared(
    name: str, runs: Sequence[Run], baselines: Mapping[str, Sequence[Run]], seeds: int, overlap: float, finalists: int
) -> Candidate:
    setting = runs[0].setting
    others = {word: theirs for word, theirs in baselines.items() if word != setting}
    over = {word: _difference(runs, theirs, "validation", overlap, finalists) for word, theirs in others.items()}
    test_over = {word: _difference(runs, theirs, "test", 0.0, 1) for word, theirs in others.items()}
    state = COMPLETE if len(runs) >= seeds else BEHIND
    if any(run.outcome != COMPLETE for run in runs):
        state = UNSTEADY
    return Candidate(
        name=name,
        setting=setting,
        is_baseline=runs[0].is_baseline,
        state=state,
        validation=_mean(runs, "validation"),
        test=_mean(runs, "test"),
        over={word: found for word, found in over.items() if found is not None},
        test_over={word: found for word, found in test_over.items() if found is not None},
    )


def _known(runs: Sequence[Run], split: str) -> dict[int, float]:
    return {run.number: getattr(run, split) for run in runs if getattr(run, split) is not None}


def _mean(runs: Sequence[Run], split: str) -> Mean | None:
    values = list(_known(runs, split).values())
    return mean_of(values) if values else None


def _difference(
    ours: Sequence[Run], theirs: Sequence[Run], split: str, overlap: float, comparisons: int
) -> Difference | None:
    own, other = _known(ours, split), _known(theirs, split)
    both = sorted(own.keys() & other.keys())
    if not both:
        return None
    values = [own[number] for number in both], [other[number] for number in both]
    return paired(*values, overlap=overlap, comparisons=comparisons)


def _candidate(entry: Mapping[str, Any]) -> Candidate:
    return Candidate(
        **{
            **entry,
            "validation": _of(Mean, entry["validation"]),
            "test": _of(Mean, entry["test"]),
            "over": {word: _of(Difference, found) for word, found in entry["over"].items()},
            "test_over": {word: _of(Difference, found) for word, found in entry["test_over"].items()},
        }
    )


def _of(kind: type[Mean], entry: Mapping[str, Any] | None) -> Any:
    if entry is None:
        return None
    values: dict[str, Any] = {name: math.nan if value is None else value for name, value in entry.items()}
    return kind(**values | {name: entry[name] for name in entry.keys() & {"wanted"}})


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nan(part) for name, part in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value
