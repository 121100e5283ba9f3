"""FT: the student learns the factors of a paraphrased teacher (Kim et al., NeurIPS 2018, arXiv 1802.04977).

A paraphraser, a convolutional autoencoder trained without labels on the final teacher's last map, has the teacher's
factor F_t in its middle; a translator of the same three layers, trained with the student, gives the student's F_s:

    A(F) = (mean over channels of F^p1), as one direction for each image
    L = mean over images and places of |A(F_s) - A(F_t)|^p2

As in the reference benchmark (RepDistiller): half as many channels as the teacher's map (k = 0.5), the mean over
channels with p1 = 2 where the paper normalises the whole factor, p2 = 1, a paraphraser without batch normalisation,
trained for 30 epochs at a rate of 0.01 (beside its residual networks, MobileNet and ShuffleNet; 0.05 beside VGG8),
and a translator with it; the larger factor
is averaged to the smaller's size. The paraphraser is an artefact; it stays the final teacher's at every anchor of
a route.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from jaxtyping import Float
from optuna.distributions import FloatDistribution
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from raykd.data.dataset import Batch
from raykd.errors import InvalidError
from raykd.methods.common.first_stage import FirstStage, drawing, minimise, training_images
from raykd.methods.common.stages import check_features, teacher_stage
from raykd.models.staged import Outputs
from raykd.ops.maps import as_map, same_size
from raykd.ops.rng import seed_of
from raykd.ops.vectors import directions, full
from raykd.optim import SGD, Constant
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Clock, Shapes, Term
from raykd.protocols.reading import Features, Reading, read
from raykd.space.ranges import fixed, searched
from raykd.space.serialise import fingerprint
from raykd.storage.tensors import save_safetensors

_MAKER_VERSION = 1
_SLOPE = 0.1  # of the leaky ReLUs below 0


def ft_loss(
    student_factor: Float[Tensor, "batch channels height width"],
    teacher_factor: Float[Tensor, "batch others rows columns"],
    p1: int = 2,
    p2: int = 1,
) -> Float[Tensor, ""]:
    """The mean difference, to the power of p2, of two factors' directions; no gradient reaches the teacher."""
    student, teacher = same_size(full(student_factor), full(teacher_factor.detach()))
    return (_direction(student, p1) - _direction(teacher, p1)).abs().pow(p2).mean()


@dataclass(frozen=True, kw_only=True)
class FT:
    """Factor transfer; see the file's docstring.

    Args:
        weight: 200 belongs to the benchmark's maps of 8 x 8; the loss is larger where places are fewer, about as one
            over the root of their number, so that small maps ask for less.
        rate: k, the factor's channels as a share of those of the teacher's last stage.
        p1, p2: the powers in the loss, at least 1.
        first_stage: the paraphraser's training. A search leaves it alone, so that all trials share one.
        seed: of the paraphraser's initialisation and of the data's order in its training.
    """

    name: ClassVar[str] = "ft"
    needs_teacher = True
    weight: float = searched(200.0, FloatDistribution(1.0, 1000.0, log=True))
    rate: float = 0.5
    p1: int = 2
    p2: int = 1
    first_stage: FirstStage = fixed(FirstStage(optimiser=SGD(lr=0.01, schedule=Constant())))
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.weight >= 0:
            raise InvalidError(f"weight must be at least 0, got {self.weight}")
        if not self.rate > 0:
            raise InvalidError(f"rate must be above 0, got {self.rate}")
        for name in ("p1", "p2"):
            if getattr(self, name) < 1:
                raise InvalidError(f"{name} must be at least 1, got {getattr(self, name)}")

    def check(self, shapes: Shapes) -> None:
        check_features(shapes)
        width = shapes.teacher[-1][0]
        if int(self.rate * width) < 1:
            raise InvalidError(f"rate: {self.rate} of the teacher's {width} channels leaves none to the factor")
        self.first_stage.check(shapes)

    def build(self, shapes: Shapes, context: BuildContext) -> Term:
        width = int(self.rate * shapes.teacher[-1][0])
        translator = _encoder(shapes.student[-1][0], width, normalised=True).to(context.dataset.device)
        paraphraser = find_paraphraser(self, shapes.teacher[-1][0], context)
        return _FT(self, translator, paraphraser, Features(teacher_stage(-1, shapes)))


class _FT(Term):
    def __init__(self, spec: FT, translator: nn.Module, paraphraser: nn.Module, reading: Features):
        super().__init__()
        self._spec, self._reading = spec, reading
        self.translator = translator
        self._paraphraser = (paraphraser,)  # in a tuple, out of reach of DDP, `train()` and the optimiser

    def readings(self) -> tuple[Reading, ...]:
        return (self._reading,)

    def forward(self, student: Outputs, teacher: Outputs | None, batch: Batch, clock: Clock) -> Float[Tensor, ""]:
        assert teacher is not None
        (paraphraser,) = self._paraphraser
        with torch.no_grad():
            target = paraphraser(as_map(read(teacher, self._reading)))
        return ft_loss(self.translator(as_map(student.features[-1])), target, self._spec.p1, self._spec.p2)


def find_paraphraser(spec: FT, width: int, context: BuildContext) -> nn.Sequential:
    """The trained paraphraser's encoder, got from the store or made; without gradients to its parameters.

    Args:
        width: channels of the teacher's last stage.
    """
    teacher, dataset = context.teacher, context.dataset
    assert teacher is not None
    final, factor = teacher.num_checkpoints, int(spec.rate * width)

    def make(folder: Path) -> None:
        network = teacher.network(final)

        def reconstruction(batch: Batch) -> Tensor:
            with torch.no_grad():
                target = as_map(network(batch.images).features[-1])
            return F.mse_loss(autoencoder(target), target)

        with drawing(dataset.device, "paraphraser", spec.seed):
            autoencoder = nn.Sequential(_encoder(width, factor), _decoder(factor, width)).to(dataset.device)
            order = seed_of("paraphraser order", spec.seed)
            minimise(
                reconstruction,
                autoencoder,
                spec.first_stage,
                dataset,
                order,
                lambda line: context.say(f"paraphraser: {line}"),
            )
        save_safetensors(autoencoder[0].state_dict(), folder / "encoder.safetensors")

    key = {
        "version": _MAKER_VERSION,
        "factor": factor,
        "first_stage": spec.first_stage,
        "seed": spec.seed,
        "weights": teacher.digest(final),
        "images": training_images(dataset),
    }
    folder = context.get("paraphraser", fingerprint(key), make)
    encoder = _encoder(width, factor).to(dataset.device)
    encoder.load_state_dict(load_file(folder / "encoder.safetensors", device=str(dataset.device)))
    return encoder.requires_grad_(False)


def _encoder(width: int, factor: int, *, normalised: bool = False) -> nn.Sequential:
    """Three convolutions from a map to a factor, the shape of a paraphraser's first half and of a translator."""
    layers: list[nn.Module] = []
    for before, after in ((width, width), (width, factor), (factor, factor)):
        layers.append(nn.Conv2d(before, after, 3, padding=1))
        layers += [nn.BatchNorm2d(after)] if normalised else []
        layers.append(nn.LeakyReLU(_SLOPE))
    return nn.Sequential(*layers)


def _decoder(factor: int, width: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in ((factor, factor), (factor, width), (width, width)):
        layers += [nn.ConvTranspose2d(before, after, 3, padding=1), nn.LeakyReLU(_SLOPE)]
    return nn.Sequential(*layers)


def _direction(factor: Float[Tensor, "batch channels h w"], power: int) -> Float[Tensor, "batch places"]:
    return directions(factor.pow(power).mean(dim=1).flatten(1), 0.0)
