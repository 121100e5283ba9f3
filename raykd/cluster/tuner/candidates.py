"""Who is confirmed, and what is known of it, from the records of a search's trials."""

from collections.abc import Iterable, Sequence
from typing import Any

from raykd.cluster.tuner.ended_trials import Record
from raykd.cluster.tuner.trials import CONFIRM, Trials
from raykd.evaluation.front import first_front, spread
from raykd.space.serialise import fingerprint
from raykd.studies.baselines import baselines

Config = dict[str, Any]


def finalists(trials: Trials, records: Iterable[Record], count: int) -> list[Config]:
    """The settings of the best trials that ran to their ends, best first; no recipe twice, and no baseline's.

    Of two goals they are points of the front of all trials and baselines, spread over it: the most accurate one, the
    cheapest one, and such as lie between.

    Args:
        count: of finalists, at most.
    """
    ended = [record for record in records if record.end.kind == "complete" and CONFIRM not in record.config]
    if trials.costs is not None:
        return _on_front(trials, ended, count)
    complete = [record for record in ended if is_own(record.config)]
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


def _on_front(trials: Trials, ended: Sequence[Record], count: int) -> list[Config]:
    points = [(record.end.accuracy or 0.0, trials.cost(record.config) or 0.0) for record in ended]
    front = [ended[place].config for place in first_front(points)]
    own = [config for config in front if is_own(config)]
    return [own[place] for place in reversed(spread(range(len(own)), count))]


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
