"""Everything that only a GPU can tell, by one command in under ten minutes; on one GPU.

Claim: the reference benchmark's 240 epochs on 45,000 images of CIFAR's shape (KD, resnet32x4 to resnet8x4, batch 64)
take less than 5 minutes on one H100 where the teacher's outputs are kept. The rest is a table and has no claim yet.

    python benchmarks/gpu.py [--parts NAME ...] [--rehearse] [--save]

rates: images per second at batch 64 and 512, of raykd with a live teacher (cold) and with outputs from the store
    (warm), against a plain loop with the same arithmetic and torchvision's views from a DataLoader of one process for
    each core (up to 16); medians of interleaved rounds, wall time. Then the share of the device's stated peak, by the
    operations that torch.utils.flop_counter counts in a step.
recipe: four of the 240 epochs, after the same ones have filled the store; the whole is extrapolated, and says so (to
    fill the store for all of it takes longer than ten minutes).
slots: searches in which 1, 2, 4 and 8 trials share the GPU: epochs of 10,000 images per GPU-hour, resnet20 taught by
    resnet56 with a live teacher; what a search's start takes is left out.
auto: `slots_per_gpu="auto"`, whose measurement of a trial's memory has to find room for one trial at least.
nccl: a process group of one by NCCL: an epoch in it gives the metrics, bit for bit, that it gives without.

`--rehearse` runs all of it on the CPU at tiny sizes, to find what is broken before a GPU is paid for: NCCL's place is
taken by gloo, and `auto` is left out. Its numbers mean nothing. The last line is the ratio of warm raykd to the plain
loop at batch 64.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

from gpu_rates import RIVAL, WARM, Sizes, compare_rates, share_of_peak, train_recipe
from record import Record
from search_rate import Watch

from raykd.cluster.tune import tune  # before Ray: it sets what Ray reads when it is imported

# isort: split
import torch
import torch.distributed as dist

from raykd.models.cifar_resnet import WIDE, ResNet
from raykd.models.cnn import CNN
from raykd.protocols.event import Event, Said
from raykd.storage.artifacts import Store
from raykd.studies.study import Study
from raykd.teachers.trained import Teacher
from raykd.training.loop import distill

PARTS = ("rates", "recipe", "slots", "auto", "nccl")
_FIXED: tuple[str, ...] = (
    *("optimiser/lr", "optimiser/nesterov", "optimiser/weight_decay"),
    *("terms/cross_entropy/weight", "terms/kd/weight", "terms/kd/temperature"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="(default: all)")
    parser.add_argument("--rehearse", action="store_true", help="on the CPU, at tiny sizes")
    parser.add_argument("--save", action="store_true", help="keep the record under benchmarks/results")
    options = parser.parse_args()
    if not options.rehearse and not torch.cuda.is_available():
        raise SystemExit("gpu.py needs a GPU, and there is none here; --rehearse runs it on the CPU at tiny sizes")
    record, sizes = Record("gpu"), _tiny() if options.rehearse else _full()
    if options.rehearse:
        record.say("a rehearsal on the CPU at tiny sizes: its numbers mean nothing")
    ratio = None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in options.parts:
            begun = time.monotonic()
            match part:
                case "rates":
                    rates = compare_rates(sizes, folder / part, record)
                    share_of_peak(sizes, rates, record)
                    ratio = rates[sizes.batches[0]][WARM] / rates[sizes.batches[0]][RIVAL]
                case "recipe":
                    train_recipe(sizes, folder / part, record)
                case "slots":
                    _share(folder / part, record, options.rehearse)
                case "auto" if options.rehearse:
                    record.say("auto: left out, it measures a GPU's memory")
                case "auto":
                    _measure(folder / part, record)
                case _:
                    _among_one(sizes, folder / part, record)
            record.say(f"{part}: {time.monotonic() - begun:.0f} s")
            if options.save:
                record.save()
    if ratio is not None:
        record.say(f"ratio {ratio:.2f}")
    if options.save:
        record.save()


def _full() -> Sizes:
    return Sizes(
        device=torch.device("cuda", torch.cuda.current_device()),
        teacher=ResNet(depth=32, widths=WIDE),
        student=ResNet(depth=8, widths=WIDE),
        batches=(64, 512),
        images=45_000,
        steps=100,
        rounds=5,
        measured=4,
        loaders=min(16, os.cpu_count() or 1),
    )


def _tiny() -> Sizes:
    return Sizes(
        device=torch.device("cpu"),
        teacher=CNN(widths=(8, 8)),
        student=CNN(widths=(4, 4)),
        batches=(64, 128),
        images=128,
        steps=2,
        rounds=2,
        measured=2,
        loaders=1,
    )


def _study(rehearse: bool) -> Study:
    """Trials that are all alike, and none of which is stopped."""
    size = (CNN(widths=(4, 4)), CNN(widths=(4, 4)), 128, 3) if rehearse else (ResNet(depth=56), ResNet(), 10_000, 6)
    teacher, student, images, epochs = size
    base = _tiny() if rehearse else _full()
    recipe = base.recipe(64, images, epochs)
    fields = {"teacher": Teacher(model=teacher, epochs=1), "student": student}
    recipe = type(recipe)(**{**vars(recipe), **fields})
    return Study(recipe=recipe, ranges=dict.fromkeys(_FIXED), grace=epochs, name="gpu", confirm=0)


def _share(folder: Path, record: Record, rehearse: bool) -> None:
    """Searches in which so many trials share the GPU, or, in a rehearsal, the cores."""
    study = _study(rehearse)
    for slots in (1, 2) if rehearse else (1, 2, 4, 8):
        watch = Watch()
        tune(
            study,
            trials=slots,
            slots=slots,
            slots_per_gpu=1 if rehearse else slots,
            storage=folder,
            name=f"slots-{slots}",
            address="local",
            listeners=[watch],
        )
        hourly = 3600 * slots * watch.epochs_per_second()
        record.say(f"{slots} slots: {hourly:.0f} epochs an hour, {hourly / 240:.1f} trials of 240 epochs")


def _measure(folder: Path, record: Record) -> None:
    """A search that measures how many trials may share a GPU."""
    lines = list[str]()

    def listen(event: Event) -> None:
        if isinstance(event, Said):
            lines.append(event.text)

    result = tune(
        _study(False),
        trials=1,
        slots_per_gpu="auto",
        storage=folder,
        name="auto",
        address="local",
        listeners=[listen],
    )
    for line in (line for line in lines if "may share one" in line or "at a time" in line):
        record.say(f"auto: {line}")
    record.say(f"auto: {len(result.frame)} trials, {result.frame['outcome'].value_counts().to_dict()}")


def _among_one(sizes: Sizes, folder: Path, record: Record) -> None:
    """An epoch within a process group of one, and without."""
    recipe = sizes.recipe(sizes.batches[0], sizes.batches[0] * sizes.steps, 1)
    (alone,) = distill(recipe, store=Store(folder), device=sizes.device)
    backend = "nccl" if sizes.device.type == "cuda" else "gloo"
    dist.init_process_group(backend, init_method=f"file://{folder}/meeting", rank=0, world_size=1)
    ones = torch.ones(4, device=sizes.device)
    dist.all_reduce(ones)
    (among,) = distill(recipe, store=Store(folder), device=sizes.device)
    dist.destroy_process_group()
    same, summed = among.metrics == alone.metrics, bool((ones == 1).all())
    record.say(f"{backend}, world of one: sums right {summed}, metrics the same bit for bit {same}")
    if not (same and summed):
        raise SystemExit(f"{backend} in a world of one changes what a run gives: {alone.metrics} and {among.metrics}")


if __name__ == "__main__":
    main()
