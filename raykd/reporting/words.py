"""Events as lines that a person reads, and the logger that takes them.

`raykd` is the logger, and its children are named after raykd's modules. raykd sets neither its level nor a handler:
both belong to whoever runs it. What is logged at INFO is what a search shows anyway; at WARNING, what its user should
know although it goes on. In a notebook:

    logging.getLogger("raykd").setLevel(logging.WARNING)  # no line of progress
    logging.getLogger("raykd").setLevel(logging.ERROR)  # no warning either
"""

import logging

from raykd.protocols.event import (
    METRIC,
    STOPPING,
    ArtifactMade,
    Doing,
    Event,
    Said,
    SearchStopping,
    TotalChanged,
    TrialEnded,
)

_LOG = logging.getLogger(__name__)


def in_words(event: Event) -> str:
    """An event in one line; empty where it says nothing by itself."""
    match event:
        case Said(text=text) | Doing(text=text):
            return text
        case SearchStopping():
            return STOPPING
        case TotalChanged(total=total, why=why):
            return f"{why}: the search ends with {total} trials" if why else ""
        case ArtifactMade(kind=kind, key=key, seconds=seconds):
            return f"{kind}: {key[:8]} is made, in {seconds:.1f} s"
        case TrialEnded():
            return f"{event.trial}: {_end(event)}"
        case _:
            return ""


def _end(event: TrialEnded) -> str:
    match event.outcome.kind:
        case "failed":
            return f"failed, {event.error}"
        case "diverged":
            return f"diverged in epoch {event.outcome.epochs}"
    value = float("nan") if event.outcome.accuracy is None else event.outcome.accuracy
    stopped = ", stopped" if event.outcome.kind == "stopped" else ""
    return f"{METRIC} {value:.4f} after {event.outcome.epochs} epochs{stopped}"


def log(event: Event, /) -> None:
    """A listener that logs what can be put into words."""
    if line := in_words(event):
        _LOG.info(line)


def is_silenced() -> bool:
    """Whether somebody wants to see no line of progress: has set the level of the logger `raykd` above INFO.

    Its effective level would not tell: without any configuration that is WARNING, the root logger's.
    """
    return logging.getLogger("raykd").level > logging.INFO
