"""What Optuna's trials have reached, and which of them lead: in a search of one goal, and in one of two.

Of one goal Optuna keeps the accuracy of each epoch itself. Of a trial with two values it refuses that, and its TPE
could not read a stopped one that had it; so there the last epoch, its accuracy and the student's cost are user
attributes.
"""

import heapq
from collections.abc import Sequence

from optuna import Study, Trial
from optuna.trial import FrozenTrial, TrialState, create_trial

from raykd.evaluation.front import fronts

COST, REACHED = "cost", "reached"
DIRECTIONS = ("maximize", "minimize")  # of two goals, accuracy and cost


def report(trial: Trial, accuracy: float, epoch: int) -> None:
    """Tells Optuna of an epoch that it does not know yet."""
    if COST in trial.user_attrs:
        trial.set_user_attr(REACHED, (epoch, accuracy))
    else:
        trial.report(accuracy, epoch)


def finish(study: Study, trial: Trial, accuracy: float | None, state: TrialState) -> None:
    """Tells Optuna of a trial's end; the value of a stopped one is the last that was reported."""
    if state != TrialState.COMPLETE or accuracy is None:
        study.tell(trial, None, state)
    else:
        cost = trial.user_attrs.get(COST)
        study.tell(trial, accuracy if cost is None else [accuracy, cost], state)


def with_cost(trial: FrozenTrial, cost: float) -> FrozenTrial:
    """A trial of a search of one goal as one of two, in which its students' cost is known now."""
    found, complete = reached(trial), trial.state == TrialState.COMPLETE
    return create_trial(
        state=trial.state,
        values=[trial.values[0], cost] if complete else None,
        params=dict(trial.params),
        distributions=dict(trial.distributions),
        user_attrs={COST: cost} | ({} if found is None else {REACHED: found}),
    )


def reached(trial: FrozenTrial) -> tuple[int, float] | None:
    """The last epoch that a trial has told of, and its accuracy then; None where it told of none."""
    if COST in trial.user_attrs:
        found = trial.user_attrs.get(REACHED)
        return None if found is None else (found[0], found[1])
    return None if trial.last_step is None else (trial.last_step, trial.intermediate_values[trial.last_step])


def leaders(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Trials that have told of an epoch, by the last they told of: the best first, of two goals front by front."""
    if not _has_two_goals(trials):
        return sorted(trials, key=_accuracy, reverse=True)
    numbers = fronts([(_accuracy(trial), trial.user_attrs[COST]) for trial in trials])
    return [trial for _, trial in sorted(zip(numbers, trials, strict=True), key=lambda one: one[0])]


def best(trials: Sequence[FrozenTrial], count: int = 1) -> list[FrozenTrial]:
    """The best so many of trials that ran to their ends; of two goals front by front, the more accurate ones first."""
    if not _has_two_goals(trials):
        return heapq.nlargest(count, trials, key=lambda trial: trial.values[0])
    numbers = fronts([(trial.values[0], trial.values[1]) for trial in trials])
    ordered = sorted(zip(numbers, trials, strict=True), key=lambda one: (one[0], -one[1].values[0]))
    return [trial for _, trial in ordered[:count]]


def incumbents(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """What is drawn around: the best trial that ran to its end, of two goals the whole first front; none of none."""
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    if not _has_two_goals(complete):
        return [max(complete, key=lambda trial: trial.values[0])] if complete else []
    numbers = fronts([(trial.values[0], trial.values[1]) for trial in complete])
    return [trial for number, trial in zip(numbers, complete, strict=True) if number == 0]


def _accuracy(trial: FrozenTrial) -> float:
    found = reached(trial)
    assert found is not None, "it has told of an epoch"
    return found[1]


def _has_two_goals(trials: Sequence[FrozenTrial]) -> bool:
    return bool(trials) and COST in trials[0].user_attrs
