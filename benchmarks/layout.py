"""What channels-last gains or costs each network, beside the plain contiguous layout.

Claim: none. A table of the ratio by which a training step and an inference pass become faster in channels-last, which
the rule of `raykd.models.layout` was fitted to, with what that rule says.

    python benchmarks/layout.py [--batch 64] [--rounds N] [--image SIDE] [--networks NAME ...] [--save]

Random images, float32, one thread, CPU seconds of the process, which others on the machine disturb less than its clock.
A round times each network in both layouts one after the other, the first of them in turn, so that what else the machine
does falls on both alike.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable

import torch
from record import Record, spread
from torch.nn import functional as F

from raykd.models import (
    cifar_resnet,
    cnn,
    four_stage_resnet,
    mobilenet_v1,
    mobilenet_v2,
    preactivation_resnet,
    shufflenet_v1,
    shufflenet_v2,
    vgg,
    wide_resnet,
)
from raykd.models.layout import layout_of
from raykd.models.staged import Shape, Staged

CLASSES = 100
CPU = torch.device("cpu")
Make = Callable[[int, Shape], Staged]
NETWORKS: dict[str, Make] = {
    "resnet8": cifar_resnet.resnet8,
    "resnet20": cifar_resnet.resnet20,
    "resnet56": cifar_resnet.resnet56,
    "resnet110": cifar_resnet.resnet110,
    "resnet8x2": cifar_resnet.ResNet(depth=8, widths=(16, 32, 64, 128)).build,
    "resnet8x4": cifar_resnet.resnet8x4,
    "resnet32x4": cifar_resnet.resnet32x4,
    "wrn_16_1": wide_resnet.wrn_16_1,
    "wrn_16_2": wide_resnet.wrn_16_2,
    "wrn_40_1": wide_resnet.wrn_40_1,
    "wrn_40_2": wide_resnet.wrn_40_2,
    "vgg8": vgg.vgg8,
    "vgg13": vgg.vgg13,
    "mobile_half": mobilenet_v2.mobile_half,
    "mobilenet_v1": mobilenet_v1.MobileNetV1().build,
    "shuffle_v1": shufflenet_v1.shuffle_v1,
    "shuffle_v2": shufflenet_v2.shuffle_v2,
    "resnet18": four_stage_resnet.resnet18,
    "resnet50": four_stage_resnet.resnet50,
    "preactivation resnet18": preactivation_resnet.resnet18,
    "cnn 8 16": cnn.CNN(widths=(8, 16)).build,
    "cnn 16 32": cnn.CNN(widths=(16, 32)).build,
    "cnn 32 64": cnn.CNN(widths=(32, 64)).build,
    "cnn 64 128": cnn.CNN(widths=(64, 128)).build,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=64, metavar="N", help="images of a step (default: 64)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="times that each is timed (default: 5)")
    parser.add_argument("--image", type=int, default=32, metavar="SIDE", help="pixels of a side (default: 32)")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), metavar="NAME", help="of the table's names")
    parser.add_argument("--save", action="store_true", help="keep the record under benchmarks/results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    record = Record("layout")
    record.say(f"load of the machine at the start: {os.getloadavg()[0]:.1f}")
    record.say(f"float32, 1 thread, {options.batch} images of {options.image} pixels, CPU seconds, time in contiguous")
    record.say("divided by time in channels last: above 1, channels last is the faster one")
    image = (3, options.image, options.image)
    images = torch.randn(options.batch, *image, generator=torch.Generator().manual_seed(0))
    agree = 0
    for name in options.networks:
        step, inference = _ratios(NETWORKS[name], images, options.rounds)
        chosen = layout_of(NETWORKS[name](CLASSES, image), CPU)
        agree += (chosen == "channels_last") == (statistics.median(step) > 1)
        record.say(f"{name:22} step {spread(step, 2)}  inference {spread(inference, 2)}  the rule: {chosen}")
    record.say(f"the rule takes the faster layout of the step for {agree} of {len(options.networks)} networks")
    if options.save:
        record.save()


def _ratios(make: Make, images: torch.Tensor, rounds: int) -> tuple[list[float], list[float]]:
    shape = tuple(images.shape[1:])
    networks = {channels_last: make(CLASSES, shape).lay_out(channels_last) for channels_last in (False, True)}
    steps: list[float] = []
    inferences: list[float] = []
    for number in range(rounds + 1):
        order = sorted(networks, reverse=bool(number % 2))
        step = {layout: _seconds(_step, networks[layout], images) for layout in order}
        inference = {layout: _seconds(_infer, networks[layout], images) for layout in order}
        if number:  # the first one warms up
            steps.append(step[False] / step[True])
            inferences.append(inference[False] / inference[True])
    return steps, inferences


def _seconds(run: Callable[[Staged, torch.Tensor], None], network: Staged, images: torch.Tensor) -> float:
    begun = time.process_time()
    run(network, images)
    return time.process_time() - begun


def _step(network: Staged, images: torch.Tensor) -> None:
    network.train().zero_grad()
    F.cross_entropy(network(images).logits, torch.arange(len(images)) % CLASSES).backward()


def _infer(network: Staged, images: torch.Tensor) -> None:
    network.eval()
    with torch.no_grad():
        network(images)


if __name__ == "__main__":
    main()
