"""Checkpoints of a run: a listener that saves the state of its epochs, and the way back.

What it writes of an epoch is on the disk before the epoch is handed on.
"""

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from raykd.errors import InvalidError
from raykd.protocols.epoch import E
from raykd.storage import atomic
from raykd.storage.retry import retry_while_unavailable
from raykd.storage.tensors import load_torch, torch_bytes


def checkpoints(epochs: Iterator[E], path: Path, every: int = 1) -> Generator[E, None, None]:
    """Saves the run's state after each `every` epochs and after the last; `load_checkpoint` reads it back.

    An epoch that diverged is not saved: the file keeps the last state that training can go on from.
    """
    if every < 1:
        raise InvalidError(f"a checkpoint is saved every 1 or more epochs, got {every}")
    return _checkpoints(epochs, path, every)


def _checkpoints(epochs: Iterator[E], path: Path, every: int) -> Generator[E, None, None]:
    for epoch in epochs:
        if not epoch.diverged and (epoch.number % every == 0 or epoch.number == epoch.epochs):
            _keep({"number": epoch.number, "metrics": epoch.metrics, "state": epoch.state()}, path)
        yield epoch


def _keep(content: dict[str, Any], path: Path) -> None:
    data = torch_bytes(content)
    retry_while_unavailable(
        lambda: atomic.write(path, lambda temporary: temporary.write_bytes(data), keep=previous(path))
    )


def previous(path: Path) -> Path:
    """Where the checkpoint before the one at a path is kept, in case a disk tears the newer one."""
    return path.with_suffix(f".previous{path.suffix}")


def newest_checkpoint(path: Path) -> dict[str, Any] | None:
    """What `load_checkpoint` gives of the newest file that can be read: the one at a path, or the one before it.

    Where a process dies between the two renamings of a save, the newer one is missing. One that cannot be read is set
    aside, for whoever wants to know why.
    """
    for file in (path, previous(path)):
        try:
            if (saved := load_checkpoint(file)) is not None:
                return saved
        except ValueError:
            file.rename(file.with_suffix(".torn"))
    return None


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """The `number`, `metrics` and `state` that `checkpoints` saved, on the CPU; None where there is no file.

    Raises:
        ValueError: the file is torn, or is none of ours. Reading it runs no code in either case.
    """
    try:
        content = load_torch(path)
    except FileNotFoundError:
        return None
    except OSError:
        raise
    except Exception as error:  # of many kinds: what a torn file leads PyTorch's reader to depends on where it is torn
        raise InvalidError(f"{path} is no whole checkpoint; delete it to start the run anew") from error
    if not isinstance(content, dict) or content.keys() != {"number", "metrics", "state"}:
        raise InvalidError(f"{path} holds no checkpoint of raykd; delete it to start the run anew")
    return content
