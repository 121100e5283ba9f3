"""What a training step of QUEST costs beside one of KD, and beside one by QUEST's definition and autograd.

Claim: a step of QUEST with 4,096 words and the labels takes at most 1.25 times a step of KD, resnet32x4 to resnet8x4,
batches of 64 CIFAR-shaped images, float32.

    python benchmarks/quest_step.py [--device cpu] [--threads 1] [--batch 64] [--words N] [--rounds N] [--save]

Random images, a teacher of random weights. A round takes one step of each kind in turn, so that what else the machine
does falls on all alike. On a CPU the seconds are those that the process computed, not those that passed. "By
definition" is `quest_loss(predict_words(...), assign_words(...))`, which `mean_divergence` stands in for. The memory is
the most that a step holds above what was held before it, by PyTorch's own count of its tensors. The last line is the
ratio of the medians, QUEST to KD.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch
from jaxtyping import Float
from record import Record, spread
from torch import Tensor

from methods import SLOW, Noise, _peak_mib, _shorten
from raykd.distributed.world import World
from raykd.methods.common.codebook import pooled_map
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.quest import Quest, _Quest
from raykd.models.cifar_resnet import WIDE, ResNet
from raykd.models.staged import Outputs
from raykd.ops.words import assign_words, predict_words, quest_loss
from raykd.recipe import Recipe
from raykd.space.ranges import override
from raykd.storage.artifacts import Store
from raykd.studies.published.cifar100 import recipe_of
from raykd.teachers.pretrained import PretrainedTeacher
from raykd.training.run import Run

KD, QUEST, DEFINITION = "kd", "quest", "quest by definition"
TEMPERATURE = 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", help="where to compute (default: cpu)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="of PyTorch on a CPU (default: 1)")
    parser.add_argument("--batch", type=int, default=64, metavar="N", help="images of a step (default: 64)")
    parser.add_argument("--words", type=int, default=4096, metavar="N", help="of the codebook (default: 4096)")
    parser.add_argument("--rounds", type=int, default=9, metavar="N", help="steps of each kind (default: 9)")
    parser.add_argument("--save", action="store_true", help="keep the record under benchmarks/results")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    record = Record("quest_step")
    where = f"{options.device}, {options.threads} threads" if options.device == "cpu" else options.device
    record.say(f"resnet32x4 to resnet8x4, batches of {options.batch}, {options.words} words, on {where}")
    with tempfile.TemporaryDirectory() as folder:
        runs = _runs(Store(Path(folder)), options)
        memory = {name: _peak_mib(run) for name, run in runs.items()}
        seconds: dict[str, list[float]] = {name: [] for name in runs}
        for number in range(options.rounds):
            for name, run in runs.items():
                seconds[name].append(_seconds(run, number))
    kd = statistics.median(seconds[KD])
    for name, found in seconds.items():
        ratio = statistics.median(found) / kd
        record.say(f"{name:20} s a step {spread(found)}, {ratio:.2f} x KD's, peak {memory[name]:.0f} MiB")
    record.say(f"{statistics.median(seconds[QUEST]) / kd:.2f}")
    if options.save:
        record.save()


def _runs(store: Store, options: argparse.Namespace) -> dict[str, Run]:
    """A live run of each kind, of one step an epoch."""
    teacher = PretrainedTeacher(file=None, model=ResNet(depth=32, widths=WIDE), minimum_accuracy=0.0)
    noise = {"data": Noise(), "batch_size": options.batch}
    kd = override(recipe_of(teacher, ResNet(depth=8, widths=WIDE)), SLOW | noise)
    quest = Quest(words=options.words, iterations=1, temperature=TEMPERATURE)
    words = override(kd, {"terms": (CrossEntropy(), quest)})
    runs = {name: _run(recipe, store, options) for name, recipe in {KD: kd, QUEST: words, DEFINITION: words}.items()}
    term = runs[DEFINITION].distiller.terms["quest"]
    assert isinstance(term, _Quest)
    term.forward = lambda student, teacher, batch, clock: _by_definition(term, student, teacher)
    return runs


def _run(recipe: Recipe, store: Store, options: argparse.Namespace) -> Run:
    run = Run(recipe, store, World.alone(torch.device(options.device)), lambda line: None)
    run.advance(0)
    _shorten(run, options.batch)
    return run


def _by_definition(term: _Quest, student: Outputs, teacher: Outputs | None) -> Float[Tensor, ""]:
    assert teacher is not None
    own, other = student.features[-1], teacher.features[-1]
    with torch.no_grad():
        assignment = assign_words(pooled_map(other, own.shape[2:]), term.words, TEMPERATURE)
    return quest_loss(predict_words(own, term.predictor, term.scale), assignment)


def _seconds(run: Run, epoch: int) -> float:
    """Of a step, which ends with reading the losses from the device."""
    clock = time.process_time if run.dataset.device.type == "cpu" else time.perf_counter
    begun = clock()
    run.train(epoch)
    return clock() - begun


if __name__ == "__main__":
    main()
