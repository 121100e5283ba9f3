"""The figures show what the trials of a made-up search say."""

from pathlib import Path
from typing import Any

import pytest

from finished_search import COUNT, LOCAL, finished_search
from raykd.page.cost import seconds_by_kind
from raykd.page.curves import curves
from raykd.page.evidence import Evidence, read_evidence
from raykd.page.importance import ALL, importances
from raykd.page.methods import methods, methods_of
from raykd.page.parallel import parallel
from raykd.page.parameters import Parameter, as_study, parameters
from raykd.page.schedules import schedules
from raykd.page.slices import slices


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return read_evidence(finished_search(tmp_path_factory.mktemp("runs") / "one"), LOCAL, "finished")


def traces(drawing: Any) -> list[Any]:
    return list(drawing.figure.data)


def test_a_value_that_was_not_drawn_is_left_out_of_the_study(evidence: Evidence):
    study = as_study(evidence.own, parameters(evidence.own))
    assert len(study.trials) == COUNT
    words = [trial.params.get("terms/quest/words") for trial in study.trials]
    assert sum(value is not None for value in words) == sum(number % 3 == 0 for number in range(COUNT))
    assert all(
        (value is None) == (trial.params["terms/quest"] == "off")
        for value, trial in zip(words, study.trials, strict=True)
    )


def test_what_decides_the_accuracy_matters_most(evidence: Evidence):
    first, *rest = importances(evidence)
    assert (first.path, first.among, first.count) == ("optimiser/lr", ALL, COUNT)
    assert first.share > 0.5
    assert first.share + sum(one.share for one in rest) == pytest.approx(1.0)
    assert importances(evidence) == [first, *rest]  # the estimate repeats


def test_parallel_coordinates_drop_no_trial(evidence: Evidence):
    (drawing,) = parallel(evidence, importances(evidence))
    assert len(traces(drawing)) == COUNT
    layout: Any = drawing.figure.layout
    axes = list(layout.xaxis.ticktext)
    place = axes.index("terms/quest/words")
    assert sum(trace.y[place] < 0 for trace in traces(drawing)) == sum(number % 3 != 0 for number in range(COUNT))
    assert [trace.y[-1] for trace in traces(drawing)] == pytest.approx(
        [number / (COUNT - 1) for number in range(COUNT)]
    )


def test_a_slice_has_the_trials_that_drew_it(evidence: Evidence):
    quest = {drawing.title: drawing for drawing in slices(evidence)["terms/quest"]}
    assert quest["words"].text == "6 trials, 10 without it"
    stopped, complete, best = traces(quest["words"])
    assert (list(stopped.x), sorted(complete.x), list(best.x)) == ([32], [128, 224, 320, 416, 512], [512])
    assert quest["which"].text == "16 trials"


def test_every_trial_has_a_curve(evidence: Evidence):
    (drawing,) = curves(evidence)
    assert len(traces(drawing)) == COUNT + 2  # the baselines; one that failed has none


def test_methods_are_told_from_the_recipe(evidence: Evidence):
    told = {trial.name: methods_of(trial.recipe) for trial in evidence.own}
    assert told["trial-0015-abc"] == ("kd", "quest")
    assert told["trial-0014-abc"] == ("kd",)
    _, pairs = methods(evidence)
    (heat,) = traces(pairs)
    assert list(heat.x) == ["kd", "quest"]
    assert [list(row) for row in heat.text] == [["85.0<br>(11)", "87.5<br>(6)"], ["87.5<br>(6)", ""]]


def test_anchors_are_drawn_where_they_change_and_swaps_where_there_are_any(evidence: Evidence):
    (anchors,) = schedules(evidence)
    assert anchors.title == "Anchor schedules"
    assert len(traces(anchors)) == COUNT - 1 + 1  # one trial had an epoch alone; the scale beside them is a trace too


def test_time_is_added_up_by_what_it_was_for(evidence: Evidence):
    assert list(seconds_by_kind(evidence).values()) == [6.0 * (COUNT - 1), 2.0, 12.0, 0.0]


def test_a_search_that_has_just_begun_has_nothing_to_draw(tmp_path: Path):
    folder = finished_search(tmp_path / "one")
    for trial in (folder / "trials").iterdir():
        (trial / "epochs.jsonl").unlink()
    empty = read_evidence(folder, LOCAL, "running")
    assert not (curves(empty) or parallel(empty, []) or methods(empty) or schedules(empty) or slices(empty))
    assert importances(empty) == []


def test_places_on_an_axis():
    linear = Parameter(path="a", values={"1": 1, "2": 2, "3": 5})
    assert [linear.place(value) for value in (1, 2, 5)] == [0.0, 0.25, 1.0]
    logarithmic = Parameter(path="a", values={"1": 0.001, "2": 0.01, "3": 0.1})
    assert [logarithmic.place(value) for value in (0.001, 0.01, 0.1)] == pytest.approx([0.0, 0.5, 1.0])
    words = Parameter(path="a", values={"1": "off", "2": "on", "3": True})
    assert [words.place(value) for value in (True, "off", "on")] == [0.0, 0.5, 1.0]
    assert (words.is_number, Parameter(path="terms/kd/weight", values={}).component) == (False, "terms/kd")
