"""A search as a study of Optuna's: what is written of each event, and that a resumed search writes nothing twice."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

import tiny
from raykd.methods.kd import KD
from raykd.methods.quest import Quest
from raykd.protocols.event import (
    METRIC,
    EpochEnded,
    Event,
    SearchBegan,
    SearchEnded,
    SearchResumed,
    TrialBegan,
    TrialEnded,
)
from raykd.protocols.outcome import TrialOutcome
from raykd.runs.optuna_journal import APART, OptunaJournal
from raykd.space.serialise import fingerprint
from raykd.storage.layout import JOURNAL
from raykd.storage.local import LocalStorage
from raykd.studies.study import Study

STUDY = Study(
    recipe=tiny.recipe(epochs=3),
    choices={
        "terms/kd": {"on": KD(weight=0.9), "off": None},
        "terms/quest": {"off": None, "on": Quest(words=16)},
    },
    ranges={"optimiser/lr": FloatDistribution(0.01, 0.2, log=True)},
)
ON = STUDY.complete({"terms/quest": "on"})
OFF = STUDY.complete({"optimiser/lr": 0.02})


def journal(folder: Path, *events: Event) -> OptunaJournal:
    """A process's journal of a search that has begun, and what it was told."""
    made = OptunaJournal(STUDY, LocalStorage(root=folder.parent))
    tell(made, SearchBegan(folder=folder, total=9, ranges=STUDY.every_range()), *events)
    return made


def tell(listener: OptunaJournal, *events: Event) -> None:
    for event in events:
        listener(event)


def read(folder: Path) -> optuna.Study:
    storage = JournalStorage(JournalFileBackend(str(folder / JOURNAL)))
    return optuna.load_study(study_name=None, storage=storage)


def trial_of(folder: Path, name: str) -> FrozenTrial:
    (found,) = (trial for trial in read(folder).trials if trial.user_attrs["trial"] == name)
    return found


def began(trial: str, values: Mapping[str, Any], setting: str = "words") -> TrialBegan:
    return TrialBegan(trial=trial, setting=setting, values=values)


def epochs(trial: str, *accuracies: float) -> Iterable[EpochEnded]:
    for number, accuracy in enumerate(accuracies, start=1):
        yield EpochEnded(trial=trial, number=number, epochs=3, metrics={METRIC: accuracy})


def ended(trial: str, kind: str, accuracy: float | None, epochs: int, error: str = "") -> TrialEnded:
    return TrialEnded(trial=trial, outcome=TrialOutcome(kind=kind, accuracy=accuracy, epochs=epochs), error=error)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "search"
    made.mkdir()
    return made


def test_a_trial_is_there_while_it_runs_with_its_setting_and_epochs(folder: Path):
    listener = journal(folder, began("trial-0000-0123abcd", ON, "quest + KD"))
    tell(listener, *epochs("trial-0000-0123abcd", 0.25, 0.5))
    (trial,) = read(folder).trials
    assert trial.state == TrialState.RUNNING
    assert trial.params == ON
    assert trial.distributions["optimiser/lr"] == FloatDistribution(0.01, 0.2, log=True)
    assert trial.intermediate_values == {1: 0.25, 2: 0.5}
    assert trial.user_attrs == {
        "trial": "trial-0000-0123abcd",
        "setting": "quest + KD",
        "recipe": "0123abcd",
        "baseline": False,
    }
    study = read(folder)
    assert study.study_name == "search"
    assert study.user_attrs == {"study": "study", "recipe": fingerprint(STUDY.recipe)}
    assert study.metric_names == [METRIC]


def test_what_a_choice_did_not_take_is_no_parameter(folder: Path):
    journal(folder, began("trial-0000-a", ON), began("trial-0001-b", OFF))
    on, off = (trial_of(folder, name).params for name in ("trial-0000-a", "trial-0001-b"))
    assert on.keys() - off.keys() == {path for path in ON if path.startswith("terms/quest/")} != set()


@pytest.mark.parametrize(
    ("kind", "state", "value"),
    [
        ("complete", TrialState.COMPLETE, 0.5),
        ("stopped", TrialState.PRUNED, 0.5),
        ("diverged", TrialState.FAIL, None),
        ("failed", TrialState.FAIL, None),
    ],
)
def test_a_trial_ends_as_optuna_calls_it(folder: Path, kind: str, state: TrialState, value: float | None):
    name = "trial-0000-a"
    journal(folder, began(name, ON), *epochs(name, 0.5), ended(name, kind, 0.5, 1, error="no memory"))
    (trial,) = read(folder).trials
    assert (trial.state, trial.value, trial.last_step) == (state, value, 1)
    assert (trial.user_attrs["outcome"], trial.user_attrs["error"]) == (kind, "no memory")


def test_a_trial_whose_workers_never_came_up_has_failed(folder: Path):
    journal(folder, ended("trial-0000-a", "failed", None, 0, error="no machine"))
    assert trial_of(folder, "trial-0000-a").state == TrialState.FAIL


def test_what_is_no_setting_of_its_own_is_no_trial_and_does_not_confuse_importances(folder: Path):
    listener = journal(folder)
    for number in range(4):
        name, values = f"trial-{number:04}-a", OFF | {"optimiser/lr": 0.02 * (number + 1)}
        tell(listener, began(name, values), *epochs(name, 0.1 * number), ended(name, "complete", 0.1 * number, 1))
    importances = get_param_importances(read(folder), evaluator=PedAnovaImportanceEvaluator())
    tell(listener, began("student-alone-b", {}, "student alone"), ended("student-alone-b", "complete", 0.9, 3))
    tell(listener, began("confirm-01-trial-0001-c", OFF, "lr, seed 1"))
    tell(listener, *epochs("confirm-01-trial-0001-c", 0.7), ended("confirm-01-trial-0001-c", "complete", 0.8, 3))
    study = read(folder)
    assert len(study.trials) == 4
    assert get_param_importances(study, evaluator=PedAnovaImportanceEvaluator()) == importances
    assert study.user_attrs[APART] == {
        "student-alone-b": {"setting": "student alone", "outcome": "complete", METRIC: 0.9},
        "confirm-01-trial-0001-c": {"setting": "lr, seed 1", "outcome": "complete", METRIC: 0.8},
    }


def test_a_baseline_that_is_a_setting_is_a_trial_that_says_so(folder: Path):
    journal(folder, began("plain-KD-b", OFF, "plain KD"))
    assert trial_of(folder, "plain-KD-b").user_attrs["baseline"] is True


def write_trial(folder: Path, name: str, values: Mapping[str, Any], *accuracies: float) -> None:
    """What a trial leaves in its own folder."""
    trial = folder / "trials" / name
    trial.mkdir(parents=True)
    (trial / "values.json").write_text(json.dumps(values))
    lines = [json.dumps({"number": number, METRIC: value}) for number, value in enumerate(accuracies, start=1)]
    (trial / "epochs.jsonl").write_text("\n".join(lines) + "\n")


def outcome(kind: str, accuracy: float, epochs: int) -> TrialOutcome:
    return TrialOutcome(kind=kind, accuracy=accuracy, epochs=epochs)


def test_a_resumed_search_goes_on_without_doubles_and_makes_up_what_is_missing(folder: Path):
    journal(
        folder,
        began("trial-0000-a", ON),
        *epochs("trial-0000-a", 0.1, 0.2),
        ended("trial-0000-a", "complete", 0.2, 2),
        began("trial-0001-b", ON),  # ended, when the driver was killed before it had told this
        *epochs("trial-0001-b", 0.3),
        began("trial-0002-c", ON),  # goes on
        *epochs("trial-0002-c", 0.4),
    )
    write_trial(folder, "trial-0001-b", ON, 0.3, 0.35)
    write_trial(folder, "trial-0003-d", OFF, 0.6)  # never told of
    write_trial(folder, "student-alone-0123abcd", {}, 0.7)
    resumed = SearchResumed(
        ended={
            "trial-0000-a": outcome("complete", 0.2, 2),
            "trial-0001-b": outcome("complete", 0.35, 2),
            "trial-0003-d": outcome("stopped", 0.6, 1),
            "student-alone-0123abcd": outcome("complete", 0.7, 1),
        }
    )
    listener = journal(folder, resumed, began("trial-0002-c", ON), *epochs("trial-0002-c", 0.4, 0.5))
    tell(listener, ended("trial-0002-c", "complete", 0.5, 2))
    found = {trial.user_attrs["trial"]: trial for trial in read(folder).trials}
    assert len(found) == len(read(folder).trials) == 4
    told = {name: (trial.state, [*trial.intermediate_values.values()], trial.value) for name, trial in found.items()}
    assert told == {
        "trial-0000-a": (TrialState.COMPLETE, [0.1, 0.2], 0.2),
        "trial-0001-b": (TrialState.COMPLETE, [0.3, 0.35], 0.35),
        "trial-0002-c": (TrialState.COMPLETE, [0.4, 0.5], 0.5),
        "trial-0003-d": (TrialState.PRUNED, [0.6], 0.6),
    }
    assert found["trial-0003-d"].params == OFF
    assert found["trial-0003-d"].user_attrs["setting"] == "lr 0.02"
    assert read(folder).user_attrs[APART]["student-alone-0123abcd"]["setting"] == "student alone"
    size = (folder / JOURNAL).stat().st_size
    journal(folder, resumed)
    assert (folder / JOURNAL).stat().st_size == size


def test_a_trial_that_had_ended_and_is_run_once_more_stays_as_it_is(folder: Path):
    name = "trial-0000-a"
    run = [began(name, ON), *epochs(name, 0.1, 0.2), ended(name, "complete", 0.2, 2)]
    journal(folder, *run)
    journal(folder, *run)
    assert trial_of(folder, name).intermediate_values == {1: 0.1, 2: 0.2}


def test_a_trial_that_failed_and_is_tried_once_more_is_one_more(folder: Path):
    name = "trial-0000-a"
    journal(folder, began(name, ON), ended(name, "failed", None, 0))
    journal(folder, SearchResumed(ended={name: outcome("failed", 0.0, 0)}), began(name, ON), *epochs(name, 0.1))
    assert [trial.state for trial in read(folder).trials] == [TrialState.FAIL, TrialState.RUNNING]


def test_the_end_leaves_no_trial_running_and_what_was_found_with_the_study(folder: Path):
    listener = journal(folder, began("trial-0000-a", ON), began("trial-0001-b", OFF))
    tell(listener, ended("trial-0001-b", "complete", 0.5, 2))
    (folder / "trials.csv").write_text("name,test/accuracy\ntrial-0001-b,0.625\ntrial-0000-a,\n")
    (folder / "summary.json").write_text(json.dumps({"teacher": 0.75, "confirmed": None}))
    tell(listener, SearchEnded(interrupted=True, best="trial-0001-b", accuracy=0.5, verdict="so far"))
    assert trial_of(folder, "trial-0000-a").state == TrialState.RUNNING
    tell(listener, SearchEnded(interrupted=False, best="trial-0001-b", accuracy=0.5, verdict="it won"))
    assert trial_of(folder, "trial-0000-a").state == TrialState.FAIL
    attributes = read(folder).user_attrs
    assert (attributes["best"], attributes["verdict"]) == ("trial-0001-b", "it won")
    assert attributes["test/accuracy"] == {"trial-0001-b": 0.625}
    assert attributes["teacher test/accuracy"] == 0.75
