"""A listener that writes a run's epochs to TensorBoard, and hands them on.

    for epoch in checkpoints(tensorboard(distill(recipe), folder), path): ...

The loop that makes the epochs knows nobody who listens, and a listener knows nothing of the loop but its
epochs. What a listener writes of an epoch is on the disk before the epoch is handed on.
"""

import io
import shutil
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution
from tensorboard.compat.proto.event_pb2 import Event, SessionLog  # pyright: ignore[reportAttributeAccessIssue]
from tensorboard.compat.proto.summary_pb2 import Summary  # pyright: ignore[reportAttributeAccessIssue]
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.plugins.text.summary_v2 import text_pb
from torch.utils.tensorboard import RecordWriter

from raykd.errors import OwnershipLostError
from raykd.protocols import event as events
from raykd.protocols.epoch import AnchorRatio, E, FinishedEpoch
from raykd.protocols.event import METRIC
from raykd.reporting import hparams
from raykd.reporting.hparams import Hyperparameter
from raykd.storage import atomic
from raykd.storage.retry import retry_while_unavailable


class Board:
    """The folder of a run, for whoever hears of its epochs one by one.

    Args:
        folder: of this run alone.
        resumed_at: epochs finished before. What the folder holds of later ones is hidden, so that no point stands
            twice.
    """

    def __init__(self, folder: Path, resumed_at: int = 0):
        for end in folder.glob(f"*{_END}*"):
            end.unlink()
        for leg in folder.glob(f"{_ANCHORS}*"):
            if int(leg.name.removeprefix(_ANCHORS)) > resumed_at:
                shutil.rmtree(leg)
        folder.mkdir(parents=True, exist_ok=True)
        # TensorBoard reads a folder's files in the order of their names: counted, so that no clock decides.
        number = len(list(folder.glob(f"{_EVENTS}.??????")))
        self._folder, self._file = folder, folder / f"{_EVENTS}.{number:06}"
        self._file.touch(exist_ok=False)
        self.append(file_version="brain.Event:2")  # TensorFlow's, from which on a restart hides points
        self.append(step=resumed_at + 1, session_log=SessionLog(status=SessionLog.START))

    def write(self, epoch: FinishedEpoch) -> None:
        """Writes an epoch's metrics, and the ratios of a leg that began with it."""
        # One record holds the whole epoch, so that a reader never sees a part of it.
        scalars = [Summary.Value(tag=tag, simple_value=value) for tag, value in epoch.metrics.items()]
        self.append(step=epoch.number, summary=Summary(value=scalars))
        if epoch.ratios:
            _draw(epoch.ratios, self._folder / f"{_ANCHORS}{epoch.number:04}")

    def append(self, **content: Any) -> None:
        """Appends an event of TensorBoard's, which can be read at once."""
        event = _event(**content)
        retry_while_unavailable(lambda: atomic.append(self._file, event))


def tensorboard(
    epochs: Iterator[E], folder: Path, values: Mapping[str, Hyperparameter] | None = None, resumed_at: int = 0
) -> Generator[E, None, None]:
    """Writes each epoch's metrics to TensorBoard, and the run's row in the HParams tab.

    The row says success when the run ends or nobody asks for its next epoch (a scheduler stopped it), failure when
    it raises or diverges, and unknown while it runs or after it was killed. A run that is taken over says nothing.

    The ratios of a leg of a greedy route are drawn against the teacher's epochs, as a run of their own beneath this
    one (`FOLDER/anchors-epoch-NUMBER`, by the epoch that the leg begins with): each leg is a line of one chart.

    Args:
        folder: of this run alone; its name is the row's name.
        values: the run's hyperparameters; None writes no row.
        resumed_at: epochs finished before this call. What the folder holds of later ones is hidden, so that no
            point stands twice.
    """
    board = Board(folder, resumed_at)
    succeeded = diverged = False
    try:
        if values is not None:
            board.append(summary=hparams.session_start(values, folder.name, time.time()))
        for epoch in epochs:
            board.write(epoch)
            diverged = epoch.diverged
            succeeded = not diverged  # if the caller closes us at the yield
            yield epoch
            succeeded = False  # if the next epoch raises
        succeeded = not diverged
    except OwnershipLostError:
        values = None  # the end of the row is not this run's to tell
        raise
    finally:
        if values is not None:
            _write(folder / _END, _event(summary=hparams.session_end(succeeded, time.time())))


def write_experiment(folder: Path, ranges: Mapping[str, BaseDistribution], metrics: Iterable[str]) -> None:
    """Writes what a search draws, for the HParams tab; see `hparams.experiment`.

    Args:
        folder: beside the folders of the runs; a record written there before is replaced.
    """
    _write(folder / _EXPERIMENT, _event(summary=hparams.experiment(ranges, metrics, time.time())))


@dataclass(frozen=True)
class Experiment:
    """A listener that writes into a search's folder of TensorBoard what it draws, and in the end what it found."""

    folder: Path

    def __call__(self, event: events.Event, /) -> None:
        match event:
            case events.SearchBegan():
                write_experiment(self.folder, event.ranges, (METRIC, "train/loss"))
            case events.SearchEnded():
                _write(self.folder / _VERDICT, _event(step=0, summary=text_pb("verdict", event.verdict)))
            case _:
                pass


# TensorBoard keeps the first record of a kind that it finds in a folder. Each of these three stands in a file of its
# own, so that a resumed run can take back the end that it had.
_EVENTS = "events.out.tfevents"
_END = f"{_EVENTS}.end"
_EXPERIMENT = f"{_EVENTS}.experiment"
_VERDICT = f"{_EVENTS}.verdict"
_ANCHORS = "anchors-epoch-"
_RATIO = (
    "How hard a checkpoint of the teacher is for the student when a leg of the route begins (RCO's r_ij). Steps are "
    "the teacher's epochs. The anchor that the student has learnt from so far stands at 1."
)


def _draw(ratios: tuple[AnchorRatio, ...], folder: Path) -> None:
    """Writes a leg's ratios with the teacher's epochs as steps, rising from the anchor, whose own ratio is 1."""
    points = {ratio.anchor_epoch: 1.0 for ratio in ratios} | {ratio.candidate_epoch: ratio.ratio for ratio in ratios}

    drawn = [
        _event(step=epoch, summary=scalar_pb("anchors/ratio", ratio, _RATIO)) for epoch, ratio in sorted(points.items())
    ]
    _write(folder / f"{_EVENTS}.{0:06}", b"".join([_event(file_version="brain.Event:2"), *drawn]))


def _event(**content: Any) -> bytes:
    """An event as it stands in a file."""
    record = io.BytesIO()
    RecordWriter(record).write(Event(wall_time=time.time(), **content).SerializeToString())
    return record.getvalue()


def _write(path: Path, events: bytes) -> None:
    retry_while_unavailable(lambda: atomic.write(path, lambda temporary: temporary.write_bytes(events)))
