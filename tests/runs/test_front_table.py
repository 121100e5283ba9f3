"""The front of trials whose accuracies and costs are made up."""

from typing import Any

import pandas
import pytest

from raykd.evaluation.cost import Cost
from raykd.runs.confirmed import Confirmed, Run, confirmed
from raykd.runs.front import Student, cells, front_in_words, front_of
from raykd.studies.goals import goal

AIM = goal("parameters")
# name: parameters, accuracy of the single run; the third one is beaten by the second
TRIALS = {
    "small": (100, 0.70),
    "middle": (200, 0.80),
    "poor": (300, 0.75),
    "large": (400, 0.90),
    "plain KD": (200, 0.78),
}

BASELINES = ("plain KD", "student alone")


def frame() -> pandas.DataFrame:
    rows = [
        {"name": name, "setting": f"of {name}", "baseline": name in BASELINES, "outcome": "complete"}
        | {"val/accuracy": accuracy, "test/accuracy": accuracy - 0.01}
        for name, (_, accuracy) in TRIALS.items()
    ]
    stopped: dict[str, Any] = {"name": "stopped", "outcome": "stopped", "val/accuracy": 0.99, "baseline": False}
    return pandas.DataFrame([*rows, stopped])


def students() -> dict[str, Student]:
    return {
        name: Student(
            words=f"{name} one",
            cost=Cost(parameters=count, multiply_adds=10 * count, latency_ms={1: count / 100}, device="it", threads=1),
        )
        for name, (count, _) in TRIALS.items()
    }


def found(**means: float) -> Confirmed:
    runs = [
        Run(
            candidate=name.replace("_", " "),
            setting=name.replace("_", " "),
            is_baseline=name.replace("_", " ") in BASELINES,
            number=number,
            outcome="complete",
            validation=mean + shift,
        )
        for name, mean in means.items()
        for number, shift in enumerate((-0.01, 0.0, 0.01), start=1)
    ]
    return confirmed(runs, 3, 0.0)


def test_the_front_of_single_runs():
    made = front_of(frame(), students(), AIM, None)
    assert list(made["name"]) == ["small", "middle", "large"]
    assert list(made["cost"]) == [100, 200, 400]
    assert set(made["state"]) == {"single run"} and set(made["seeds"]) == {1}
    assert list(made["latency_ms"]) == [1.0, 2.0, 4.0]
    words = front_in_words(made, AIM, None, 200.0)
    assert words == "a front of 3 points, 0 of them confirmed: 70.0 % at 100 parameters to 90.0 % at 400 parameters"


def test_what_was_confirmed_says_its_mean_and_the_rest_is_called_a_single_run():
    confirmation = found(small=0.69, middle=0.79, plain_KD=0.76)
    made = front_of(frame(), students(), AIM, confirmation)
    assert list(made["state"]) == ["confirmed", "confirmed", "single run"]
    assert list(made["accuracy"]) == pytest.approx([0.69, 0.79, 0.90])
    assert list(made["seeds"]) == [3, 3, 1]
    assert made["low"].tolist()[0] < 0.69 < made["high"].tolist()[0]
    assert list(made["low"].isna()) == [False, False, True]
    words = front_in_words(made, AIM, confirmation, 200.0)
    assert words.startswith("a front of 3 points, 2 of them confirmed: 69.0 % at 100")
    assert words.endswith("; at no more than plain KD's 200 parameters: +3.0 over plain KD (+3.0 to +3.0)")
    shown = cells(made, AIM)
    assert shown[0][:5] == ("small one", "100 parameters", "69.0 +- 2.5", "69.0", "confirmed, 3 seeds")
    assert shown[2][4] == "one run, not confirmed"


def test_a_point_may_be_beaten_by_another_one_once_both_are_confirmed():
    made = front_of(frame(), students(), AIM, found(small=0.69, middle=0.85, large=0.84, plain_KD=0.76))
    assert list(made["state"]) == ["confirmed", "confirmed", "beaten"]
    assert "front of 2 points" in front_in_words(made, AIM, None, None)


def test_where_nothing_has_ended_there_is_no_front():
    made = front_of(frame().iloc[5:], students(), AIM, None)
    assert made.empty and "name" in made
    assert front_in_words(made, AIM, None, 1.0) == "no trial has run to its end, so there is no front"


def test_a_baseline_that_no_setting_beats_is_named():
    for means, words in (
        ({"small": 0.69, "plain_KD": 0.86}, " no confirmed point is better than plain KD"),
        (
            {"small": 0.69, "plain_KD": 0.76, "student_alone": 0.81},
            " no setting beats student alone, which is +5.0 over",
        ),
    ):
        made = front_of(frame(), students(), AIM, found(**means))
        assert f"; at no more than plain KD's 200 parameters{words}" in front_in_words(made, AIM, found(**means), 200.0)
