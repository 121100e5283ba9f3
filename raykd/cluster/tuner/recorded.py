"""A sampler that draws what was drawn before, and no more than a study offers."""

from collections.abc import Mapping
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from raykd.cluster.tuner.prior_band import PriorBand
from raykd.errors import InvalidError
from raykd.space.ranges import holds


class Recorded(BaseSampler):
    """The values of one trial.

    Args:
        values: by name; as they are read from a file, that may say anything.
        sampler: that drew them, and draws those that follow.
    """

    def __init__(self, values: Mapping[str, Any], sampler: PriorBand):
        self._values, self._sampler = values, sampler

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._sampler.look(study)  # whenever it did for the driver that asked it: what it forgets depends on that

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        if param_name not in self._values:
            raise refused(f"a trial without {param_name}")
        if not holds(param_distribution, value := self._values[param_name]):
            raise refused(f"a trial of {param_name} = {value!r}")
        return value


def refused(what: str) -> InvalidError:
    """What is said of a trial in a search's ledger that the study would not have suggested."""
    return InvalidError(
        f"the search has had {what}, which its study does not offer: the study has changed since, or the files in "
        f".raykd/ledger have; put it back as it was, or start a new search"
    )
