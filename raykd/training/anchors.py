"""Where a run stands on its teacher's route: the anchors visited, and the stretch of the learning-rate schedule.

Where the route asks how hard later checkpoints are for the student (RCO's greedy search), that is measured on the
validation split, which is cut from the training images; the test split is never touched. Every answer is kept.
"""

import dataclasses
import functools
from typing import Any

import torch
from torch.nn import functional as F

from raykd.data.dataset import Dataset
from raykd.distributed.world import World
from raykd.models.staged import Staged, evaluating
from raykd.ops.vectors import full
from raykd.protocols.epoch import AnchorRatio
from raykd.protocols.method import Route
from raykd.protocols.teacher import TeacherRoute


class Anchors:
    """The teacher of a run, its weights being those of the anchor that the run follows.

    Weights are loaded in place, so that stages swapped into the student always belong to the current anchor.

    Args:
        route: how anchors are chosen.
        checkpoints: the teacher's route; None for a run without a teacher.
        epochs: of the whole run.
        world: the ranks that measure ratios together, each of which calls `advance` with the same student.
    """

    def __init__(self, route: Route, checkpoints: TeacherRoute | None, epochs: int, world: World):
        self.route, self.checkpoints, self.epochs, self.world = route, checkpoints, epochs, world
        self._teacher: Staged | None = None
        self.starts = route.starts(epochs)
        self.visited: tuple[int, ...] = ()
        self.ratios: tuple[AnchorRatio, ...] = ()
        self.schedule_start = 0

    def advance(self, epoch: int, student: Staged) -> int | None:
        """The checkpoint to follow from this epoch on, or None where the anchor stays."""
        if self.checkpoints is None or epoch not in self.starts or len(self.visited) > self.starts.index(epoch):
            return None
        difficulty = _Difficulty(student, self.checkpoints, self.world)

        @functools.cache  # a route may ask twice
        def ratio(i: int, j: int) -> float:
            found = difficulty.ratio(i, j)
            leg = len(self.visited) + 1
            self.ratios += (AnchorRatio(leg, i, j, self._teacher_epoch(i), self._teacher_epoch(j), found),)
            return found

        chosen = self.route.choose(self.visited, self.checkpoints.num_checkpoints, ratio)
        moved = not self.visited or chosen != self.visited[-1]
        self.visited += (chosen,)
        if moved:
            self.load()
            if self.route.restart:
                self.schedule_start = epoch
        return chosen if moved else None

    @property
    def teacher(self) -> Staged:
        """The live teacher, built when it is first asked for; the final one before the first anchor is chosen."""
        assert self.checkpoints is not None
        if self._teacher is None:
            self._teacher = self.checkpoints.network([self.checkpoints.num_checkpoints, *self.visited][-1])
        return self._teacher

    def load(self) -> None:
        """Gives the teacher the weights of the current anchor."""
        if self.checkpoints is not None and self._teacher is not None and self.visited:
            self._teacher.network.load_state_dict(self.checkpoints.weights(self.visited[-1]))

    @property
    def schedule_end(self) -> int:
        """The epoch at which the schedule that began at `schedule_start` ends."""
        if not self.route.restart or self.checkpoints is None or self.visited[-1] == self.checkpoints.num_checkpoints:
            return self.epochs
        return min((start for start in self.starts if start > self.schedule_start), default=self.epochs)

    @property
    def teacher_epoch(self) -> float:
        """The epoch of the teacher's training that the anchor was kept at; 0 without a teacher."""
        return float(self._teacher_epoch(self.visited[-1])) if self.checkpoints else 0.0

    def ratios_of(self, epoch: int) -> tuple[AnchorRatio, ...]:
        """What was asked for when the leg that starts at this epoch, from 0, began; nothing if none does."""
        return tuple(ratio for ratio in self.ratios if self.starts[ratio.leg - 1] == epoch)

    def state(self) -> dict[str, Any]:
        return {
            "visited": list(self.visited),
            "ratios": [dataclasses.asdict(ratio) for ratio in self.ratios],
            "schedule_start": self.schedule_start,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        self.visited, self.schedule_start = tuple(state["visited"]), state["schedule_start"]
        self.ratios = tuple(AnchorRatio(**ratio) for ratio in state["ratios"])
        self.load()

    def _teacher_epoch(self, checkpoint: int) -> int:
        assert self.checkpoints is not None
        return self.checkpoints.records[checkpoint - 1]["epoch"]


class _Difficulty:
    """How far each checkpoint is from the student as it is now, over the validation split at temperature 1.

    Each rank takes its share of the images, and all ranks get the same sums to the last bit: they choose the same
    anchor. The student's buffers must be the same on all ranks.
    """

    def __init__(self, student: Staged, checkpoints: TeacherRoute, world: World):
        self._student, self._checkpoints, self._world = student, checkpoints, world
        self._known: dict[int, float] = {}

    def ratio(self, i: int, j: int) -> float:
        """RCO's r_ij."""
        return self._of(j) / max(self._of(i), 1e-12)

    def _of(self, checkpoint: int) -> float:
        if checkpoint not in self._known:
            self._known[checkpoint] = self._measure(self._checkpoints.network(checkpoint))
        return self._known[checkpoint]

    @torch.inference_mode()
    def _measure(self, teacher: Staged) -> float:
        """The sum over validation images of KL(checkpoint || student), in nats."""
        dataset: Dataset = self._checkpoints.dataset
        total = torch.zeros((), dtype=torch.float64, device=dataset.device)
        with evaluating(self._student):
            for batch in dataset.plain(dataset.validation, rank=self._world.rank, size=self._world.size):
                own = F.log_softmax(full(self._student(batch.images).logits), dim=1)
                target = F.log_softmax(full(teacher(batch.images).logits), dim=1)
                total += F.kl_div(own, target, reduction="sum", log_target=True)
        return self._world.sum(total).item()
