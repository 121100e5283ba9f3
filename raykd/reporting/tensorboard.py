"""A listener that writes a run's epochs to TensorBoard, and hands them on.

    for epoch in checkpoints(tensorboard(distill(recipe), folder), path): ...

The loop that makes the epochs knows nobody who listens, and a listener knows nothing of the loop but its
epochs. What a listener writes of an epoch is on the disk before the epoch is handed on.
"""

import io
import math
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event, SessionLog  # pyright: ignore[reportAttributeAccessIssue]
from tensorboard.compat.proto.summary_pb2 import Summary  # pyright: ignore[reportAttributeAccessIssue]
from tensorboard.plugins.text.summary_v2 import text_pb
from torch.utils.tensorboard import RecordWriter

from raykd.errors import OwnershipLostError
from raykd.protocols.epoch import AnchorRatio, E, FinishedEpoch
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
        weights: of the terms of the loss, by name: what each term has of it is written too.
    """

    def __init__(self, folder: Path, resumed_at: int = 0, weights: Mapping[str, float] | None = None):
        for end in folder.glob(f"*{_END}*"):
            end.unlink()
        folder.mkdir(parents=True, exist_ok=True)
        # TensorBoard reads a folder's files in the order of their names: counted, so that no clock decides.
        number = len(list(folder.glob(f"{EVENTS}.??????")))
        self.is_first = number == 0  # nothing was written in the folder before
        self._weights, self._file = weights or {}, folder / f"{EVENTS}.{number:06}"
        self._file.touch(exist_ok=False)
        self.append(file_version="brain.Event:2")  # TensorFlow's, from which on a restart hides points
        self.append(step=resumed_at + 1, session_log=SessionLog(status=SessionLog.START))

    def write(self, epoch: FinishedEpoch) -> None:
        """Writes an epoch's metrics, and the ratios of a leg that began with it."""
        # One record holds the whole epoch, so that a reader never sees a part of it.
        values = epoch.metrics | _shares(epoch.metrics, self._weights) | _ratios(epoch.ratios)
        scalars = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
        self.append(step=epoch.number, summary=Summary(value=scalars))

    def append(self, **content: Any) -> None:
        """Appends an event of TensorBoard's, which can be read at once."""
        event = event_bytes(**content)
        retry_while_unavailable(lambda: atomic.append(self._file, event))


def tensorboard(
    epochs: Iterator[E],
    folder: Path,
    values: Mapping[str, Hyperparameter] | None = None,
    resumed_at: int = 0,
    *,
    weights: Mapping[str, float] | None = None,
    texts: Mapping[str, str] | None = None,
) -> Generator[E, None, None]:
    """Writes each epoch's metrics to TensorBoard, and the run's row in the HParams tab.

    The row says success when the run ends or nobody asks for its next epoch (a scheduler stopped it), failure when
    it raises or diverges, and unknown while it runs or after it was killed. A run that is taken over says nothing.

    When a leg of a greedy route begins, how hard each checkpoint of the teacher is for the student by then (RCO's r_ij)
    is drawn by the checkpoint's epoch, as `anchors/teacher epoch 20`; the anchor learnt from so far stands at 1.

    Args:
        folder: of this run alone; its name is the row's name.
        values: the run's hyperparameters; None writes no row.
        resumed_at, weights: as of `Board`; epochs finished before this call.
        texts: what stands in the Text tab, in Markdown, by its name; with `values` the result too, when there is one.
    """
    board, last = Board(folder, resumed_at, weights), ""
    succeeded = diverged = False
    try:
        if texts and board.is_first:
            board.append(step=0, summary=Summary(value=[_text(*named) for named in texts.items()]))
        if values is not None:
            board.append(summary=hparams.session_start(values, folder.name, time.time()))
        for epoch in epochs:
            board.write(epoch)
            diverged, last = epoch.diverged, _in_words(epoch)
            succeeded = not diverged  # if the caller closes us at the yield
            yield epoch
            succeeded = False  # if the next epoch raises
        succeeded = not diverged
    except OwnershipLostError:
        values = None  # the end of the row is not this run's to tell
        raise
    finally:
        if values is not None:
            result = event_bytes(step=0, summary=Summary(value=[_text("result", last)])) if last else b""
            write_events(folder / _END, event_bytes(summary=hparams.session_end(succeeded, time.time())) + result)


# TensorBoard keeps the first record of a kind that it finds in a folder. What may be taken back, such as the end of a
# run that is resumed, stands in a file of its own.
EVENTS = "events.out.tfevents"
_END = f"{EVENTS}.end"


def _shares(metrics: Mapping[str, float], weights: Mapping[str, float]) -> dict[str, float]:
    """What each term has of the loss, with its weight: 1 in all."""
    loss = metrics.get("train/loss", 0.0)
    if not math.isfinite(loss) or loss == 0.0:
        return {}
    return {f"share/{name}": weight * metrics[f"train/{name}"] / loss for name, weight in weights.items()}


def _ratios(ratios: Iterable[AnchorRatio]) -> dict[str, float]:
    values = dict[str, float]()
    for ratio in ratios:
        values[f"anchors/teacher epoch {ratio.anchor_epoch}"] = 1.0
        values[f"anchors/teacher epoch {ratio.candidate_epoch}"] = ratio.ratio
    return values


def _text(name: str, words: str) -> Summary.Value:
    return text_pb(name, words).value[0]


def _in_words(epoch: FinishedEpoch) -> str:
    """How a run stands after an epoch; what is missing of its epochs it was not asked for."""
    if epoch.diverged:
        return f"diverged in epoch {epoch.number} of {epoch.epochs}"
    numbers = " ".join(f"| {name} | {value:.5g} |\n" for name, value in epoch.metrics.items())
    return f"after {epoch.number} of {epoch.epochs} epochs\n\n| metric | value |\n| --- | --- |\n {numbers}"


def event_bytes(**content: Any) -> bytes:
    """An event of TensorBoard's as it stands in a file."""
    record = io.BytesIO()
    RecordWriter(record).write(Event(wall_time=time.time(), **content).SerializeToString())
    return record.getvalue()


def write_events(path: Path, events: bytes) -> None:
    """Writes a file of events, in place of one that is there."""
    retry_while_unavailable(lambda: atomic.write(path, lambda temporary: temporary.write_bytes(events)))
