"""What a user's own listeners are told of a whole search on real Ray, from its first line to its end."""

import collections
from collections.abc import Iterable
from typing import TypeVar

import pytest
from small_studies import TRIALS, optuna_trials

import raykd
from raykd.protocols.event import (
    ArtifactMade,
    Doing,
    EpochEnded,
    Event,
    Said,
    SearchBegan,
    SearchEnded,
    SearchResumed,
    SearchStopping,
    TeacherReady,
    TotalChanged,
    TrialBegan,
    TrialEnded,
)
from raykd.protocols.outcome import CONFIRMATION
from raykd.runs.result import Result
from raykd.runs.status import ask_to_stop, read_status
from raykd.signals import SearchInterrupted

pytestmark = [
    pytest.mark.usefixtures("ray_cluster"),
    pytest.mark.timeout(400),
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
    pytest.mark.filterwarnings("ignore::ray.util.annotations.RayDeprecationWarning"),
]
E = TypeVar("E")


def of(kind: type[E], events: Iterable[Event]) -> list[E]:
    return [event for event in events if isinstance(event, kind)]


def told_of(told: Iterable[Event]) -> set[str]:
    return {event.trial for event in told if isinstance(event, TrialEnded)}


def test_a_search_is_told_of_in_order(found: Result, told: list[Event], study):
    assert isinstance(told[0], Said)
    began = told.index(SearchBegan(folder=found.folder, total=TRIALS + 2 + 2 * (2 + 3), ranges=study.every_range()))
    first = next(index for index, event in enumerate(told) if isinstance(event, TrialBegan))
    last = max(index for index, event in enumerate(told) if isinstance(event, TrialEnded))
    assert {type(event) for event in told[:began]} == {Said}
    assert {type(event) for event in told[began + 1 : first]} == {Doing, ArtifactMade, Said, TeacherReady}
    assert told[began + 1] == Doing(text="starting the groups of workers")
    assert {type(event) for event in told[first : last + 1]} - {TotalChanged} == {TrialBegan, EpochEnded, TrialEnded}
    best, metrics = found.summary["best"], found.summary["metrics"]
    said = found.summary["verdict"]
    ended = SearchEnded(interrupted=False, best=best, accuracy=metrics["val/accuracy"], verdict=said)
    assert told[last + 1 :] == [Doing(text="gathering the results"), ended]


def test_every_trial_begins_once_trains_epoch_by_epoch_and_ends_once(found: Result, told: list[Event]):
    rows = {row["name"]: row for row in found.frame.to_dict("records")}
    again = {name for name in told_of(told) if name.startswith(CONFIRMATION)}
    assert found.confirmed is not None
    assert len(again) == len(found.confirmed.frame)
    by_trial = collections.defaultdict[str, list[TrialBegan | EpochEnded | TrialEnded]](list)
    for event in told:
        if isinstance(event, TrialBegan | EpochEnded | TrialEnded):
            by_trial[event.trial].append(event)
    assert set(by_trial) == {*rows, *again}
    assert len(rows) == TRIALS + 2
    for name in rows:
        began, *epochs, ended = by_trial[name]
        row = rows[name]
        assert isinstance(began, TrialBegan) and began.setting == row["setting"]
        assert all(row[path] == value for path, value in began.values.items())
        assert isinstance(ended, TrialEnded) and not ended.error
        outcome = ended.outcome
        assert (outcome.kind, outcome.accuracy, outcome.epochs) == (row["outcome"], row["val/accuracy"], row["epochs"])
        assert of(EpochEnded, epochs) == epochs
        numbers = [(event.number, event.epochs) for event in of(EpochEnded, epochs)]
        assert numbers == [(number, 4) for number in range(1, row["epochs"] + 1)]
        assert of(EpochEnded, epochs)[-1].metrics == {"val/accuracy": row["val/accuracy"]}


def test_what_the_trials_share_is_told_of_as_it_is_made(found: Result, told: list[Event]):
    made = of(ArtifactMade, told)
    assert [event.kind for event in made].count("route") == 1
    assert all((found.folder.parent / "artifacts" / event.kind / event.key).is_dir() for event in made)
    assert all(event.seconds > 0 for event in made)
    teacher = told.index(next(event for event in told if isinstance(event, Doing) and "teacher: epoch" in event.text))
    assert teacher < told.index(made[0])


def test_a_listener_that_fails_ends_no_search_and_hears_nothing_more(
    found: Result, told: list[Event], failed: list[Event]
):
    (first, *_) = of(TrialEnded, told)
    assert failed == told[: told.index(first) + 1]


def test_the_status_file_ends_with_what_was_told(found: Result, told: list[Event]):
    status = read_status(found.folder)
    assert status is not None
    assert status.ended == {event.trial: event.outcome for event in of(TrialEnded, told)}
    assert (status.running, status.doing) == ((), "")


def test_a_search_asked_to_stop_while_it_prepares_trains_no_trial(study, tmp_path):
    heard: list[Event] = []

    def listener(event: Event) -> None:
        heard.append(event)
        if isinstance(event, SearchBegan):
            ask_to_stop(event.folder)

    with pytest.raises(SearchInterrupted) as stopped:
        raykd.tune(study, trials=1, slots=1, storage=tmp_path, name="stopped", listeners=[listener])
    assert stopped.value.folder == tmp_path / "stopped"
    assert isinstance(heard[-1], SearchBegan | Doing | ArtifactMade)
    assert not of(TrialBegan, heard)


@pytest.mark.slow
def test_a_search_that_is_stopped_and_resumed_tells_of_nothing_twice(study, tmp_path):
    before, after = list[Event](), list[Event]()

    def stops(event: Event) -> None:
        before.append(event)
        if isinstance(event, EpochEnded) and event.number == 2 and len(of(TrialEnded, before)) == 1:
            ask_to_stop(tmp_path / "search")

    first = raykd.tune(study, trials=2, slots=1, storage=tmp_path, name="search", listeners=[stops])
    assert first.interrupted
    assert before.count(SearchStopping()) == 1
    assert isinstance(before[-1], SearchEnded) and before[-1].interrupted
    whole = raykd.tune(study, slots=1, storage=tmp_path, name="search", resume=True, listeners=[after.append])
    assert not whole.interrupted
    (resumed,) = of(SearchResumed, after)
    assert dict(resumed.ended) == {event.trial: event.outcome for event in of(TrialEnded, before)}
    ends = [event.trial for event in (*of(TrialEnded, before), *of(TrialEnded, after))]
    assert sorted(ends) == sorted(whole.frame["name"])
    epochs = [(event.trial, event.number) for event in (*of(EpochEnded, before), *of(EpochEnded, after))]
    assert len(epochs) == len(set(epochs))
    assert collections.Counter(trial for trial, _ in epochs) == dict(whole.frame[["name", "epochs"]].values)
    trials = optuna_trials(whole.folder)
    assert sorted(trial.user_attrs["trial"] for trial in trials) == sorted(whole.frame["name"])
    found = {trial.user_attrs["trial"]: (trial.state.is_finished(), len(trial.intermediate_values)) for trial in trials}
    assert found == {name: (True, count) for name, count in whole.frame[["name", "epochs"]].values}
    boards = {path.name for path in (whole.folder / "tensorboard").iterdir()}
    assert len(boards) == len(whole.frame) + 2  # those of the search and the teacher
