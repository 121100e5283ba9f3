"""What TensorBoard shows of a search itself: the best so far, over a resume too, and what the test split said."""

from pathlib import Path

import pytest
from optuna.distributions import FloatDistribution
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout  # pyright: ignore[reportAttributeAccessIssue]

from helpers import epochs
from raykd.protocols.event import SearchBegan, SearchEnded, SearchResumed, TeacherReady, TrialEnded
from raykd.protocols.outcome import TrialOutcome
from raykd.reporting.search_board import METRICS, SearchBoard, file_of_test, write_test
from raykd.reporting.tensorboard import tensorboard

COLUMNS = {"optimiser/lr": FloatDistribution(0.01, 0.2)}


def ended(trial: str, accuracy: float, kind: str = "complete") -> TrialEnded:
    return TrialEnded(trial=trial, outcome=TrialOutcome(kind=kind, accuracy=accuracy, epochs=3))


def board(folder: Path) -> SearchBoard:
    made = SearchBoard(folder, COLUMNS, 3)
    made(SearchBegan(folder=folder, total=5, ranges={}))
    return made


def read(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder / "tensorboard" / "search")).Reload()


def best(folder: Path) -> list[tuple[int, float]]:
    return [(point.step, round(point.value, 6)) for point in read(folder).Scalars("search/best")]


def test_the_best_so_far_rises_from_trial_to_trial_and_goes_on_when_the_search_is_resumed(tmp_path: Path):
    first = board(tmp_path)
    for name, accuracy in {"plain-KD-a": 0.5, "trial-0000-b": 0.4}.items():
        first(ended(name, accuracy))
    first(ended("trial-0001-c", 0.9, "stopped"))
    first(ended("confirm-01-plain-KD-d", 0.9))
    assert best(tmp_path) == [(1, 0.5), (2, 0.5)]
    again = board(tmp_path)
    known = {"plain-KD-a": 0.5, "trial-0000-b": 0.4}
    again(SearchResumed(ended={name: ended(name, value).outcome for name, value in known.items()}))
    again(ended("trial-0002-e", 0.75))
    again(SearchEnded(interrupted=False, best="trial-0002-e", accuracy=0.75, verdict="it won"))
    assert best(tmp_path) == [(1, 0.5), (2, 0.5), (3, 0.75)]
    (text,) = read(tmp_path).Tensors("verdict")
    assert text.tensor_proto.string_val[0] == b"it won"


def test_the_teacher_is_a_level_line_in_the_trials_chart(tmp_path: Path):
    board(tmp_path)(TeacherReady(accuracy=0.75))
    events = EventAccumulator(str(tmp_path / "tensorboard" / "teacher")).Reload()
    assert [(point.step, point.value) for point in events.Scalars("val/accuracy")] == [(1, 0.75), (3, 0.75)]


def test_the_charts_stand_together_and_each_is_of_a_tag_that_is_written(tmp_path: Path):
    board(tmp_path)
    (config,) = read(tmp_path).Tensors("custom_scalars__config__")
    layout = Layout.FromString(config.tensor_proto.string_val[0])
    assert [category.title for category in layout.category] == ["accuracy", "loss", "schedules"]
    tags = [tag for category in layout.category for chart in category.chart for tag in chart.multiline.tag]
    assert {tag.strip("^$") for tag in tags} == {*METRICS, "search/best", "share/.*"} - {"winner"}


def test_the_test_accuracy_and_the_winner_stand_in_the_trials_own_run(tmp_path: Path):
    run = tmp_path / "07 KD"
    list(tensorboard(epochs(3), run))
    assert write_test(run, 0.625, is_winner=True, epochs=3) == file_of_test(run)
    events = EventAccumulator(str(run)).Reload()
    points = {tag: [(point.step, point.value) for point in events.Scalars(tag)] for tag in ("test/accuracy", "winner")}
    assert points == {"test/accuracy": [(3, pytest.approx(0.625))], "winner": [(3, 1.0)]}
