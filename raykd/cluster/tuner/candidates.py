"""Who is confirmed, and what is known of it, from the records of a search's trials."""

from collections.abc import Iterable
from typing import Any

from raykd.cluster.tuner.ended_trials import Record
from raykd.cluster.tuner.trials import CONFIRM, Trials
from raykd.space.serialise import fingerprint
from raykd.studies.baselines import baselines

Config = dict[str, Any]


def finalists(trials: Trials, records: Iterable[Record], count: int) -> list[Config]:
    """The settings of the best trials that ran to their ends, best first; no recipe twice, and no baseline's.

    Args:
        count: of finalists, at most.
    """
    complete = [record for record in records if record.end.kind == "complete" and is_own(record.config)]
    known = {fingerprint(trials.recipe({"baseline": name})) for name in baselines(trials.study.recipe)}
    found: list[Config] = []
    # Of equal ones the first to end, whose checkpoint is sure to be kept.
    for record in sorted(complete, key=lambda record: -(record.end.accuracy or 0.0)):
        if len(found) == count:
            break
        if (recipe := fingerprint(trials.recipe(record.config))) not in known:
            known.add(recipe)
            found.append(record.config)
    return found


def accuracies(trials: Trials, records: Iterable[Record]) -> dict[str, dict[int, float]]:
    """What the runs of a confirmation gave that ended: by the candidate's name, by the seed's number.

    A run that diverged counts as 0: whoever takes the setting may get that too. One that failed is left out.
    """
    found: dict[str, dict[int, float]] = {}
    for record in records:
        if CONFIRM in record.config and record.end.kind in ("complete", "diverged"):
            accuracy = record.end.accuracy if record.end.kind == "complete" else None
            found.setdefault(trials.name(candidate(record.config)), {})[record.config[CONFIRM]] = accuracy or 0.0
    return found


def candidate(config: Config) -> Config:
    """The setting that a run of the confirmation is of."""
    return {key: value for key, value in config.items() if key != CONFIRM}


def is_own(config: Config) -> bool:
    """Whether a trial is one that the search has drawn: no baseline, and no part of the confirmation."""
    return "baseline" not in config and CONFIRM not in config
