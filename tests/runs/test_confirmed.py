"""What a confirmation says: who won, by how much over fresh seeds, and what its last line tells."""

import json
import math
from dataclasses import replace

import pandas
import pytest

from raykd.evaluation.comparison import paired
from raykd.runs.confirmed import Confirmed, Run, confirmed
from raykd.runs.verdict import teacher_in_words, unconfirmed, verdict

KD, ALONE = "plain KD", "student alone"


def runs(setting: str, validation: list[float], test: list[float] | None = None, **changes) -> list[Run]:
    is_baseline = setting in (KD, ALONE)
    whole = Run(
        candidate=f"{setting.replace(' ', '-')}-0",
        setting=setting,
        is_baseline=is_baseline,
        number=0,
        outcome="complete",
        validation=None,
    )
    tested = test or [None] * len(validation)
    return [
        replace(whole, number=number, validation=value, test=there, **changes)
        for number, (value, there) in enumerate(zip(validation, tested, strict=True), 1)
    ]


PLAIN = runs(KD, [0.93, 0.94, 0.95, 0.94, 0.94], [0.92, 0.93, 0.92, 0.93, 0.92])
STUDENT = runs(ALONE, [0.92, 0.93, 0.92, 0.93, 0.92], [0.91, 0.91, 0.90, 0.92, 0.91])
BETTER = runs("quest K 64", [0.95, 0.96, 0.96, 0.96, 0.95], [0.93, 0.945, 0.93, 0.94, 0.935])
BEHIND = runs("iakd", [0.90, 0.91, 0.90])


def found(*parts: list[Run]) -> Confirmed:
    return confirmed([run for part in parts for run in part], seeds=5, overlap=0.0)


def test_the_best_mean_wins_and_its_lead_is_told_by_the_test_split():
    result = found(PLAIN, STUDENT, BETTER, BEHIND)
    assert [one.setting for one in result.candidates] == ["quest K 64", KD, ALONE, "iakd"]
    assert [one.state for one in result.candidates] == ["complete"] * 3 + ["behind"]
    winner = result.winner
    assert winner is not None and winner.validation is not None
    assert winner.validation.mean == pytest.approx(0.956)
    assert winner.test_over[KD] == paired(*([run.test or 0.0 for run in part] for part in (BETTER, PLAIN)))
    assert winner.test_over[KD].mean == pytest.approx(0.012)
    assert winner.over[KD] == paired(
        *([run.validation or 0.0 for run in part] for part in (BETTER, PLAIN)), comparisons=2
    )
    assert verdict(result) == (
        "winner: quest K 64: validation 95.6 +- 0.7 %, test 93.6 +- 0.8 %, "
        "+1.2 over plain KD (+0.9 to +1.5, p below 0.001, 5 seeds)"
    )


def test_a_difference_within_the_noise_is_no_win():
    noisy = runs("quest K 64", [0.95, 0.96, 0.96, 0.96, 0.95], [0.90, 0.96, 0.91, 0.95, 0.92])
    assert verdict(found(PLAIN, STUDENT, noisy)) == (
        "not shown to be better than plain KD (+0.4, -2.2 to +3.0, p 0.688, 5 seeds): quest K 64, "
        "validation 95.6 +- 0.7 %, test 92.8 +- 3.2 %; about 106 seeds would settle it, if it stays what it is"
    )


def test_a_win_on_validation_that_is_a_loss_on_the_test_split_is_no_win():
    worse = runs("quest K 64", [0.95, 0.96, 0.96, 0.96, 0.95], [0.91, 0.92, 0.91, 0.92, 0.905])
    assert verdict(found(PLAIN, worse)) == (
        "no better than plain KD (-1.1, -1.4 to -0.8, p below 0.001, 5 seeds): quest K 64, validation 95.6 +- 0.7 %, "
        "test 91.3 +- 0.8 %"
    )


def test_a_baseline_may_win():
    worse = runs("quest K 64", [0.92, 0.93, 0.94, 0.93, 0.93])
    assert verdict(found(PLAIN, STUDENT, worse)) == (
        "no setting is better than plain KD: validation 94.0 +- 0.9 %, test 92.4 +- 0.7 %; the closest is quest K 64 "
        "(-1.0, -1.0 to -1.0, p below 0.001, 5 seeds on validation)"
    )
    assert (
        verdict(found(PLAIN, STUDENT))
        == "no setting is better than plain KD: validation 94.0 +- 0.9 %, test 92.4 +- 0.7 %"
    )


@pytest.mark.parametrize("outcome", ["diverged", "failed"])
def test_a_setting_that_fails_with_one_seed_does_not_win(outcome: str):
    (first, *rest) = BETTER
    result = found(PLAIN, [replace(first, outcome=outcome, validation=None), *rest])
    assert [(one.setting, one.state) for one in result.candidates] == [(KD, "complete"), ("quest K 64", "unsteady")]
    assert result.winner is not None and result.winner.setting == KD
    assert verdict(confirmed([replace(first, outcome=outcome)], 5, 0.0)) == (
        "nothing could be confirmed: no candidate ran to its end with every seed"
    )


def test_one_seed_has_no_interval_and_says_so():
    one = confirmed([PLAIN[0], BETTER[0]], seeds=1, overlap=0.0)
    assert verdict(one) == (
        "not shown to be better than plain KD (+1.0, 1 seed): quest K 64, validation 95.0 %, "
        "test 93.0 %; one seed proves nothing"
    )


def test_it_is_read_as_it_was_written():
    for result in (found(PLAIN, STUDENT, BETTER, BEHIND), confirmed([PLAIN[0], BETTER[0]], 1, 0.0)):
        text = json.dumps(result.to_json(), allow_nan=False)
        again = Confirmed.from_json(json.loads(text), result.frame)
        assert repr(again) == repr(result)


def test_without_a_confirmation_one_run_proves_nothing():
    frame = pandas.DataFrame(
        {
            "name": ["trial-0", "kd-0"],
            "setting": ["quest", KD],
            "val/accuracy": [0.95, 0.94],
            "test/accuracy": [0.9, math.nan],
        }
    )
    assert unconfirmed(frame, "trial-0", True) == (
        "best of single runs: quest (trial-0): validation 95.0 %, test 90.0 %; one run proves nothing, what would is "
        "--confirm 5"
    )
    assert unconfirmed(frame, "kd-0", False) == "best so far: plain KD (kd-0): validation 94.0 %"
    assert unconfirmed(frame, None, False) == "no trial has run to its end yet"
    assert unconfirmed(frame, None, True) == "no trial has run to its end"


def test_a_teacher_that_is_worse_than_the_student_alone_is_named():
    assert teacher_in_words(0.95, found(PLAIN, STUDENT)) == "teacher: test accuracy 0.9500"
    assert teacher_in_words(0.905, found(PLAIN, STUDENT)) == "teacher: test accuracy 0.9050"  # within the interval
    assert teacher_in_words(0.85, found(PLAIN, STUDENT)) == (
        "teacher: test accuracy 0.8500, below student alone's 91.0 +- 0.9 %: a better one is what would help"
    )
    assert teacher_in_words(0.85, None) == "teacher: test accuracy 0.8500"
