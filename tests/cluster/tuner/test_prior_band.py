"""Which way a setting is drawn, and what comes of it: a function of the seed and of what is known."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial
from scipy.stats import chisquare
from small_studies import tiny_study

from raykd.cluster.tuner.prior_band import PriorBand
from raykd.cluster.tuner.sampler import BoundedTPE
from raykd.studies.study import Study

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")

STUDY = tiny_study()
BASE = STUDY.complete({})
BOTH = STUDY.complete({"terms/quest": "on", "route": "equal interval", "swap": "iakd"})


def defaults(values: Mapping[str, Any]) -> dict[str, Any]:
    return STUDY.complete({path: value for path, value in values.items() if path in STUDY.choices})


def sampler(seed: int = 0, startup: int = 10, **changes: Any) -> PriorBand:
    options: dict[str, Any] = {"rungs": (2, 4), "reduction": 3, "priors": [BASE], "complete": defaults}
    tpe = BoundedTPE(seed=seed, multivariate=True, constant_liar=True)
    return PriorBand(tpe, seed=seed, startup=startup, **(options | changes))


def searched(by: PriorBand | BoundedTPE, study: Study = STUDY, count: int = 12, **known: Any) -> list[dict[str, Any]]:
    """What a sampler draws after some known trials; each ends with a value that its rate gives, one of three early."""
    search = optuna.create_study(sampler=by, direction="maximize")
    for number in range(known.get("trials", 0)):
        search.add_trial(ended(known["values"], 0.5 + number / 100))
    for number in range(count):
        trial = search.ask()
        study.suggest(trial)
        trial.report(trial.params["optimiser/lr"], 2)
        if number % 3 == 0:
            search.tell(trial, state=TrialState.PRUNED)
        else:
            trial.report(trial.params["optimiser/lr"], 4)
            search.tell(trial, trial.params["optimiser/lr"])
    return [trial.params for trial in search.trials][known.get("trials", 0) :]


def ended(values: dict[str, Any], value: float, epochs: int = 4) -> FrozenTrial:
    state = TrialState.COMPLETE if epochs == 4 else TrialState.PRUNED
    ranges = {path: distribution for path, distribution in STUDY.every_range().items() if path in values}
    told: dict[str, Any] = {"value": value} if state == TrialState.COMPLETE else {}
    return create_trial(
        params=values, distributions=ranges, intermediate_values={2: value, epochs: value}, state=state, **told
    )


def running(number: int) -> FrozenTrial:
    return FrozenTrial(number, TrialState.RUNNING, None, None, None, {}, {}, {}, {}, {}, trial_id=number)


def test_without_a_history_half_of_the_draws_are_around_the_prior():
    assert sampler().chances([]) == {"tpe": 0.0, "anywhere": 0.5, "prior": 0.5, "best": 0.0}


@pytest.mark.parametrize(
    ("epochs", "anywhere"),
    [((2, 2), 1 / 2), ((2, 2, 2), 1 / 4), ((4, 4, 2), 1 / 4), ((4, 4, 4), 1 / 10), ((4, 4, 4, 2), 1 / 10)],
)
def test_the_further_trials_have_come_the_less_is_drawn_from_the_whole_ranges(epochs: tuple[int, ...], anywhere: float):
    found = sampler().chances([ended(BASE, 0.5, last) for last in epochs])
    assert found["anywhere"] == pytest.approx(anywhere)
    assert found["tpe"] == 0.0 and sum(found.values()) == pytest.approx(1.0)


def test_the_best_is_drawn_around_as_much_as_it_explains_the_leaders():
    """Equal shares where it is a prior itself; all where it is far away, as one of three trials leads."""
    at_home = sampler().chances([ended(BASE, 0.5)] * 3)
    assert at_home["best"] == at_home["prior"] == pytest.approx(0.45)
    far = BASE | {"optimiser/lr": 0.2, "optimiser/weight_decay": 1e-5, "terms/kd/temperature": 19.0}
    away = sampler().chances([ended(BASE, 0.5), ended(BASE, 0.5), ended(far, 0.9)])
    assert away["best"] > 0.85 and away["prior"] < 0.05
    stopped = sampler().chances([ended(BASE, 0.5, 2)] * 3)
    assert (stopped["best"], stopped["prior"]) == (0.0, 0.75)  # none has ended, so that none is the best


def test_tpe_takes_over_as_trials_end():
    shares = [sampler().chances([ended(BASE, 0.5)] * count)["tpe"] for count in (0, 10, 20, 40)]
    assert shares == [0.0, 0.0, 0.5, 0.75]
    assert sampler(startup=0).chances([]) == {"tpe": 1.0, "anywhere": 0.0, "prior": 0.0, "best": 0.0}


def test_without_a_startup_it_is_tpe():
    tpe = BoundedTPE(seed=0, multivariate=True, constant_liar=True)
    assert searched(sampler(startup=0), count=20) == searched(tpe, count=20)


def test_ways_are_drawn_with_their_chances():
    made, search = sampler(), optuna.create_study(direction="maximize")
    for number in range(12):
        search.add_trial(ended(BASE | {"optimiser/lr": 0.1}, 0.5 + number / 100))
    chances = made.chances(search.trials)
    ways = Counter[str]()
    for number in range(400):
        made.before_trial(search, running(number))
        ways[made._way] += 1
    assert chisquare([ways[way] for way in chances], [400 * share for share in chances.values()]).pvalue > 0.01


def test_every_draw_is_a_setting_and_components_bring_their_defaults():
    drawn = searched(sampler(priors=[BASE, BOTH]), count=40)
    assert all(STUDY.complete(values) == values for values in drawn)
    assert {values["terms/quest"] for values in drawn} == {"off", "on"}


def test_the_best_lends_each_value_or_a_near_one():
    """Half of the values of a draw are the best one's own."""
    best = BASE | {"optimiser/lr": 0.1234, "terms/kd/temperature": 7.5}
    made = sampler()
    search = optuna.create_study(sampler=made, direction="maximize")
    kept, temperature = 0, STUDY.every_range()["terms/kd/temperature"]
    for number in range(400):
        made._way, made._centre = "best", best
        kept += made.sample_independent(search, running(number), "terms/kd/temperature", temperature) == 7.5
    assert 160 < kept < 240


def test_it_is_a_function_of_seed_and_history():
    assert searched(sampler(3)) == searched(sampler(3)) != searched(sampler(4))
