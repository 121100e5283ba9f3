"""A search of two goals, without Ray's workers: what is drawn, judged, confirmed and kept."""

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from optuna.trial import TrialState, create_trial
from ray.tune.experiment import Trial
from two_goals import PRICES, STUDENTS, study, trials

from raykd.cluster.tuner.candidates import finalists
from raykd.cluster.tuner.disk_pruning import Pruning
from raykd.cluster.tuner.ended_trials import Record
from raykd.cluster.tuner.scheduler import ASHA
from raykd.cluster.tuner.searcher import StudySearch
from raykd.cluster.tuner.standing import COST, best, incumbents, leaders, reached
from raykd.protocols.event import SearchResumed, TrialBegan, TrialEnded
from raykd.protocols.outcome import TrialOutcome
from raykd.storage.local import LocalStorage
from raykd.studies.settings import first_settings

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
CONTROLLER: Any = SimpleNamespace(_tune_controller=SimpleNamespace())


def result(value: float, epoch: int, finished: bool = False) -> dict[str, Any]:
    return {"val/accuracy": value, "epoch": epoch, "finished": finished, "error": ""}


def searcher(folder, known=()) -> StudySearch:
    made = trials(folder)
    search = StudySearch(made.study, 0, first_settings(made.study), made.cost_of_setting)
    for trial in known:
        search.know(trial)
    return search


def run(search: StudySearch, count: int, start: int = 0, known: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """Trains trials whose accuracy their student's cost and their rate decide; every third drawn one is stopped.

    Args:
        known: what another driver was given; nothing for what the search suggests.
    """
    given = []
    for number in range(start, start + count):
        config = search.take_up(f"t{number}", known[number], []) if known else search.suggest(f"t{number}")
        assert search.drawn == []  # there are many settings
        given.append(config)
        values = config.get("values", {})
        accuracy = 0.5 + PRICES[values.get("student", "own")] / 1000 - abs(values.get("optimiser/lr", 0.1) - 0.05)
        search.on_trial_result(f"t{number}", result(accuracy, 2))
        stopped = number % 3 == 0 and not config.get("first") and "baseline" not in config
        end = result(accuracy, 2 if stopped else 4, finished=not stopped)
        search.on_trial_complete(f"t{number}", end)
    return given


def test_optuna_knows_both_values_of_what_ended_and_what_was_stopped_has_none(tmp_path):
    search = searcher(tmp_path)
    given = run(search, 30)
    assert {config["values"]["student"] for config in given if "number" in config} == set(STUDENTS)
    optuna = search._asking.optuna
    assert [direction.name for direction in optuna.directions] == ["MAXIMIZE", "MINIMIZE"]
    for trial in (trial for trial in optuna.trials if trial.state.is_finished()):
        assert trial.user_attrs[COST] == PRICES[trial.params["student"]]
        assert trial.intermediate_values == {}
        if trial.state == TrialState.COMPLETE:
            assert trial.values[1] == PRICES[trial.params["student"]] and reached(trial) == (4, trial.values[0])
        else:
            assert trial.state == TrialState.PRUNED and reached(trial) is not None
    assert {trial.state for trial in optuna.trials} >= {TrialState.COMPLETE, TrialState.PRUNED}


def test_what_is_drawn_repeats_and_goes_on_as_it_would_have(tmp_path):
    one, other = searcher(tmp_path), searcher(tmp_path)
    given = run(one, 18)
    assert run(other, 18) == given
    resumed = searcher(tmp_path)
    assert run(resumed, 18, known=given) == given
    assert run(resumed, 8, 18) == run(other, 8, 18)


def test_trials_of_an_earlier_search_are_known_with_this_ones_costs(tmp_path):
    made = study()
    values = made.complete({"student": "thin"})
    ranges = made.every_range()
    known = [
        create_trial(
            state=state,
            value=0.7 if state == TrialState.COMPLETE else None,
            params=values,
            distributions={path: ranges[path] for path in values},
            intermediate_values={4: 0.7},
        )
        for state in (TrialState.COMPLETE, TrialState.PRUNED)
    ]
    complete, pruned = searcher(tmp_path, known)._asking.optuna.trials[:2]
    assert (complete.values, complete.user_attrs[COST], reached(complete)) == ([0.7, 100], 100, (4, 0.7))
    assert (pruned.values, pruned.state, reached(pruned)) == (None, TrialState.PRUNED, (4, 0.7))


def ended(accuracy: float, cost: float, state: TrialState = TrialState.COMPLETE):
    values = [accuracy, cost] if state == TrialState.COMPLETE else None
    return create_trial(state=state, values=values, user_attrs={COST: cost, "reached": (4, accuracy)})


def test_the_front_leads():
    small, large, beaten, last = ended(0.5, 1.0), ended(0.9, 4.0), ended(0.8, 5.0), ended(0.4, 6.0)
    every = [beaten, small, last, large]
    assert leaders(every) == [small, large, beaten, last]
    assert best(every, 3) == [large, small, beaten]
    assert incumbents([*every, ended(0.95, 0.5, TrialState.PRUNED)]) == [small, large]
    assert incumbents([ended(0.95, 0.5, TrialState.PRUNED)]) == [] == incumbents([])


def test_a_small_student_is_judged_by_what_costs_no_more(tmp_path):
    made = trials(tmp_path)
    scheduler = ASHA(made.study, made)

    def at_the_rung(name: str, student: str, accuracy: float) -> str:
        config = {"number": 1, "values": made.study.complete({"student": student})}
        trial = Trial("stub", stub=True, trial_id=name, config=config)
        scheduler.on_trial_add(CONTROLLER, trial)
        told = scheduler.on_trial_result(CONTROLLER, trial, result(accuracy, 2))
        scheduler.on_trial_complete(CONTROLLER, trial, result(accuracy, 4, finished=True))
        return told

    told = [at_the_rung(f"wide{number}", "wide", 0.9 - number / 100) for number in range(3)]
    assert told == ["CONTINUE", "STOP", "STOP"]
    assert at_the_rung("thin", "thin", 0.2) == "CONTINUE"
    assert at_the_rung("thinner", "thin", 0.1) == "CONTINUE"  # two of five are better, and 5 / 2 may be
    assert at_the_rung("own", "own", 0.15) == "CONTINUE"
    assert at_the_rung("worst", "own", 0.05) == "STOP"


def record(made, number: int, student: str, accuracy: float, kind: str = "complete") -> Record:
    config = {"number": number, "values": made.study.complete({"student": student, "optimiser/lr": 0.02})}
    outcome = TrialOutcome(kind=kind, accuracy=accuracy, epochs=4)
    return Record(name=made.name(config), config=config, end=outcome)


def test_finalists_are_points_of_the_front_the_most_accurate_first(tmp_path):
    made = trials(tmp_path)
    records = [
        record(made, 0, "thin", 0.5),
        record(made, 1, "own", 0.7),
        record(made, 2, "wide", 0.9),
        record(made, 3, "wide", 0.8),
        record(made, 4, "thin", 0.99, "stopped"),
    ]
    numbers = [config["number"] for config in finalists(made, records, 5)]
    assert numbers == [2, 1, 0]
    assert [config["number"] for config in finalists(made, records, 2)] == [2, 0]
    baseline = Record(
        name="plain",
        config={"baseline": "plain KD"},
        end=TrialOutcome(kind="complete", accuracy=0.75, epochs=4),
    )
    assert [config["number"] for config in finalists(made, [*records, baseline], 5)] == [2, 0]


def test_the_front_keeps_its_checkpoints(tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("raykd.cluster.tuner.disk_pruning.time.monotonic", lambda: now[0])
    made, storage = trials(tmp_path), LocalStorage(root=tmp_path.parent)
    pruner = Pruning(tmp_path, storage, 1, made.cost_of_setting)
    ends = {"trial-0000-x": ("thin", 0.5), "trial-0001-x": ("own", 0.4), "trial-0002-x": ("wide", 0.9)}
    for name, (student, accuracy) in ends.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "checkpoint.pt").write_text("")
        values = made.study.complete({"student": student})
        (tmp_path / name / "values.json").write_text(json.dumps(values))
        if name == "trial-0000-x":  # of another process
            pruner(SearchResumed(ended={name: TrialOutcome(kind="complete", accuracy=accuracy, epochs=4)}))
            continue
        pruner(TrialBegan(trial=name, setting="", values=values))
        pruner(TrialEnded(trial=name, outcome=TrialOutcome(kind="complete", accuracy=accuracy, epochs=4)))
    now[0] += 61.0
    pruner(TrialEnded(trial="plain-KD-x", outcome=TrialOutcome(kind="complete", accuracy=0.1, epochs=4)))
    assert sorted(path.parent.name for path in tmp_path.glob("*/checkpoint.pt")) == ["trial-0000-x", "trial-0002-x"]
