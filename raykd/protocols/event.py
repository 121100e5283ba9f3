"""What happens in a search, as one stream of events, given to everybody who listens in the order that it happens in.

    def listener(event: Event) -> None:
        match event:
            case TrialEnded(trial=name, outcome=outcome):
                print(name, outcome.kind, outcome.accuracy)

    raykd.tune(study, listeners=[listener])

What a search shows on the screen, its `status.json`, what it deletes and TensorBoard's record of it come from the same
stream. A listener is called in the process of `tune`, in the thread that called it, and the search waits for it. `Said`
and `Doing` may come at any time; a search has one `SearchBegan`, then perhaps a `SearchResumed`, then its trials' own,
and in the end a `SearchEnded` if `tune` returns a result. This file loads neither PyTorch nor Ray, as `raykd status`
does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

from raykd.protocols.outcome import TrialOutcome

METRIC = "val/accuracy"  # what trials are compared by
STOPPING = "stopping after the running epochs"


@dataclass(frozen=True, kw_only=True)
class Said:
    """A line that is worth keeping, such as which cluster was joined."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Doing:
    """What goes on while no trial trains, such as `teacher: epoch 3 of 9`, until the next one or the first trial."""

    text: str


@dataclass(frozen=True, kw_only=True)
class SearchBegan:
    """The machines are there, and what the trials share is made next.

    Args:
        folder: of the search.
        total: trials that it wants at most, baselines and confirmation included, and those of them that have ended
            before it was resumed.
        ranges: what is drawn, by path: Optuna's distributions.
    """

    folder: Path
    total: int
    ranges: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class SearchResumed:
    """The search goes on with what an earlier process has found.

    Args:
        ended: trials that ended there, by name, in the order of their ends. Of one that failed there may be a
            `TrialBegan` and a `TrialEnded` again: it is tried once more.
    """

    ended: Mapping[str, TrialOutcome]


@dataclass(frozen=True, kw_only=True)
class TotalChanged:
    """The search wants another number of trials than it told before, since there is less of it to be confirmed.

    Args:
        total: as of `SearchBegan`.
        why: in words, where it is for another reason; else empty.
    """

    total: int
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class SearchStopping:
    """The search was asked to stop: no trial or epoch begins from now on, and it ends after the running epochs."""


@dataclass(frozen=True, kw_only=True)
class TrialBegan:
    """A trial has its workers; of one that an earlier process was stopped in, or that was interrupted, once more.

    Args:
        trial: its name, which is its folder's under `trials/`.
        setting: what differs from plain KD in a few words, such as `quest K 256 T 0.5 + KD`; a baseline's name.
        values: its setting, by path; none for a baseline that is no setting of the study.
    """

    trial: str
    setting: str
    values: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class TrialInterrupted:
    """A trial has lost its machine, and waits to go on from its last epoch on another: with a `TrialBegan` then."""

    trial: str


@dataclass(frozen=True, kw_only=True)
class EpochEnded:
    """An epoch of a trial has ended and is kept. The numbers of a trial's epochs rise; none is told of twice.

    Args:
        number: epochs of the trial that have ended, from 1.
        epochs: of the trial's recipe, at most; 1 or more.
        metrics: `val/accuracy` (0 to 1) alone. Ray Tune keeps whatever reaches the driver for each trial, so that the
            workers write all else of an epoch, the losses too, to the trial's `epochs.jsonl` and to TensorBoard.
    """

    trial: str
    number: int
    epochs: int
    metrics: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class TrialEnded:
    """A trial has ended, in whatever way; the only event of one whose workers never came up.

    Args:
        error: of one that failed, in a line; else empty.
    """

    trial: str
    outcome: TrialOutcome
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class ArtifactMade:
    """What trials share was made, for this search and all others in the storage; not what a trial makes for itself.

    Args:
        kind: such as `route` or `codebook`.
        key: the hash of all that decides its content; it lies in `artifacts/KIND/KEY`.
        seconds: wall time, with that of the artefacts that it needed itself.
    """

    kind: str
    key: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class TeacherReady:
    """The teacher of the study's recipe is there, before the first trial begins."""

    accuracy: float  # of its final checkpoint on the validation split, 0 to 1


@dataclass(frozen=True, kw_only=True)
class SearchEnded:
    """The last event: what was found is written down.

    Args:
        interrupted: whether there are trials still to run.
        best: the name of the best trial or baseline; None if none ran to its end.
        accuracy: its own on the validation split, 0 to 1.
        verdict: in a line, how good it is, and whether it is better than plain KD.
    """

    interrupted: bool
    best: str | None
    accuracy: float | None
    verdict: str = ""


Event: TypeAlias = (
    Said
    | Doing
    | SearchBegan
    | SearchResumed
    | TotalChanged
    | SearchStopping
    | TrialBegan
    | TrialInterrupted
    | EpochEnded
    | TrialEnded
    | ArtifactMade
    | TeacherReady
    | SearchEnded
)


@runtime_checkable
class Listener(Protocol):
    """Who is told of events: any function of one, or an object that is called like one."""

    def __call__(self, event: Event, /) -> None: ...
