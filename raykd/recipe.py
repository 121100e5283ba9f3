"""A recipe: everything that decides a run, as one frozen value.

Two equal recipes give the same run bit for bit on the same machine and number of processes. A recipe is checked
when it is made (what a value alone can show) and by `check` (what the networks' shapes and the data show),
so that a bad one fails in the driver with one line, not on eight workers.
"""

import dataclasses
import functools
from dataclasses import dataclass, field

import torch

from raykd.data.dataset import DataSpec, load
from raykd.errors import InvalidError
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.fresh import Fresh
from raykd.methods.iakd import NoSwap
from raykd.methods.rco import FinalTeacher
from raykd.models.batch_of_one import check_batch_of_one
from raykd.models.layout import AUTO, CHANNELS_LAST, LAYOUTS, check_layout
from raykd.models.staged import Shape, Staged, feature_shapes, stem_shape
from raykd.ops.precision import FLOAT32, PRECISIONS
from raykd.ops.rng import seed_of
from raykd.optim import SGD, Optimiser
from raykd.protocols.fit import Fit, fit_of, own
from raykd.protocols.method import Route, Shapes, Start, Swap, TermSpec
from raykd.protocols.model import ModelSpec, bare
from raykd.protocols.teacher import TeacherSpec
from raykd.space.fields import later
from raykd.space.ranges import fixed, paths, value_at
from raykd.space.validation import check_fields, is_component, rule, told_at


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One run of distillation.

    Args:
        data: the data set.
        student: the network that is trained, evaluated and saved.
        teacher: how the teacher is made, or where it is, shared by a whole search; None for a student alone.
        start: what the student's weights are when training begins.
        terms: the named terms of the loss; the loss is the sum of weight times term.
        route: which of the teacher's checkpoints the student follows when.
        swap: which of the student's stages the teacher stands in for.
        optimiser: with the learning rate and its schedule.
        epochs: passes over the training split.
        batch_size: images of a step, over all processes together.
        seed: of initialisation, order and swaps; the data set has its own.
        teacher_outputs: what the teacher says is rounded to, `float32` or `float16`, whether it is kept or fresh. The
            latter takes half the room; it differs by at most 0.05 % of a value, or 3e-8, and ends at 65504.
        layout: of weights and maps in memory, `contiguous`, `channels_last`, or `auto`, which is whichever is the
            faster one for each of the two networks (`raykd.models.layout`).
        precision: of the networks' computing in training, `float32` or `bfloat16` (`raykd.ops.precision`).
        threads: of each process, where a CPU computes: last bits depend on it. None takes those that PyTorch has; a
            command or a search that starts the run then writes their number into its recipe.
    """

    data: DataSpec = fixed(words="a data set such as Digits()")
    student: ModelSpec = field(metadata=rule("a network such as CNN()"))
    teacher: TeacherSpec | None = fixed(None, words="a teacher such as Teacher(), or None")
    start: Start = field(default=Fresh(), metadata=rule("a Start such as AB()"))
    terms: tuple[TermSpec, ...] = field(default=(CrossEntropy(),), metadata=rule("terms such as KD()"))
    route: Route = field(default=FinalTeacher(), metadata=rule("a Route such as EqualInterval()"))
    swap: Swap = field(default=NoSwap(), metadata=rule("a Swap such as IAKD()"))
    optimiser: Optimiser = field(default=SGD(), metadata=rule("an optimiser such as SGD()"))
    epochs: int = 240
    batch_size: int = 64
    seed: int = 0
    teacher_outputs: str = later(FLOAT32)
    layout: str = later(AUTO)
    precision: str = later(FLOAT32)
    threads: int | None = later(None)

    def __post_init__(self) -> None:
        check_fields(Recipe, vars(self))
        _check_components(self)
        for name in ("epochs", "batch_size", "threads"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise InvalidError(f"{name} must be at least 1, got {getattr(self, name)}")
        kept_as = (FLOAT32, "float16")
        for name, choices in (("layout", LAYOUTS), ("precision", PRECISIONS), ("teacher_outputs", kept_as)):
            if getattr(self, name) not in choices:
                raise InvalidError(f"unknown {name} {getattr(self, name)!r}; choices: {', '.join(choices)}")
        _check_terms(self.terms)
        if self.teacher is None and (asking := asks_for_teacher(self)):
            raise InvalidError(f"{asking} needs a teacher, and the recipe has none")

    @property
    def active_terms(self) -> tuple[TermSpec, ...]:
        """The terms whose weight is not 0."""
        return tuple(term for term in self.terms if term.weight != 0)

    def alone(self) -> "Recipe":
        """The same student trained on the labels alone, with nothing of the teacher."""
        return dataclasses.replace(
            self, teacher=None, start=Fresh(), terms=(CrossEntropy(),), route=FinalTeacher(), swap=NoSwap()
        )

    def shapes(self) -> Shapes:
        """What is known of the run before training; builds both networks once per process."""
        dataset = load(self.data, torch.device("cpu"))
        view, fit = dataset.image_shape, fit_of(self.teacher, dataset)
        student_stem, student = _shapes(self.student, own(dataset), view)
        teacher_stem, teacher = _shapes(bare(self.teacher.model), fit, view) if self.teacher else ((), ())
        return Shapes(
            student=student,
            teacher=teacher,
            image=dataset.image_shape,
            num_classes=dataset.num_classes,
            num_images=len(dataset.train),
            num_checkpoints=self.teacher.num_checkpoints if self.teacher else 0,
            student_stem=student_stem,
            teacher_stem=teacher_stem,
            teacher_scores=fit.scores,
        )

    def check(self, num_processes: int = 1) -> None:
        """Refuses, before any work starts, a recipe that cannot work.

        Raises:
            ValueError: the rule, the values and the path; more anchors than checkpoints, more words than
                feature vectors, stages that do not fit, a batch that cannot be shared out.
            FileNotFoundError: the data is not there, or the teacher's files are not.
        """
        if self.teacher is not None:
            self.teacher.check(self.data)
        shapes = self.shapes()
        if self.batch_size > shapes.num_images:
            raise InvalidError(f"batch_size: {self.batch_size} is more than the {shapes.num_images} training images")
        if self.batch_size % num_processes:
            raise InvalidError(f"batch_size: {self.batch_size} is not a multiple of the {num_processes} processes")
        if self.batch_size == num_processes:
            network = build_network(self.student, shapes.num_classes, shapes.image)
            check_batch_of_one(network, shapes.image, num_processes)
        self._check_layout()
        with told_at("route", own=False):
            self.route.check(shapes, self.epochs)
        with told_at("swap", own=False):
            self.swap.check(shapes)
        for path, part in (("start", self.start), *((f"terms/{term.name}", term) for term in self.active_terms)):
            with told_at(path):
                part.check(shapes)

    def _check_layout(self) -> None:
        dataset = load(self.data, torch.device("cpu"))
        fits = {"student": (self.student, own(dataset))}
        if self.teacher:
            fits["teacher"] = (bare(self.teacher.model), fit_of(self.teacher, dataset))
        for name, (model, fit) in fits.items() if self.layout == CHANNELS_LAST else ():
            check_layout(self.layout, build_network(model, fit.num_classes, fit.image).network, name)


def build_network(model: ModelSpec, num_classes: int, image: Shape, *key: object) -> Staged:
    """A network whose initial weights depend on `key` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of("network", *key))
        return model.build(num_classes, image)


@functools.lru_cache(maxsize=64)
def _shapes(model: ModelSpec, fit: Fit, view: Shape) -> tuple[Shape, tuple[Shape, ...]]:
    """The shapes of what the stem and what each stage gives for a view."""
    network = fit.around(build_network(model, fit.num_classes, fit.image))
    return stem_shape(network, view), feature_shapes(network, view)


def _check_components(recipe: Recipe) -> None:
    for path in paths(recipe):
        part = value_at(recipe, path)
        if dataclasses.is_dataclass(part) and not is_component(type(part)):
            raise InvalidError(f"{path} must be a frozen dataclass, got {part!r}")


def _check_terms(terms: tuple[TermSpec, ...]) -> None:
    for term in terms:
        if not term.weight >= 0:
            raise InvalidError(f"terms/{term.name}/weight must be at least 0, got {term.weight}")
    names = [term.name for term in terms]
    if len(set(names)) < len(names):
        raise InvalidError(f"terms need different names, got {', '.join(names)}")
    if not any(term.weight for term in terms):
        raise InvalidError("a recipe needs at least one term whose weight is not 0")


def asks_for_teacher(recipe: Recipe) -> str | None:
    """The path of what needs a teacher; None where nothing does."""
    for term in recipe.active_terms:
        if term.needs_teacher:
            return f"terms/{term.name}"
    if recipe.start.needs_teacher:
        return "start"
    if not isinstance(recipe.swap, NoSwap):
        return "swap"
    return None if isinstance(recipe.route, FinalTeacher) else "route"
