"""IAKD: the teacher's stages stand in for the student's at random (Fu et al., Neurocomputing 2021, arXiv 2007.01476).

In each step every stage of the student is kept with probability p, and else the teacher's frozen stage
is run in its place; the loss of the hybrid's output reaches the student's stages before it through the teacher's:

    f_k = a_k S_k(f_{k-1}) + (1 - a_k) T_k(f_{k-1}),   a_k ~ Bernoulli(p), one draw for the whole batch

p follows the epochs: `uniform` keeps it, `growth` raises it linearly to 1, `review` does that anew after each
drop of the learning rate, and with each leg of a route that restarts it. Where the rate never drops, `review` is
`growth`: a study whose schedule has no drops offers `WITHOUT_DROPS`. The student alone is evaluated and saved. Its
stages need epochs of their own in the end, at a rate at which they still learn: see `IAKD`'s `solo`.

No official code exists and the paper's body could not be read: the three schedules are known by name, their
constants, the division into stages and the treatment of differing widths are ours. The stem goes with the
first stage; the head stays the student's unless `swap_head`. Where widths differ, 1x1 convolutions with
batch normalisation, trained with the student and dropped at its export, translate between the two networks;
stages whose maps differ in size cannot be swapped. Teacher stages run in eval mode. Student stages that a step
leaves out get no gradient, so that neither momentum nor weight decay moves them in that step. The student's statistics
of batch normalisation are taken anew before it is evaluated (`raykd.training.statistics`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from optuna.distributions import CategoricalDistribution, FloatDistribution
from torch import Tensor, nn

from raykd.errors import InvalidError
from raykd.models.staged import Outputs, Shape, Staged
from raykd.ops.rng import generator
from raykd.protocols.method import Clock, Shapes
from raykd.space.ranges import searched

SCHEDULES = ("uniform", "growth", "review")
WITHOUT_DROPS = CategoricalDistribution(("uniform", "growth"))  # the schedules that differ where no rate drops


def keep_probability(
    schedule: str, start: float, epoch: int, epochs: int, milestones: Sequence[int] = (), solo: float = 0.0
) -> float:
    """The probability that the student keeps a stage of its own in an epoch.

    Args:
        schedule: `uniform`, `growth` or `review`.
        start: the probability at the beginning (of the run, or of each phase of `review`), in [0, 1].
        epoch: counted from 0, of `epochs`.
        milestones: the epochs at which the learning rate drops or begins anew; the phases of `review` begin there.
        solo: the share of the last epochs, of the run or of each phase of `review`, in which it is 1, in [0, 1].
    """
    if schedule == "uniform":
        return 1.0 if epoch >= epochs * (1.0 - solo) else start
    if schedule == "growth":
        begin, end = 0, epochs
    elif schedule == "review":
        bounds = sorted({0, epochs, *(m for m in milestones if 0 < m < epochs)})
        begin = max(bound for bound in bounds if bound <= epoch)
        end = min(bound for bound in bounds if bound > epoch)
    else:
        raise InvalidError(f"unknown schedule {schedule!r}; choices: {', '.join(SCHEDULES)}")
    last = (end - 1 - begin) * (1.0 - solo)
    return 1.0 if epoch - begin >= last else start + (1.0 - start) * (epoch - begin) / last


def swapped_stages(
    keep: float, num_stages: int, swap_head: bool, *, seed: int, epoch: int, step: int
) -> frozenset[int]:
    """The stages, counted from 0, that the teacher takes in a step; `num_stages` itself is the head.

    Args:
        keep: the probability that the student keeps a stage, in [0, 1].
        swap_head: whether the head is drawn too.
        seed: the run's.
        epoch, step: counted from 0, the step within the epoch.
    """
    draws = torch.rand(num_stages + 1, generator=generator("swap", seed, epoch, step)) >= keep
    swapped = frozenset(torch.nonzero(draws).flatten().tolist())
    if not swap_head or len(swapped) == num_stages + 1:
        return swapped - {num_stages}
    return swapped


@dataclass(frozen=True, kw_only=True)
class NoSwap:
    """The student's own stages in every step."""

    swap_head: bool = False

    def check(self, shapes: Shapes) -> None:
        pass

    def choose(self, num_stages: int, clock: Clock) -> frozenset[int]:
        return frozenset()

    def keep(self, clock: Clock) -> float:
        return 1.0


@dataclass(frozen=True, kw_only=True)
class IAKD:
    """Stage swapping; see the file's docstring.

    Args:
        schedule: how the probability to keep a student stage follows the epochs.
        start: that probability at the beginning.
        solo: the share of the run's last epochs, for `review` of each phase's, that trains without swapping, so that
            the student's stages get used to each other. Of digits' test images (stages of 4, 8 and 12 channels, 40
            epochs of a cosine, `growth` from 0.5) a student has 91.3 % with 0, 93.9 with 0.5 and 95.0 with 0.75, from
            0.8 94.2 and 95.0 (2 or 3 seeds); one of plain KD 94.8. Where the rate has fallen to 0 nothing is learnt.
        swap_head: swap the classifier too. A draw that leaves nothing to train keeps the student's head.
    """

    schedule: str = searched("review", CategoricalDistribution(SCHEDULES))
    start: float = searched(0.8, FloatDistribution(0.3, 0.95))
    solo: float = searched(0.5, FloatDistribution(0.1, 0.9))
    swap_head: bool = False

    def __post_init__(self) -> None:
        if self.schedule not in SCHEDULES:
            raise InvalidError(f"unknown schedule {self.schedule!r}; choices: {', '.join(SCHEDULES)}")
        for name in ("start", "solo"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise InvalidError(f"{name} must be within 0 and 1, got {getattr(self, name)}")

    def check(self, shapes: Shapes) -> None:
        if self.swap_head and not shapes.teacher_scores:
            raise InvalidError("swap: the head of a teacher without scores of the data's classes cannot be swapped in")
        if len(shapes.student) != len(shapes.teacher):
            raise InvalidError(
                f"swap: student and teacher need equally many stages, got {len(shapes.student)} "
                f"{shapes.student} and {len(shapes.teacher)} {shapes.teacher}"
            )
        for index, (student, teacher) in enumerate(zip(shapes.student, shapes.teacher, strict=True)):
            if student[1:] != teacher[1:]:
                raise InvalidError(
                    f"swap: stage {index} needs maps of one size to be swapped, student {student}, teacher {teacher}"
                )

    def choose(self, num_stages: int, clock: Clock) -> frozenset[int]:
        keep = self.keep(clock)
        return swapped_stages(keep, num_stages, self.swap_head, seed=clock.seed, epoch=clock.epoch, step=clock.step)

    def keep(self, clock: Clock) -> float:
        return keep_probability(self.schedule, self.start, clock.epoch, clock.epochs, clock.milestones, self.solo)


class Converters(nn.Module):
    """The translations between student and teacher after each stage, identities where shapes are equal."""

    def __init__(self, student: Sequence[Shape], teacher: Sequence[Shape]):
        super().__init__()
        pairs = list(zip(student, teacher, strict=True))
        self.to_teacher = nn.ModuleList(_converter(own, other) for own, other in pairs)
        self.to_student = nn.ModuleList(_converter(other, own) for own, other in pairs)


def hybrid(
    student: Staged, teacher: Staged, converters: Converters, images: Tensor, swapped: frozenset[int]
) -> Outputs:
    """The forward of the student with the teacher's parts at the `swapped` places (the head's place comes last).

    Features come back in the student's shapes, a swapped stage's through its converter, so that every term
    reads them as it reads the student's own; a converter ends without a ReLU, so what it gives stands before and
    after one. Gradients flow through the teacher's parts, not into them.
    """
    features: list[Tensor] = []
    before_relu: list[Tensor] = []
    hidden, owner_is_teacher = images, 0 in swapped
    hidden = (teacher if owner_is_teacher else student).stem(hidden)
    for index in range(student.num_stages):
        if (index in swapped) != owner_is_teacher:
            owner_is_teacher = index in swapped
            hidden = features[-1] if not owner_is_teacher else converters.to_teacher[index - 1](features[-1])
        owner = teacher if owner_is_teacher else student
        before = owner.before_relu(index, hidden)
        hidden = owner.rectify(index, before)
        features.append(converters.to_student[index](owner.shown(hidden)) if owner_is_teacher else owner.shown(hidden))
        converted = owner_is_teacher and not isinstance(converters.to_student[index], nn.Identity)
        before_relu.append(features[-1] if converted else owner.shown(before))
    if student.num_stages in swapped:
        last = hidden if owner_is_teacher else converters.to_teacher[-1](features[-1])
        return Outputs(teacher.head(last), tuple(features), tuple(before_relu))
    return Outputs(student.head(features[-1] if owner_is_teacher else hidden), tuple(features), tuple(before_relu))


def _converter(source: Shape, target: Shape) -> nn.Module:
    if source == target:
        return nn.Identity()
    if len(source) == 1:
        return nn.Linear(source[0], target[0])
    return nn.Sequential(nn.Conv2d(source[0], target[0], 1, bias=False), nn.BatchNorm2d(target[0]))
