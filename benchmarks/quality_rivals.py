"""What `search_quality.py` compares raykd with: other ways to spend as many student-epochs on the same space."""

from collections.abc import Callable
from dataclasses import dataclass

import optuna
from optuna.pruners import NopPruner, SuccessiveHalvingPruner
from optuna.samplers import RandomSampler, TPESampler
from quality_runs import Runs

from raykd.recipe import Recipe
from raykd.studies.study import Study

RANDOM, TPE = "random search", "TPE with successive halving"


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a search chose.

    Args:
        recipe: of the run with the best accuracy on the validation split after its last epoch; None if none ended.
        best: its accuracy on the validation split, in percent.
        epochs: of students that it trained.
        trials: that it began.
    """

    recipe: Recipe | None
    best: float
    epochs: int
    trials: int


def search(kind: str, study: Study, runs: Runs, *, budget: int, seed: int) -> Found:
    """Searches a study's space, none of its first settings given, in one process, with Optuna's parts as they come.

    Args:
        kind: `RANDOM` trains every draw to its end; `TPE` stops draws early.
        budget: student-epochs. No run begins after them, and one that would pass them is cut off and cannot be chosen.
        seed: of the sampler. Every student has the recipe's own seed, as in raykd's search.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler, pruner = _PARTS[kind](seed)
    asked = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
    spent, best = 0, float("-inf")
    chosen: Recipe | None = None
    while spent < budget:
        trial = asked.ask()
        study.suggest(trial)
        recipe, left = study.recipe_of(trial.params), budget - spent

        def stops(epoch: int, percent: float, trial: optuna.Trial = trial, left: int = left) -> bool:
            trial.report(percent, epoch)
            return epoch >= left or trial.should_prune()

        outcome = runs.train(recipe, stops)
        spent += len(outcome.curve)
        if outcome.tested is None:
            asked.tell(trial, state=optuna.trial.TrialState.PRUNED)
            continue
        asked.tell(trial, outcome.curve[-1])
        if outcome.curve[-1] > best:
            best, chosen = outcome.curve[-1], recipe
    return Found(recipe=chosen, best=best, epochs=spent, trials=len(asked.trials))


def _random(seed: int) -> tuple[optuna.samplers.BaseSampler, optuna.pruners.BasePruner]:
    return RandomSampler(seed=seed), NopPruner()


def _tpe(seed: int) -> tuple[optuna.samplers.BaseSampler, optuna.pruners.BasePruner]:
    return TPESampler(seed=seed), SuccessiveHalvingPruner()


_PARTS: dict[str, Callable[[int], tuple[optuna.samplers.BaseSampler, optuna.pruners.BasePruner]]] = {
    RANDOM: _random,
    TPE: _tpe,
}
