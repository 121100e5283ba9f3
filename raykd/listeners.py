"""Listeners: generators that hand epochs on and do something with each on its way, such as writing it down.

    for epoch in checkpoints(tensorboard(distill(recipe), folder), path): ...

The loop that makes the epochs knows nobody who listens, and a listener knows nothing of the loop but its
epochs. What a listener writes of an epoch is on the disk before the epoch is handed on.
"""

import pickle
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar

import torch
from optuna.distributions import BaseDistribution
from tensorboard.compat.proto.event_pb2 import Event, SessionLog  # pyright: ignore[reportAttributeAccessIssue]
from tensorboard.compat.proto.summary_pb2 import Summary  # pyright: ignore[reportAttributeAccessIssue]
from torch.utils.tensorboard import RecordWriter

from raykd import artifacts, hparams
from raykd.hparams import Hyperparameter


class FinishedEpoch(Protocol):
    """What listeners read of an epoch; `raykd.epoch.Epoch` is one."""

    @property
    def number(self) -> int:
        """Epochs finished, from 1."""
        ...

    @property
    def epochs(self) -> int:
        """Epochs of the whole run."""
        ...

    @property
    def metrics(self) -> dict[str, float]: ...

    @property
    def state(self) -> Callable[[], dict[str, Any]]:
        """Gives everything that a run needs to go on after this epoch: tensors and plain values."""
        ...

    @property
    def diverged(self) -> bool: ...


E = TypeVar("E", bound=FinishedEpoch)


def tensorboard(
    epochs: Iterator[E], folder: Path, values: Mapping[str, Hyperparameter] | None = None, resumed_at: int = 0
) -> Generator[E, None, None]:
    """Writes each epoch's metrics to TensorBoard, and the run's row in the HParams tab.

    The row says success when the run ends or nobody asks for its next epoch (a scheduler stopped it), failure when
    it raises or diverges, and unknown while it runs or after it was killed.

    Args:
        folder: of this run alone; its name is the row's name.
        values: the run's hyperparameters; None writes no row.
        resumed_at: epochs finished before this call. What the folder holds of later ones is hidden, so that no
            point stands twice.
    """
    for end in folder.glob(f"*{_END}*"):
        end.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    # TensorBoard reads a folder's files in the order of their names: counted, so that no clock decides.
    number = len(list(folder.glob(f"{_EVENTS}.??????")))
    succeeded = diverged = False
    try:
        with (folder / f"{_EVENTS}.{number:06}").open("xb") as file:
            _write(file, file_version="brain.Event:2")  # TensorFlow's, from which on a restart hides points
            _write(file, step=resumed_at + 1, session_log=SessionLog(status=SessionLog.START))
            if values is not None:
                _write(file, summary=hparams.session_start(values, folder.name, time.time()))
            for epoch in epochs:
                # One record holds the whole epoch, so that a reader never sees a part of it.
                scalars = [Summary.Value(tag=tag, simple_value=value) for tag, value in epoch.metrics.items()]
                _write(file, step=epoch.number, summary=Summary(value=scalars))
                diverged = epoch.diverged
                succeeded = not diverged  # if the caller closes us at the yield
                yield epoch
                succeeded = False  # if the next epoch raises
            succeeded = not diverged
    finally:
        if values is not None:
            _write_alone(folder / _END, hparams.session_end(succeeded, time.time()))


def write_experiment(folder: Path, ranges: Mapping[str, BaseDistribution], metrics: Iterable[str]) -> None:
    """Writes what a search draws, for the HParams tab; see `hparams.experiment`.

    Args:
        folder: beside the folders of the runs; a record written there before is replaced.
    """
    _write_alone(folder / _EXPERIMENT, hparams.experiment(ranges, metrics, time.time()))


def checkpoints(epochs: Iterator[E], path: Path, every: int = 1) -> Generator[E, None, None]:
    """Saves the run's state after each `every` epochs and after the last; `load_checkpoint` reads it back.

    An epoch that diverged is not saved: the file keeps the last state that training can go on from.
    """
    if every < 1:
        raise ValueError(f"a checkpoint is saved every 1 or more epochs, got {every}")
    return _checkpoints(epochs, path, every)


def _checkpoints(epochs: Iterator[E], path: Path, every: int) -> Generator[E, None, None]:
    for epoch in epochs:
        if not epoch.diverged and (epoch.number % every == 0 or epoch.number == epoch.epochs):
            content = {"number": epoch.number, "metrics": epoch.metrics, "state": epoch.state()}
            artifacts.write(path, lambda temporary, content=content: torch.save(content, temporary))
        yield epoch


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """The `number`, `metrics` and `state` that `checkpoints` saved, on the CPU; None where there is no file.

    Raises:
        ValueError: the file is torn, or is none of ours. Reading it runs no code in either case.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        return None
    except (RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise ValueError(f"{path} is no whole checkpoint; delete it to start the run anew") from error
    if not isinstance(content, dict) or content.keys() != {"number", "metrics", "state"}:
        raise ValueError(f"{path} holds no checkpoint of raykd; delete it to start the run anew")
    return content


# TensorBoard keeps the first record of a kind that it finds in a folder. Each of these two stands in a file of its
# own, so that a resumed run can take back the end that it had.
_EVENTS = "events.out.tfevents"
_END = f"{_EVENTS}.end"
_EXPERIMENT = f"{_EVENTS}.experiment"


def _write(file: BinaryIO, **content: Any) -> None:
    """Appends an event, which can be read at once."""
    RecordWriter(file).write(Event(wall_time=time.time(), **content).SerializeToString())
    file.flush()


def _write_alone(path: Path, summary: Summary) -> None:
    def save(temporary: Path) -> None:
        with temporary.open("wb") as file:
            _write(file, summary=summary)

    artifacts.write(path, save)
