"""A search that goes on: a new one is told all that the old one has done, line by line of its ledger.

Nothing is unpickled, and what the lines say is held against the study: they name settings that the study offers, and
trials that it would call so. The draws themselves are not made again, as the lines have what was drawn.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from raykd.cluster.tuner.confirming import ConfirmingSearch
from raykd.cluster.tuner.ended_trials import Record
from raykd.cluster.tuner.history import Begun, History
from raykd.cluster.tuner.recorded import refused
from raykd.cluster.tuner.searcher import StudySearch
from raykd.cluster.tuner.trials import Trials
from raykd.errors import InvalidError
from raykd.protocols.event import METRIC
from raykd.runs.ledger import Ledger, outcome_in
from raykd.runs.trial import read_epochs
from raykd.runs.warm_start import known_trial
from raykd.storage.layout import LEDGER, TRIALS
from raykd.studies.grace import rungs

_STATES = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED}
_KINDS = ("complete", "stopped", "diverged", "failed")
_SHOWN = 80  # characters of a line that cannot be read


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """What a search was told.

    Args:
        history: of its trials.
        judged: accuracies by epoch, of those that have ended, by name; at the epochs at which trials are compared.
    """

    history: History
    judged: dict[str, dict[int, float]] = field(default_factory=dict)


def replay(
    trials: Trials, entries: Iterable[dict[str, Any]], own: StudySearch, search: ConfirmingSearch, ledger: Ledger
) -> Replayed:
    """Tells a new search the lines of a ledger.

    Args:
        own: the search itself; `search` is the one with its confirmation, which Tune asks.
        ledger: for what follows.

    Raises:
        ValueError: a line is none of raykd's, or not of this study.
    """
    found, again = Replayed(history=History(ledger)), dict[str, Begun]()
    compared = rungs(trials.study)
    for entry in entries:
        try:
            _tell(entry, trials, own, search, found, again, compared)
        except (KeyError, TypeError, AttributeError) as error:
            line = json.dumps(entry)[:_SHOWN]
            raise InvalidError(f"{trials.folder / LEDGER} has a line that is none of raykd's: {line}") from error
    begun = found.history.begun
    begun.update(again)
    for name in list(begun):
        _look_into(trials, name, begun)
    search.finish((name, each.config) for name, each in begun.items())
    return found


def _tell(
    entry: dict[str, Any],
    trials: Trials,
    own: StudySearch,
    search: ConfirmingSearch,
    found: Replayed,
    again: dict[str, Begun],
    compared: set[int],
) -> None:
    begun = found.history.begun
    match entry:
        case {"epoch": int(number), "of": str(name), "accuracy": float(accuracy)}:
            told = begun[name] if name in begun else again[name]
            told.told, told.epochs[number] = number, accuracy
        case {"begin": str(name), "config": dict(config), "drawn": list(drawn)}:
            begun[name] = Begun(search.take_up(name, config, drawn))
            if trials.name(begun[name].config) != name:  # a name is a folder's, too
                raise refused(f"a trial {name}")
        case {"end": str(name), "kind": kind, "again": bool(once_more)} if kind in _KINDS:
            end, each = outcome_in(entry), begun.pop(name, None) or again.pop(name)
            result = {METRIC: end.accuracy, "epoch": end.epochs, "finished": end.kind in ("complete", "diverged")}
            has_failed = end.kind == "failed" or end.accuracy is None
            search.on_trial_complete(name, None if has_failed else result, error=has_failed)
            found.history.records.add(Record(name=name, config=each.config, end=end))
            if once_more:
                again[name] = each
            if not has_failed:
                each.epochs[end.epochs] = float(result[METRIC])
            found.judged[name] = {number: value for number, value in each.epochs.items() if number in compared}
        case {"behind": str(name)}:
            search.leave(name)
        case {"known": dict(values), "state": state, "accuracy": float(accuracy), "epoch": int(number)}:
            if (known := known_trial(trials.study, values, _STATES[state], accuracy, number)) is None:
                raise refused(f"to know the setting {values}")
            own.know(known)
        case _:
            raise KeyError(entry)


def lines_of_known(known: Iterable[FrozenTrial]) -> Iterator[dict[str, Any]]:
    """What a ledger says of the trials of an earlier search, which the sampler of a new one knows."""
    words = {state: word for word, state in _STATES.items()}
    for trial in known:
        assert trial.last_step is not None
        accuracy = float(trial.intermediate_values[trial.last_step])
        yield {"known": trial.params, "state": words[trial.state], "accuracy": accuracy, "epoch": trial.last_step}


def _look_into(trials: Trials, name: str, begun: dict[str, Begun]) -> None:
    """Adds what a trial itself says of its epochs, but for the last: its workers tell of that once more.

    The ledger may lack the epochs of the last half second, and on an object store those of the last two.
    """
    each = begun[name]
    for epoch in read_epochs(trials.folder / TRIALS / name)[:-1]:
        each.epochs.setdefault(epoch["number"], epoch[METRIC])
