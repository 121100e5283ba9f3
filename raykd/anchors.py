"""Where a run stands on its teacher's route: the anchors visited, and the stretch of the learning-rate schedule."""

import functools
from typing import Any

import torch
from torch.nn import functional as F

from raykd.data import Dataset
from raykd.methods import Route
from raykd.staged import Staged, evaluating
from raykd.teacher import TeacherRoute


class Anchors:
    """The teacher of a run, its weights being those of the anchor that the run follows.

    Weights are loaded in place, so that stages swapped into the student always belong to the current anchor.

    Args:
        route: how anchors are chosen.
        checkpoints: the teacher's route; None for a run without a teacher.
        epochs: of the whole run.
    """

    def __init__(self, route: Route, checkpoints: TeacherRoute | None, epochs: int):
        self.route, self.checkpoints, self.epochs = route, checkpoints, epochs
        self.teacher = checkpoints.network(checkpoints.num_checkpoints) if checkpoints else None
        self.starts = route.starts(epochs)
        self.visited: tuple[int, ...] = ()
        self.schedule_start = 0

    def advance(self, epoch: int, student: Staged) -> int | None:
        """The checkpoint to follow from this epoch on, or None where the anchor stays."""
        if self.checkpoints is None or epoch not in self.starts or len(self.visited) > self.starts.index(epoch):
            return None
        ratio = _Ratio(student, self.checkpoints)
        chosen = self.route.choose(self.visited, self.checkpoints.num_checkpoints, ratio)
        moved = not self.visited or chosen != self.visited[-1]
        self.visited += (chosen,)
        if moved:
            self.load()
            if self.route.restart:
                self.schedule_start = epoch
        return chosen if moved else None

    def load(self) -> None:
        """Gives the teacher the weights of the current anchor."""
        if self.checkpoints is not None and self.teacher is not None and self.visited:
            self.teacher.network.load_state_dict(self.checkpoints.weights(self.visited[-1]))

    @property
    def schedule_end(self) -> int:
        """The epoch at which the schedule that began at `schedule_start` ends."""
        if not self.route.restart or self.checkpoints is None or self.visited[-1] == self.checkpoints.num_checkpoints:
            return self.epochs
        return min((start for start in self.starts if start > self.schedule_start), default=self.epochs)

    @property
    def teacher_epoch(self) -> float:
        """The epoch of the teacher's training that the anchor was kept at; 0 without a teacher."""
        return float(self.checkpoints.records[self.visited[-1] - 1]["epoch"]) if self.checkpoints else 0.0

    def state(self) -> dict[str, Any]:
        return {"visited": list(self.visited), "schedule_start": self.schedule_start}

    def load_state(self, state: dict[str, Any]) -> None:
        self.visited, self.schedule_start = tuple(state["visited"]), state["schedule_start"]
        self.load()


class _Ratio:
    """RCO's r_ij for the student as it is now, over the validation split at temperature 1."""

    def __init__(self, student: Staged, checkpoints: TeacherRoute):
        self._divergence = functools.cache(lambda checkpoint: _divergence(student, checkpoints, checkpoint))

    def __call__(self, i: int, j: int) -> float:
        return self._divergence(j) / max(self._divergence(i), 1e-12)


@torch.inference_mode()
def _divergence(student: Staged, checkpoints: TeacherRoute, checkpoint: int) -> float:
    """The sum over validation images of KL(checkpoint || student), in nats."""
    dataset: Dataset = checkpoints.dataset
    teacher = checkpoints.network(checkpoint)
    total = torch.zeros((), device=dataset.device)
    with evaluating(student):
        for batch in dataset.plain(dataset.validation):
            own = F.log_softmax(student(batch.images).logits, dim=1)
            target = F.log_softmax(teacher(batch.images).logits, dim=1)
            total += F.kl_div(own, target, reduction="sum", log_target=True)
    return total.item()
