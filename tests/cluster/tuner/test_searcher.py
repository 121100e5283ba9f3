"""What Optuna is told: a stopped trial is pruned with its last value, a failed one failed. Nothing is tried twice."""

import json
import math
import re

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial
from small_studies import tiny_study

import tiny
from raykd.cluster.tuner import searcher as module
from raykd.cluster.tuner.searcher import StudySearch
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.iakd import IAKD, NoSwap
from raykd.methods.kd import KD
from raykd.studies.baselines import ALONE, PLAIN_KD, baselines
from raykd.studies.identity import identity

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


AT_5 = KD(weight=0.9, temperature=5.0)
KD_AT_5 = {
    "recipe": tiny.recipe(terms=(CrossEntropy(weight=0.1), AT_5)),
    "choices": {"terms/kd": {"on": AT_5, "off": None}},
    "first": (),
}


@pytest.fixture
def searcher(study):
    return make_searcher(study)


def make_searcher(study, seed=0):
    return StudySearch(study, seed, [study.complete(values) for values in study.first])


def told(searcher):
    """The trials that Optuna knows of, without the first settings that wait for their turn."""
    return [trial for trial in searcher._asking.optuna.trials if trial.state != TrialState.WAITING]


def result(value, epoch, finished=False):
    return {"val/accuracy": value, "epoch": epoch, "finished": finished, "training_iteration": 1}


def begun(searcher, count=3):
    """The first configurations; a search of `tiny_study` begins with two baselines, of which it can draw both."""
    return [searcher.suggest(name) for name in "abcdefghij"[:count]]


def test_baselines_then_the_first_settings_that_are_none_then_tpe(searcher, study):
    configs = begun(searcher, 6)
    assert [config["baseline"] for config in configs[:2]] == list(baselines(study.recipe))
    assert [config["number"] for config in configs[2:]] == [0, 1, 2, 3]
    # The first of them, `{}`, is plain KD.
    assert [config["values"] for config in configs[1:3]] == [study.complete(values) for values in study.first]
    assert [config["first"] for config in configs[2:]] == [True, False, False, False]
    for config in configs[2:]:
        assert study.complete(config["values"]) == config["values"]


def test_a_baseline_teaches_the_sampler_where_it_is_a_setting(searcher, study):
    alone, _ = begun(searcher, 2)
    labels = {"terms/kd": "off", "terms/cross_entropy/weight": 1.0}
    assert alone == {"baseline": ALONE, "values": study.complete(labels)}
    searcher.on_trial_result("a", result(0.5, 1))
    searcher.on_trial_complete("a", result(0.7, 4, finished=True))
    (trial, running) = told(searcher)
    assert (trial.state, trial.value, trial.params) == (TrialState.COMPLETE, 0.7, alone["values"])
    assert running.state == TrialState.RUNNING


def test_a_baseline_that_is_no_setting_tells_optuna_nothing():
    """With a temperature that no range holds."""
    searcher = make_searcher(tiny_study(ranges={"terms/kd/temperature": FloatDistribution(5.0, 9.0)}, **KD_AT_5))
    alone, plain = begun(searcher, 2)
    assert "values" in alone and plain == {"baseline": PLAIN_KD}
    searcher.on_trial_result("b", result(0.5, 1))
    searcher.on_trial_complete("b", result(0.5, 4, finished=True))
    assert [trial.state for trial in told(searcher)] == [TrialState.RUNNING]


def test_a_finished_trial_is_complete_with_its_last_value(searcher):
    begun(searcher)
    searcher.on_trial_result("c", result(0.5, 1))
    searcher.on_trial_complete("c", result(0.7, 2, finished=True))
    trial = told(searcher)[2]
    assert (trial.state, trial.value, trial.intermediate_values) == (TrialState.COMPLETE, 0.7, {1: 0.5, 2: 0.7})


def test_a_stopped_trial_is_pruned_with_its_last_value(searcher):
    begun(searcher)
    searcher.on_trial_result("c", result(0.5, 1))
    searcher.on_trial_complete("c", result(0.6, 2))
    trial = told(searcher)[2]
    assert (trial.state, trial.value, trial.intermediate_values) == (TrialState.PRUNED, 0.6, {1: 0.5, 2: 0.6})


@pytest.mark.parametrize(
    "end", [{"result": None, "error": True}, {"result": result(math.nan, 1, True)}, {"result": None}, {"result": {}}]
)
def test_a_failed_trial_has_failed(searcher, end):
    begun(searcher)
    searcher.on_trial_complete("c", **end)
    assert told(searcher)[2].state == TrialState.FAIL


def test_a_diverged_trial_is_the_worst_not_lost(searcher):
    begun(searcher)
    searcher.on_trial_complete("c", result(0.0, 1, finished=True))
    assert (told(searcher)[2].state, told(searcher)[2].value) == (TrialState.COMPLETE, 0.0)


def test_an_epoch_told_twice_counts_once(searcher, recwarn):
    begun(searcher)
    for _ in range(2):
        searcher.on_trial_result("c", result(0.5, 1))
    assert told(searcher)[2].intermediate_values == {1: 0.5}
    assert not [warning for warning in recwarn if "already reported" in str(warning.message)]


# what is drawn again


def few_settings(**changes):
    """A study of four settings, of which two are the baselines."""
    choices = {"terms/kd": {"on": KD(weight=0.9), "off": None}, "swap": {"off": NoSwap(), "iakd": IAKD()}}
    fixed = dict.fromkeys(("swap/schedule", "swap/start", "swap/solo", "terms/kd/weight", "terms/kd/temperature"))
    fixed |= dict.fromkeys(("optimiser/lr", "optimiser/nesterov", "optimiser/weight_decay"))
    weight = {"terms/cross_entropy/weight": CategoricalDistribution((0.1,))}
    return tiny_study(choices=choices, ranges=fixed | weight, **({"first": ()} | changes))


def test_a_finite_study_is_tried_once_and_then_ends():
    """Plain KD is one of the four settings, the student alone, with another weight of its labels, is none."""
    searcher = make_searcher(few_settings())
    configs = begun(searcher, 5)
    assert ["values" in config for config in configs[:2]] == [False, True]
    tried = {(config["values"]["terms/kd"], config["values"]["swap"]) for config in configs[1:]}
    assert tried == {("on", "off"), ("off", "off"), ("on", "iakd"), ("off", "iakd")}
    assert [config["number"] for config in configs[2:]] == [0, 1, 2]
    assert searcher.suggest("f") == searcher.FINISHED


def test_a_setting_drawn_again_shares_the_end_of_the_first(monkeypatch):
    searcher = make_searcher(few_settings())
    stopped = begun(searcher, 5)[2]["values"]
    searcher.on_trial_complete("c", result(0.6, 2))
    searcher.on_trial_complete("d", result(0.0, 0), error=True)
    assert searcher.suggest("f")["number"] == 3  # what failed may be tried again
    monkeypatch.setattr(module, "_DRAWS", 40)  # so that each of the four is among them
    assert searcher.suggest("g") == searcher.FINISHED
    kinds = {}
    for trial in told(searcher):
        kinds.setdefault(tuple(trial.params.values()), []).append((trial.state, trial.value))
    assert sum(map(len, kinds.values())) >= 5 + 40
    assert set(kinds[tuple(stopped.values())]) == {(TrialState.PRUNED, 0.6)}
    running = TrialState.RUNNING
    assert sum(states[0][0] == running and {*states} == {(running, None)} for states in kinds.values()) == 2
    searcher.on_trial_complete("b", result(0.9, 4, finished=True))
    again = [trial for trial in told(searcher) if trial.params == told(searcher)[0].params]
    assert len(again) > 1 and {(trial.state, trial.value) for trial in again} == {(TrialState.COMPLETE, 0.9)}


def again(searcher, configs, drawn, **changes):
    """Another searcher that has taken up what one was asked for, by the same ids."""
    taken = make_searcher(searcher._study, **changes)
    for name, config, before in zip("abcdefghij", configs, drawn, strict=False):
        assert taken.take_up(name, config, before) == config
    return taken


def test_one_that_takes_up_what_another_has_done_goes_on_as_that_one_would(study):
    searcher, configs, drawn = make_searcher(study), [], []
    for name in "abcdef":
        configs.append(searcher.suggest(name))
        drawn.append(searcher.drawn)
    taken = again(searcher, json.loads(json.dumps(configs)), drawn)
    for index, name in enumerate("bdc"):
        for each in (searcher, taken):
            each.on_trial_complete(name, result(0.1 * index, 4, finished=True))
    taken.hand_over("a", "new")
    for number in range(12):
        one, other = (each.suggest(f"u{number}") for each in (searcher, taken))
        assert one == other
        for each in (searcher, taken):
            each.on_trial_complete(f"u{number}", result(0.05 * number, 2 + 2 * (number % 2), finished=number % 2 == 1))
    searcher.on_trial_complete("a", result(0.9, 4, finished=True))
    taken.on_trial_complete("new", result(0.9, 4, finished=True))
    assert [(one.state, one.value) for one in told(taken)] == [(one.state, one.value) for one in told(searcher)]


def test_what_was_drawn_in_vain_is_taken_up_too():
    """Four settings: each is drawn in vain before the last is found, and shares the end of its first trial."""
    searcher, configs, drawn = make_searcher(few_settings(), seed=1), [], []
    for name in "abcde":
        configs.append(searcher.suggest(name))
        drawn.append(searcher.drawn)
    assert sum(map(len, drawn)) > 0
    taken = again(searcher, configs, drawn, seed=1)
    for each in (searcher, taken):
        for name in "bcde":
            each.on_trial_complete(name, result(0.5, 4, finished=True))
    assert [(one.state, one.params) for one in told(taken)] == [(one.state, one.params) for one in told(searcher)]
    assert {one.state for one in told(taken)} == {TrialState.COMPLETE}


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"baseline": "no baseline"}, "the baseline 'no baseline'"),
        ({"number": 7, "first": False}, "a trial 7 where 0 is the next"),
        ({"values": {"terms/kd": "neither"}}, "a trial of terms/kd = 'neither'"),
        ({"values": {"optimiser/lr": 0.5}}, "a trial of optimiser/lr = 0.5"),
        ({"values": {"optimiser/lr": True}}, "a trial of optimiser/lr = True"),
        ({"values": {"and": 1, "more": 2}}, "a trial with and, more"),
    ],
)
def test_what_the_study_does_not_offer_is_not_taken_up(study, config, why):
    values = study.complete({"optimiser/lr": 0.1}) | config.pop("values", {})
    given = config if "baseline" in config else {"number": 0, "values": values, "first": False} | config
    with pytest.raises(ValueError, match=rf"^the search has had {re.escape(why)}, which its study does not offer: "):
        make_searcher(study).take_up("a", given, [])


def test_a_setting_without_a_value_is_not_taken_up(study):
    values = study.complete({})
    del values["optimiser/lr"]
    with pytest.raises(ValueError, match=r"^the search has had a trial without optimiser/lr, "):
        make_searcher(study).take_up("a", {"number": 0, "values": values, "first": False}, [])


def test_a_setting_that_was_known_to_nobody_was_not_drawn_in_vain(study):
    values, other = study.complete({}), study.complete({"optimiser/lr": 0.15})
    with pytest.raises(ValueError, match=r"^the search has had the setting .* twice, which it did not begin before, "):
        make_searcher(study).take_up("a", {"number": 0, "values": values, "first": False}, [other])


def test_what_an_earlier_search_found_is_known_and_changes_neither_the_first_trials_nor_what_may_be_trained(study):
    whole = study.complete({"terms/quest": "on", "optimiser/lr": 0.1})
    chosen = {path: CategoricalDistribution(list(options)) for path, options in study.choices.items()}
    ranges = chosen | study.ranges_of({path: whole[path] for path in chosen})
    known = create_trial(
        state=TrialState.COMPLETE, value=0.9, params=whole, distributions=ranges, intermediate_values={4: 0.9}
    )
    warm = make_searcher(study)
    warm.know(known)
    cold, begun_warm = begun(make_searcher(study)), begun(warm)
    assert begun_warm == cold
    first = told(warm)[0]
    assert (first.params, first.value, first.last_step) == (whole, 0.9, 4)
    drawn = [warm.suggest(f"drawn {number}")["values"] for number in range(8)]
    assert sum(values["terms/quest"] == "on" for values in drawn) > 0
    assert identity(study.recipe_of(whole)) not in warm._known
