"""Draws around what is known, as PriorBand does (Mallik et al., NeurIPS 2023, arXiv 2306.12370), with TPE taking over.

A setting is drawn in one of four ways, each of its numbers and components around the same known one:

* from the whole ranges, with probability 1 / (1 + reduction**r), where `reduction` trials have reached r rungs;
* else around the prior, a setting that is known before the search: the base recipe or one of the study's first ones;
* or around the best trial that ran to its end (of two goals around one of the first front), each value with
  probability 1/2, the others being kept. Between these two the trials decide that lead at the highest of those rungs
  (one of `reduction`, at most 25), the better ones with more weight: by how likely either is to draw them.
* TPE draws a share of 1 - STARTUP / n of the settings when n trials have ended, none of the first ones.

In the paper r is the rung that a bracket of HyperBand begins with; ASHA has one bracket, from the first rung on.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from raykd.cluster.tuner.around import around, nearness, uniform
from raykd.cluster.tuner.sampler import BEST, BoundedTPE
from raykd.cluster.tuner.standing import incumbents, leaders, reached
from raykd.space.ranges import holds

STARTUP = 10  # trials, as many as TPE itself wants before it models anything
_MOVED = 0.5
Values = Mapping[str, Any]


class PriorBand(BaseSampler):
    """What it draws is a function of the seed, a trial's number and the trials before it; accuracy to be maximised.

    Args:
        tpe: that takes over.
        rungs: epochs at which trials are compared, and the last one.
        reduction: of so many trials at a rung one goes on.
        priors: whole settings that are known before the search.
        complete: fills a setting up with the defaults of the components that it chooses.
        startup: draws that TPE leaves to the others; 0 for TPE alone.
    """

    def __init__(
        self,
        tpe: BoundedTPE,
        seed: int,
        rungs: Iterable[int],
        reduction: int,
        priors: Sequence[Values],
        complete: Callable[[Values], Values],
        startup: int = STARTUP,
    ):
        self._tpe, self._seed, self._startup = tpe, seed, startup
        self._rungs, self._reduction, self._priors = sorted(rungs), reduction, list(priors)
        self._complete = complete
        self._way, self._centre = "tpe", dict[str, Any]()

    def look(self, study: Study) -> None:
        """As before a draw, of a trial that is not drawn."""
        self._tpe.look(study)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._tpe.before_trial(study, trial)
        ended = [one for one in self._tpe.read(study) if one.state in (TrialState.COMPLETE, TrialState.PRUNED)]
        stream, chances = self._stream(trial), self.chances(ended)
        (self._way,) = stream.choices(list(chances), list(chances.values()))
        best = incumbents(ended)
        self._centre = dict(stream.choice(best).params if self._way == "best" and best else stream.choice(self._priors))

    def chances(self, ended: Sequence[FrozenTrial]) -> dict[str, float]:
        """The probability of each way to draw the next setting, after trials that were completed or pruned."""
        known = 0.0 if not self._startup else min(1.0, self._startup / max(1, len(ended)))
        rungs = [rung for rung in self._rungs if len(_at(ended, rung)) >= self._reduction]
        anywhere = 1.0 / (1.0 + self._reduction ** len(rungs))
        best = self._share_of_best(ended, rungs[-1]) if rungs and incumbents(ended) else 0.0
        rest = known * (1.0 - anywhere)
        return {
            "tpe": 1.0 - known,
            "anywhere": known * anywhere,
            "prior": rest * (1.0 - best),
            "best": rest * best,
        }

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._tpe.infer_relative_search_space(study, trial) if self._way == "tpe" else {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._tpe.sample_relative(study, trial, search_space) if self._way == "tpe" else {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        if self._way == "tpe":
            return self._tpe.sample_independent(study, trial, param_name, param_distribution)
        stream = self._stream(trial, param_name)
        if self._way == "anywhere":
            return uniform(param_distribution, stream)
        centre = self._centre.get(param_name)
        if param_name not in self._centre or not holds(param_distribution, centre):  # of another component
            return around(param_distribution, self._complete(trial.params)[param_name], stream)
        if self._way == "best" and stream.random() >= _MOVED:
            return centre
        return around(param_distribution, centre, stream)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        self._tpe.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        self._tpe.reseed_rng()

    def _stream(self, trial: FrozenTrial, *key: str) -> Random:
        return Random(" ".join((str(self._seed), str(trial.number), *key)))

    def _share_of_best(self, ended: Sequence[FrozenTrial], rung: int) -> float:
        """How much more likely than the priors the best trial is to draw the leaders at a rung; 0 to 1."""
        best, there = incumbents(ended), _at(ended, rung)
        leading = leaders(there)[: min(BEST, max(1, len(there) // self._reduction))]
        of_best = of_priors = 0.0
        for weight, trial in enumerate(reversed(leading), start=1):
            of_best += weight * max(_likelihood(trial, one.params) for one in best)
            of_priors += weight * max(_likelihood(trial, prior) for prior in self._priors)
        return of_best / (of_best + of_priors) if of_best + of_priors else 0.5


def _at(ended: Sequence[FrozenTrial], rung: int) -> list[FrozenTrial]:
    """Those that have reached a rung."""
    return [trial for trial in ended if (found := reached(trial)) is not None and found[0] >= rung]


def _likelihood(trial: FrozenTrial, centre: Values) -> float:
    """How likely a setting is to be drawn around another one, 1 for itself; by the values that both have."""
    both = trial.params.keys() & centre.keys()
    inside = [name for name in both if holds(trial.distributions[name], centre[name])]
    return math.exp(sum(nearness(trial.distributions[name], trial.params[name], centre[name]) for name in inside))
