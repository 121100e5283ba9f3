"""The student and all that is trained with it behind one forward, so that DDP sees every parameter."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from raykd.data.dataset import Batch
from raykd.methods.iakd import Converters, NoSwap, hybrid
from raykd.models.layout import AUTO, CHANNELS_LAST, check_layout, layout_of
from raykd.models.staged import Outputs, Staged
from raykd.ops.precision import FLOAT32, computing, in_full
from raykd.ops.rng import seed_of
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Clock, Term
from raykd.protocols.reading import Reading
from raykd.protocols.span import Span, no_span
from raykd.recipe import Recipe, build_network


class Distiller(nn.Module):
    """The student, the terms' own modules, and the converters of swapped stages.

    The teacher is kept out of the module tree: its parameters and buffers must reach neither the optimiser nor
    DDP nor a checkpoint, and `train()` must not reach its batch normalisation.

    Args:
        teacher: the live teacher whose stages are swapped in; None where nothing is swapped.
        span: opened around the student's forward and each term's.
        precision: of the forward of the student and the swapped stages; the terms compute in float32.
    """

    def __init__(
        self,
        student: Staged,
        terms: Mapping[str, Term],
        converters: Converters | None,
        teacher: Staged | None,
        span: Span = no_span,
        precision: str = FLOAT32,
    ):
        super().__init__()
        self._precision = precision
        self.student = student
        self.terms = nn.ModuleDict(terms)
        self._terms = dict(terms)
        self.converters = converters
        self._teacher = (teacher,)
        self._span = span

    def forward(
        self, batch: Batch, teacher: Outputs | None, swapped: frozenset[int], clock: Clock
    ) -> tuple[dict[str, Float[Tensor, ""]], Int64[Tensor, ""]]:
        """For a batch, the stages `swapped` being the teacher's: the unweighted loss of each term, and how many of its
        images have the highest score for their label.
        """
        with self._span("student forward"), computing(self._precision, batch.images.device):
            outputs = in_full(self._outputs(batch.images, swapped))
            right = (outputs.logits.detach().argmax(dim=1) == batch.targets).sum()
        losses: dict[str, Tensor] = {}
        for name, term in self._terms.items():
            with self._span(f"term {name}"):
                losses[name] = term(outputs, teacher, batch, clock)
        return losses, right

    def term(self, name: str) -> Term:
        return self._terms[name]

    @property
    def beside(self) -> list[nn.Module]:
        """What takes the networks' maps: terms and converters."""
        return [self.terms, *([self.converters] if self.converters else [])]

    @property
    def uses_logits(self) -> bool:
        """Whether some term does."""
        return any(term.uses_logits() for term in self._terms.values())

    def follow(self, checkpoint: int) -> None:
        """Tells every term that a leg of the route begins, with the teacher's checkpoint that it follows."""
        for term in self._terms.values():
            term.follow(checkpoint)

    def _outputs(self, images: Tensor, swapped: frozenset[int]) -> Outputs:
        if not swapped:
            return self.student(images)
        (teacher,) = self._teacher
        assert teacher is not None and self.converters is not None
        return hybrid(self.student, teacher, self.converters, images, swapped)


def build_distiller(recipe: Recipe, context: BuildContext, teacher: Staged | None, span: Span = no_span) -> Distiller:
    """The student where it starts, and the terms, each initialised from the run's seed and its own name alone."""
    shapes = recipe.shapes()
    student = build_network(recipe.student, shapes.num_classes, shapes.image, "student", recipe.seed)
    recipe.start.begin(student, recipe.student, recipe.seed, shapes, context)
    terms: dict[str, Term] = {}
    converters = None
    with torch.random.fork_rng(devices=[]):
        for term in recipe.active_terms:
            torch.manual_seed(seed_of("term", term.name, recipe.seed))
            terms[term.name] = term.build(shapes, context)
        if not isinstance(recipe.swap, NoSwap):
            torch.manual_seed(seed_of("converters", recipe.seed))
            converters = Converters(shapes.student, shapes.teacher)
    distiller = Distiller(student, terms, converters, teacher, span, recipe.precision).to(context.dataset.device)
    for module in distiller.beside:
        check_layout(recipe.layout, module, "loss")
    for network in (student, teacher) if teacher else (student,):
        lay_out(network, recipe, distiller, context.dataset.device)
    return distiller


def lay_out(network: Staged, recipe: Recipe, distiller: Distiller, device: torch.device) -> Staged:
    """Puts the student or the teacher into its layout, when all artefacts are made of it; gives it back.

    Terms and converters take the maps as they come, so they have a say in both.
    """
    auto = layout_of(network.network, device, recipe.precision, distiller.beside)
    return network.lay_out((auto if recipe.layout == AUTO else recipe.layout) == CHANNELS_LAST)


def readings_of(terms: Sequence[Term]) -> tuple[Reading, ...] | None:
    """All that some terms read, each once; None where one of them takes the teacher's whole outputs."""
    readings: dict[str, Reading] = {}
    for term in terms:
        stated = term.readings()
        if stated is None:
            return None
        readings |= {reading.name: reading for reading in stated}
    return tuple(readings.values())
