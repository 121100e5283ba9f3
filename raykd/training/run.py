"""The live objects of a run, and the few steps that the loop is made of.

The teacher is in eval mode and takes no gradient, though gradients flow through its swapped-in stages. No number is
read back from the device within an epoch.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from raykd.data.dataset import load
from raykd.distributed.world import World
from raykd.evaluation.accuracy import accuracy_and_loss
from raykd.methods.iakd import NoSwap
from raykd.ops.precision import check_precision
from raykd.protocols.context import BuildContext
from raykd.protocols.epoch import State
from raykd.protocols.method import Clock
from raykd.protocols.span import Span, no_span, within
from raykd.protocols.teacher import teacher_route
from raykd.recipe import Recipe
from raykd.storage.artifacts import Store
from raykd.training.anchors import Anchors
from raykd.training.distiller import build_distiller
from raykd.training.state import kept, load_optimiser
from raykd.training.statistics import retake_statistics
from raykd.training.teacher_outputs import TeacherOutputs


class Run:
    """The live objects of a run, and the few steps that the loop is made of."""

    def __init__(self, recipe: Recipe, store: Store, world: World, say: Callable[[str], None], span: Span = no_span):
        check_precision(recipe.precision, world.device)
        self.recipe, self.world, self.span = recipe, world, span
        self.dataset = load(recipe.data, world.device)
        teacher = recipe.teacher
        checkpoints = teacher_route(teacher, recipe.data, store, device=world.device, say=say) if teacher else None
        context = BuildContext(data=recipe.data, dataset=self.dataset, store=store, teacher=checkpoints, say=say)
        self.anchors = Anchors(recipe.route, checkpoints, recipe.epochs, world)
        self.weights = {term.name: term.weight for term in recipe.active_terms}
        swaps = not isinstance(recipe.swap, NoSwap)
        self.distiller = build_distiller(recipe, context, self.anchors.teacher if swaps else None, span)
        self.teacher = TeacherOutputs(recipe, self.distiller, context, self.anchors, world)
        self.model = world.wrap(self.distiller, may_skip_parameters=swaps or not self.distiller.uses_logits)
        self.optimiser = recipe.optimiser.build(self.distiller.parameters())
        self.finished = 0
        self._mixed_in: int | None = None

    def advance(self, epoch: int) -> None:
        """Begins the route's next leg where one starts at this epoch."""
        checkpoint = self.anchors.advance(epoch, self.distiller.student)
        if checkpoint is not None:
            self.follow(checkpoint)
            if self.recipe.route.restart:
                self.optimiser = self.recipe.optimiser.build(self.distiller.parameters())

    def follow(self, checkpoint: int) -> None:
        """Tells all that listen to the teacher which of its checkpoints is followed."""
        self.distiller.follow(checkpoint)
        self.teacher.follow(checkpoint)

    def train(self, epoch: int, look: Callable[[], None] = lambda: None) -> dict[str, float]:
        """Trains for an epoch; gives its metrics, read from the device once."""
        recipe, world, span = self.recipe, self.world, self.span
        self.model.train()
        totals = torch.zeros(len(self.weights) + 1, device=world.device)
        right = torch.zeros((), dtype=torch.int64, device=world.device)
        steps, rate = len(self.dataset.train) // recipe.batch_size, 0.0
        with span("teacher"):
            self.teacher.begin(epoch)
        batches = self.dataset.batches(epoch, recipe.seed, recipe.batch_size, world.rank, world.size)
        for step, batch in enumerate(within(batches, span, "views")):
            look()
            clock = self._clock(epoch, step)
            rate = self._set_learning_rate(epoch + step / steps)
            swapped = recipe.swap.choose(self.distiller.student.num_stages, clock)
            self._mixed_in = epoch if swapped else self._mixed_in
            with span("teacher"):
                teacher = self.teacher(batch, step)
            losses, known = self.model(batch, teacher, swapped, clock)
            with span("loss"):
                loss = torch.stack([self.weights[name] * value for name, value in losses.items()]).sum()
                totals += torch.stack([loss, *losses.values()]).detach()
                right += known
            # Where the teacher's stages are swapped in, all that the terms compare may be the teacher's own.
            if loss.requires_grad:
                with span("backward"):
                    self.optimiser.zero_grad(set_to_none=True)
                    loss.backward()
                with span("optimiser"):
                    self.optimiser.step()
        with span("metrics"):
            means = world.sum(totals) / (steps * world.size)
            share = world.sum(right).double() / (steps * recipe.batch_size)
            numbers = torch.cat([means.double(), share[None]]).tolist()
        names = ["train/loss", *(f"train/{name}" for name in self.weights), "train/accuracy"]
        return dict(zip(names, numbers, strict=True)) | {
            "train/learning_rate": rate,
            "train/keep": recipe.swap.keep(self._clock(epoch)),
            "train/anchor": self.anchors.teacher_epoch,
        }

    def validate(self) -> tuple[float, float]:
        """The student's accuracy on the validation split, and its mean cross-entropy with the labels there.

        NaN where its scores are no finite numbers.

        Statistics that a swap has mixed up are taken anew before. Where no step of an epoch swapped, they are its own
        since the epoch before.
        """
        student, recipe = self.distiller.student, self.recipe
        if self._mixed_in is not None and self.world.rank == 0:  # whose statistics all ranks get
            retake_statistics(student, self.dataset, self._mixed_in, recipe.seed, recipe.batch_size)
        self._mixed_in = None
        self.world.share_buffers(student)
        return accuracy_and_loss(student, self.dataset, self.dataset.validation, self.world)

    def student_weights(self) -> dict[str, Tensor]:
        return kept(self.distiller.student.network.state_dict())

    def state(self) -> State:
        return {
            "epoch": self.finished,
            "anchors": self.anchors.state(),
            "distiller": kept(self.distiller.state_dict()),
            "optimiser": kept(self.optimiser.state_dict()),
        }

    def load(self, state: State) -> None:
        self.finished = state["epoch"]
        self.anchors.load_state(state["anchors"])
        if self.anchors.visited:
            self.follow(self.anchors.visited[-1])
        self.distiller.load_state_dict(state["distiller"])
        load_optimiser(self.optimiser, state["optimiser"])

    def _clock(self, epoch: int, step: int = 0) -> Clock:
        recipe, begin, end = self.recipe, self.anchors.schedule_start, self.anchors.schedule_end
        drops = (begin + drop for drop in recipe.optimiser.schedule.drops(end - begin))
        milestones = tuple(epoch for epoch in (begin, *drops, end) if 0 < epoch < recipe.epochs)
        return Clock(epoch=epoch, epochs=recipe.epochs, step=step, milestones=milestones, seed=recipe.seed)

    def _set_learning_rate(self, epoch: float) -> float:
        optimiser, begin, end = self.recipe.optimiser, self.anchors.schedule_start, self.anchors.schedule_end
        rate = optimiser.lr * optimiser.schedule.factor(epoch - begin, end - begin)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        return rate
