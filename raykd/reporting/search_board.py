"""What TensorBoard shows of a search itself, in runs beside those of the trials.

`search` has the columns of the HParams tab; how the best validation accuracy rose from trial to trial; the charts of
the Custom Scalars tab, where accuracies, losses and the terms' shares of the loss stand together; in the end what was
found, with the pictures of `raykd.page.board`. `teacher` is a level line, its validation accuracy, in the chart of the
trials' own.
"""

# TensorBoard ships its protocol buffers without types.
# pyright: reportAttributeAccessIssue=false

import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from optuna.distributions import BaseDistribution
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.custom_scalar import metadata
from tensorboard.plugins.custom_scalar.layout_pb2 import (
    Category,
    Chart,
    Layout,
    MultilineChartContent,
)
from tensorboard.plugins.text.summary_v2 import text_pb

from raykd.protocols.event import METRIC, Event, SearchBegan, SearchEnded, SearchResumed, TeacherReady, TrialEnded
from raykd.protocols.outcome import TrialOutcome, is_comparable
from raykd.reporting import hparams
from raykd.reporting.tensorboard import EVENTS, Board, event_bytes, write_events
from raykd.storage.layout import BOARD_OF_SEARCH, BOARD_OF_TEACHER

TEST, WINNER = "test/accuracy", "winner"
# The tab ticks the first five metrics too, which every trial has, also of a search that an older raykd began; the last
# two stand where the test split was read.
_EVERY = (METRIC, "train/loss", "train/learning_rate", "train/keep", "train/anchor")
METRICS = (*_EVERY, "train/accuracy", "val/loss", TEST, WINNER)
_CHARTS = {
    "accuracy": {
        "validation": METRIC,
        "training": "train/accuracy",
        "test": TEST,
        "best so far, by ended trials": "search/best",
    },
    "loss": {
        "training, weighted sum": "train/loss",
        "validation, cross-entropy": "val/loss",
        "share of each term": "share/.*",
    },
    "schedules": {
        "learning rate": "train/learning_rate",
        "the teacher's epoch": "train/anchor",
        "probability of the student's own stages": "train/keep",
    },
}


class SearchBoard:
    """A listener that writes them.

    Args:
        search: its folder.
        columns: of the HParams tab, the most telling first.
        epochs: of the study's recipe.
    """

    def __init__(self, search: Path, columns: Mapping[str, BaseDistribution], epochs: int):
        self._folder, self._teacher = search / BOARD_OF_SEARCH, search / BOARD_OF_TEACHER
        self._columns, self._epochs = columns, epochs
        self._ended, self._best = 0, 0.0
        self._board: Board | None = None

    def __call__(self, event: Event, /) -> None:
        match event:
            case SearchBegan():
                self._folder.parent.mkdir(exist_ok=True)
                write_experiment(self._folder, self._columns, METRICS)
            case TeacherReady(accuracy=accuracy):
                self._draw_teacher(accuracy)
            case SearchResumed(ended=ended):
                for name, outcome in ended.items():
                    self._compare(name, outcome)
            case TrialEnded(trial=name, outcome=outcome):
                self._compare(name, outcome)
                if is_comparable(name, outcome):
                    self._write_best()
            case SearchEnded():
                found = event_bytes(step=0, summary=text_pb("verdict", event.verdict))
                write_events(self._folder / f"{EVENTS}.verdict", found)
            case _:
                pass

    def _draw_teacher(self, accuracy: float) -> None:
        level = Summary(value=[Summary.Value(tag=METRIC, simple_value=accuracy)])
        points = [event_bytes(step=epoch, summary=level) for epoch in sorted({1, self._epochs})]
        write_events(self._teacher / f"{EVENTS}.{0:06}", b"".join([event_bytes(file_version="brain.Event:2"), *points]))

    def _compare(self, trial: str, outcome: TrialOutcome) -> None:
        if is_comparable(trial, outcome):
            self._ended += 1
            self._best = max(self._best, outcome.accuracy or 0.0)

    def _write_best(self) -> None:
        if self._board is None:
            self._board = Board(self._folder, resumed_at=self._ended - 1)
        best = Summary.Value(tag="search/best", simple_value=self._best)
        self._board.append(step=self._ended, summary=Summary(value=[best]))


def write_experiment(folder: Path, columns: Mapping[str, BaseDistribution], metrics: Iterable[str]) -> None:
    """Writes what a search draws, for the HParams tab (`hparams.experiment`), and its charts.

    Args:
        folder: beside the folders of the runs; what was written there before is replaced.
    """
    record = hparams.experiment(columns, metrics, time.time())
    write_events(folder / f"{EVENTS}.experiment", event_bytes(summary=record))
    write_events(folder / f"{EVENTS}.layout", event_bytes(step=0, summary=_charts()))


def write_test(folder: Path, accuracy: float, *, is_winner: bool, epochs: int) -> Path:
    """Writes into a trial's run what the test split said of it, and whether it is the winner; gives the file."""
    values = {TEST: accuracy, WINNER: float(is_winner)}
    summary = Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])
    file = file_of_test(folder)
    write_events(file, event_bytes(step=epochs, summary=summary))
    return file


def file_of_test(folder: Path) -> Path:
    """Where that stands."""
    return folder / f"{EVENTS}.test"


def _charts() -> Summary:
    """TensorBoard's own helper for this, `custom_scalar.summary.pb`, imports TensorFlow."""
    categories = [
        Category(title=title, chart=[_chart(*chart) for chart in charts.items()]) for title, charts in _CHARTS.items()
    ]
    content = TensorProto(dtype=DT_STRING, string_val=[Layout(category=categories).SerializeToString()])
    plugin = SummaryMetadata.PluginData(plugin_name=metadata.PLUGIN_NAME)
    value = Summary.Value(tag=metadata.CONFIG_SUMMARY_TAG, metadata=SummaryMetadata(plugin_data=plugin), tensor=content)
    return Summary(value=[value])


def _chart(title: str, tag: str) -> Chart:
    return Chart(title=title, multiline=MultilineChartContent(tag=[f"^{tag}$"]))
