"""k seeds of one recipe in one process, in lock-step, beside k runs one after the other.

Claim: as grouped convolutions, in channels-last memory, each seed in its own order and the teacher's outputs kept, 8
students gain 3.25 times on a small CNN for digits (2.41 to 3.83, n = 5) and 2.22 times on one of Fashion-MNIST (2.14 to
2.30, n = 5), 4 of them 2.17 and 2.13, 2 of them 1.51 and 1.74. A resnet20 is large enough to lose by it: 0.89. Sharing
views and the teacher's outputs, the students' steps being their own, gains 1.22 and 1.17 at most where these are kept.
2 x AMD EPYC, shared with other work, one thread, Python 3.11.7, torch 2.14.1, 2026-11-28.

    python benchmarks/lockstep.py [--cases digits,fashion_mnist,...] [--rounds N] [--seconds S] [--save]

Images per second of processor time, batches of 64, one thread; an image that k students learn from counts k times. A
round measures each way in turn, so that what else the machine does falls on all alike. Views, networks, KD's loss and
SGD are raykd's, the loop around them is bare. Random images of each data set's shape, with its augmentation.

- one after the other: each seed draws its views in its own order, asks the teacher, and makes a student's step.
- in turn: views and the teacher's outputs are shared, the students' steps are their own.
- vmap: they are shared, and the students' weights stacked under `torch.func.vmap`.
- grouped: they are shared, and the students are one network of grouped convolutions, its loss the sum of theirs.
- grouped, own order: each seed's own views in its own order, side by side as the channels of one grouped network.

The teacher is asked anew (`live`), or its outputs are looked up (`kept`), as a warm store has them. Gains are over runs
one after the other in the layout that suits them best.

Why it is not in the package: the last bits are not those of a single run (after 20 steps on the same images a third of
the weights differ, by 1e-7 on digits; such differences grow), so that what is confirmed would not be the run that was
found; and it holds for networks of plain convolutions, batch normalisation and one linear layer, and for terms that
read logits, alone. Nothing else has to give: each student keeps its own order, views, batch statistics and learning
rate, as SGD works on each weight by itself.
"""

import argparse
import copy
import itertools
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from record import Record, spread
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state
from torch.nn import functional as F

from raykd.data import Augmentation, Split
from raykd.data.dataset import Batch, Dataset
from raykd.methods.kd import kd_loss
from raykd.models.cifar_resnet import WIDE, ResNet
from raykd.models.cnn import CNN
from raykd.models.staged import Shape
from raykd.optim import SGD
from raykd.protocols.model import ModelSpec

BATCH, IMAGES, TEMPERATURE = 64, 1024, 4.0
BAR = 1.5
STEPS_APART = 20


class Case(NamedTuple):
    """A student, its teacher (None: looked up alone), and the data that they see."""

    student: ModelSpec
    teacher: ModelSpec | None
    image: Shape
    num_classes: int
    augmentation: Augmentation
    ks: tuple[int, ...]


CASES = {
    "digits": Case(CNN(widths=(4, 8, 12)), CNN(widths=(16, 32, 64)), (1, 8, 8), 10, Augmentation(padding=1), (2, 4, 8)),
    "fashion_mnist": Case(
        CNN(widths=(4, 8, 16)), CNN(widths=(16, 32, 64)), (1, 28, 28), 10, Augmentation(padding=2, flip=True), (2, 4, 8)
    ),
    "resnet20": Case(ResNet(depth=20), None, (3, 32, 32), 100, Augmentation(padding=4, flip=True), (4,)),
    "resnet8x4": Case(ResNet(depth=8, widths=WIDE), None, (3, 32, 32), 100, Augmentation(padding=4, flip=True), (4,)),
}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is measured.

    Args:
        way: as in the file's docstring.
        k: students.
        teacher: `live` or `kept`.
        layout: of images, maps and weights.
    """

    way: str
    k: int
    teacher: str
    layout: torch.memory_format

    def __str__(self) -> str:
        return f"teacher {self.teacher}, {self.way}, k = {self.k}, {str(self.layout).removeprefix('torch.')}"


ALONE = "one after the other"
WAYS = ("in turn", "vmap", "grouped", "grouped, own order")
LAYOUTS = (torch.contiguous_format, torch.channels_last)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default=",".join(CASES), help=f"some of {', '.join(CASES)} (default: all)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="times that each is timed (default: 5)")
    parser.add_argument("--seconds", type=float, default=0.2, help="of processor time a turn, or a step (default: 0.2)")
    parser.add_argument("--save", action="store_true", help="keep the record under benchmarks/results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    record = Record("lockstep")
    for name in options.cases.split(","):
        case = CASES[name]
        for line in _apart(case):
            record.say(f"{name}: {line}")
        rates = _rates({setting: _step(case, setting) for setting in _settings(case)}, options.rounds, options.seconds)
        gains = {setting: _gains(setting, rates) for setting in rates}
        for setting, found in rates.items():
            gain = spread(gains[setting], 2)
            record.say(f"{name}, {setting}: images/s median {statistics.median(found):.0f}, gain {gain}")
        for way in WAYS:
            kept = {s: statistics.median(found) for s, found in gains.items() if s.way == way and s.teacher == "kept"}
            best = max(kept, key=lambda setting: kept[setting])
            record.say(f"{name}: at best {way} gains {kept[best]:.2f} ({best})")
    record.say(f"the bar was {BAR} on digits and Fashion-MNIST alike, the teacher's outputs being kept")
    if options.save:
        record.save()


def _settings(case: Case) -> Iterator[Setting]:
    for teacher in ("live", "kept") if case.teacher else ("kept",):
        for layout in LAYOUTS:
            yield Setting(way=ALONE, k=1, teacher=teacher, layout=layout)
            for way, k in itertools.product(WAYS, case.ks):
                yield Setting(way=way, k=k, teacher=teacher, layout=layout)


def _gains(setting: Setting, rates: dict[Setting, list[float]]) -> list[float]:
    """Round by round, over runs one after the other in the layout that suits them best."""
    bases = [found for other, found in rates.items() if (other.way, other.teacher) == (ALONE, setting.teacher)]
    base = max(bases, key=statistics.median)
    return [rate / other for rate, other in zip(rates[setting], base, strict=True)]


def _step(case: Case, setting: Setting) -> Callable[[], None]:
    """A step of all the students."""
    if setting.way in (ALONE, "in turn"):
        return _in_turn(case, setting)
    return _vmapped(case, setting) if setting.way == "vmap" else _grouped(case, setting)


def _in_turn(case: Case, setting: Setting) -> Callable[[], None]:
    networks = [network.to(memory_format=setting.layout) for network in _networks(case, setting.k)]
    optimisers = [SGD().build(network.parameters()) for network in networks]
    batches, ask = _batches(case, 0, setting.layout), _teacher(case, setting)

    def step() -> None:
        batch = next(batches)
        logits = ask(batch)
        for network, optimiser in zip(networks, optimisers, strict=True):
            optimiser.zero_grad(set_to_none=True)
            _loss(network(batch.images), logits, batch.targets).backward()
            optimiser.step()

    return step


def _vmapped(case: Case, setting: Setting) -> Callable[[], None]:
    weights, run = _stacked(_networks(case, setting.k))
    optimiser, batches, ask = SGD().build(weights), _batches(case, 0, setting.layout), _teacher(case, setting)

    def step() -> None:
        batch = next(batches)
        logits = ask(batch)
        optimiser.zero_grad(set_to_none=True)
        _sum(run(batch.images), [logits] * setting.k, [batch.targets] * setting.k).backward()
        optimiser.step()

    return step


def _grouped(case: Case, setting: Setting) -> Callable[[], None]:
    own = setting.way == "grouped, own order"
    network, same = _as_one(_networks(case, setting.k)).to(memory_format=setting.layout), 1 if own else setting.k
    optimiser, ask = SGD().build(network.parameters()), _teacher(case, setting)
    sources = [_batches(case, seed, setting.layout) for seed in range(setting.k if own else 1)]

    def step() -> None:
        batches = [next(source) for source in sources]
        logits = [ask(batch) for batch in batches]
        optimiser.zero_grad(set_to_none=True)
        images = torch.cat([batch.images for batch in batches] * same, dim=1).contiguous(memory_format=setting.layout)
        _sum(network(images), logits * same, [batch.targets for batch in batches] * same).backward()
        optimiser.step()

    return step


def _stacked(networks: Sequence[nn.Module]) -> tuple[list[nn.Parameter], Callable[[Tensor], Tensor]]:
    """The weights of all, stacked, and what gives their logits, [k b classes], for the same images."""
    weights, buffers = stack_module_state(list(networks))
    weights = {name: nn.Parameter(weight.detach()) for name, weight in weights.items()}
    one = copy.deepcopy(networks[0]).to("meta")

    def logits(weights: dict[str, Tensor], buffers: dict[str, Tensor], images: Tensor) -> Tensor:
        return functional_call(one, (weights, buffers), (images,))

    run = torch.vmap(logits, in_dims=(0, 0, None))
    return list(weights.values()), lambda images: run({**weights}, buffers, images)


def _as_one(networks: Sequence[nn.Module]) -> nn.Module:
    """One network of grouped convolutions, from [b, k channels, h, w] to the logits of all, [k b classes]."""
    one, parts = copy.deepcopy(networks[0]), [dict(network.named_modules()) for network in networks]
    for name, module in list(one.named_modules()):
        same = [part[name] for part in parts]
        if isinstance(module, nn.Conv2d):
            (height, width), (down, right), (top, left) = module.kernel_size, module.stride, module.padding
            assert not isinstance(module.padding, str) and module.groups == 1
            new = nn.Conv2d(
                module.in_channels * len(networks),
                module.out_channels * len(networks),
                (height, width),
                (down, right),
                (int(top), int(left)),
                groups=len(networks),
                bias=module.bias is not None,
            )
        elif isinstance(module, nn.BatchNorm2d):
            new = nn.BatchNorm2d(module.num_features * len(networks))
        elif isinstance(module, nn.Linear):
            one.set_submodule(name, _Linears(same))
            continue
        else:
            continue
        new.load_state_dict({key: _joined([each.state_dict()[key] for each in same]) for key in new.state_dict()})
        one.set_submodule(name, new)
    return one


class _Linears(nn.Module):
    """A linear layer for each of k groups of features."""

    def __init__(self, layers: Sequence[nn.Module]):
        super().__init__()
        self.weight = nn.Parameter(torch.stack([layer.get_parameter("weight").detach() for layer in layers]))
        self.bias = nn.Parameter(torch.stack([layer.get_parameter("bias").detach() for layer in layers]))

    def forward(self, features: Tensor) -> Tensor:
        apart = features.view(len(features), len(self.weight), -1).transpose(0, 1)
        return torch.baddbmm(self.bias[:, None], apart, self.weight.transpose(1, 2))


def _joined(values: Sequence[Tensor]) -> Tensor:
    """Weights and statistics of k layers as one's; the number of batches seen is the same for all."""
    return torch.cat(list(values)) if values[0].dim() else values[0]


def _loss(logits: Tensor, teacher: Tensor, targets: Tensor) -> Tensor:
    return 0.1 * F.cross_entropy(logits, targets) + 0.9 * kd_loss(logits, teacher, TEMPERATURE)


def _sum(logits: Tensor, teachers: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
    """The sum of k students' losses, from logits [k b classes]: k times the mean over all of their images."""
    return len(logits) * _loss(logits.flatten(0, 1), torch.cat(list(teachers)), torch.cat(list(targets)))


def _networks(case: Case, k: int) -> list[nn.Module]:
    """The students of seeds 0 to k - 1, in training mode."""
    made: list[nn.Module] = []
    for seed in range(k):
        torch.manual_seed(seed)
        made.append(case.student.build(case.num_classes, case.image).network.train())
    return made


def _batches(case: Case, seed: int, layout: torch.memory_format) -> Iterator[Batch]:
    """Batches without end, in a seed's order."""
    stream = torch.Generator().manual_seed(0)
    images = torch.randint(256, (IMAGES, *case.image), generator=stream, dtype=torch.uint8)
    split = Split(images, torch.arange(IMAGES) % case.num_classes)
    grey = (0.5,) * case.image[0]
    dataset = Dataset(
        train=split,
        validation=split,
        test=split,
        num_classes=case.num_classes,
        mean=grey,
        std=grey,
        augmentation=case.augmentation,
    )
    for epoch in itertools.count():
        for batch in dataset.batches(epoch, seed, BATCH):
            yield batch._replace(images=batch.images.clone(memory_format=layout))


def _teacher(case: Case, setting: Setting) -> Callable[[Batch], Tensor]:
    """Gives the teacher's logits for a batch."""
    torch.manual_seed(99)
    if setting.teacher == "kept" or case.teacher is None:
        table = torch.randn(IMAGES, case.num_classes)
        return lambda batch: table[batch.indices]
    network = case.teacher.build(case.num_classes, case.image).network.eval().to(memory_format=setting.layout)

    @torch.no_grad()
    def ask(batch: Batch) -> Tensor:
        return network(batch.images)

    return ask


def _rates(steps: dict[Setting, Callable[[], None]], rounds: int, seconds: float) -> dict[Setting, list[float]]:
    """Images per second of processor time in each round, after a step that warms up."""
    rates: dict[Setting, list[float]] = {setting: [] for setting in steps}
    for step in steps.values():
        step()
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        for setting, step in steps.items():
            count, begun, spent = 0, time.process_time(), 0.0
            while count < 1 or spent < seconds:
                step()
                count, spent = count + 1, time.process_time() - begun
            rates[setting].append(count * BATCH * setting.k / spent)
    return rates


def _apart(case: Case) -> Iterator[str]:
    """How far two students in lock-step are from what they are alone, after some steps on the same images."""
    setting = Setting(way="grouped", k=2, teacher="kept", layout=torch.contiguous_format)
    seen = list(itertools.islice(_batches(case, 0, setting.layout), STEPS_APART))
    alone = _networks(case, 2)
    for network in alone:
        _train(case, setting, list(network.parameters()), lambda images, network=network: network(images)[None], seen)
    expected = [parameter.detach() for network in alone for parameter in network.parameters()]
    one = _as_one(_networks(case, 2))
    weights, run = _stacked(_networks(case, 2))
    doubled = {
        "grouped": (list(one.parameters()), lambda images: one(torch.cat([images] * 2, dim=1))),
        "vmap": (weights, run),
    }
    for way, (parameters, logits) in doubled.items():
        _train(case, setting, parameters, logits, seen)
        found = [parameter.detach().chunk(2)[number] for number in range(2) for parameter in parameters]
        pairs = list(zip(found, expected, strict=True))
        apart = torch.cat([(one.flatten() - other.flatten()).abs() for one, other in pairs])
        yield (
            f"{way}: after {STEPS_APART} steps {(apart == 0).float().mean():.0%} of the weights equal those of single "
            f"runs bit for bit, the others are at most {apart.max():.1e} apart"
        )


def _train(
    case: Case,
    setting: Setting,
    parameters: Sequence[nn.Parameter],
    logits: Callable[[Tensor], Tensor],
    batches: Sequence[Batch],
) -> None:
    optimiser, ask = SGD().build(parameters), _teacher(case, setting)
    for batch in batches:
        found = logits(batch.images)
        optimiser.zero_grad(set_to_none=True)
        _sum(found, [ask(batch)] * len(found), [batch.targets] * len(found)).backward()
        optimiser.step()


if __name__ == "__main__":
    main()
