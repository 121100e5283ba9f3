"""What a component is built from: the data, the teacher, where artefacts are kept, and who is told of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from raykd.data.dataset import Dataset, DataSpec
from raykd.models.staged import Staged
from raykd.ops.threads import computing_threads
from raykd.protocols.epoch import Epoch
from raykd.storage.artifacts import Store


@runtime_checkable
class Checkpoints(Protocol):
    """A teacher's checkpoints, counted from 1, as a method sees them; the last one is the final teacher."""

    @property
    def num_checkpoints(self) -> int: ...

    def network(self, checkpoint: int) -> Staged:
        """The teacher at a checkpoint: in eval mode, without gradients to its parameters."""
        ...

    def digest(self, checkpoint: int) -> str:
        """A hash of a checkpoint's weights and of how the network is cut, to name what is made from its features."""
        ...


@dataclass(frozen=True, kw_only=True)
class BuildContext:
    """What a start, a term or a teacher's route is made from.

    Args:
        data: the data set of the run.
        dataset: the same, on the device to compute on.
        store: where artefacts are kept.
        teacher: the run's teacher; None where there is none, and while its route is made.
        say: told in one line what is going on, of a training once an epoch; by then the epoch is kept.
        listen: given each epoch of a teacher's own training as it ends.
    """

    data: DataSpec
    dataset: Dataset
    store: Store
    teacher: Checkpoints | None = None
    say: Callable[[str], None] = field(default=lambda line: None)
    listen: Callable[[Epoch], None] = field(default=lambda epoch: None)

    def get(self, kind: str, key: str, make: Callable[[Path], None]) -> Path:
        """As `Store.get`; on a CPU `make` computes with one thread, whoever asks, so that one key has the same bits."""

        def alike(folder: Path) -> None:
            with computing_threads(1, self.dataset.device):
                make(folder)

        return self.store.get(kind, key, alike)
