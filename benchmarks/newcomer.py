"""From a folder of pictures to a confirmed student, as a newcomer does it: one command, nothing else.

Claim: at most 10 minutes on two cores for 600 pictures of 64 pixels, with a ResNet-18 as the teacher.

    python benchmarks/newcomer.py [--student NAME] [--minutes M] [--folder F] [--save]

The pictures are drawn: circles, squares, crosses and rings of any colour, size and place on noise, 150 of each, in a
folder for each, PNG and JPEG, beside what a system leaves there. The teacher is a ResNet-18 of torchvision's, trained
before the clock starts on pictures of the same kind (others, by another seed), in a file of weights. The command is

    raykd tune --data PHOTOS --teacher resnet18.pth --student NAME --minutes M

The last line has the minutes of wall time from the command to its end, its start and the import of PyTorch and Ray
included, and the number of commands that were typed.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from record import Record

from raykd.data.finding import find_data
from raykd.models.torchvision import Torchvision
from raykd.optim import SGD, Cosine
from raykd.recipe import Recipe
from raykd.training.loop import distill

KINDS, EACH, SIDE = ("circle", "cross", "ring", "square"), 150, 64
_TEACHERS_EPOCHS = 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--student", default="torchvision/mobilenet_v3_small", help="(default: %(default)s)")
    parser.add_argument("--minutes", default="9", help="asked for; the rest is what is not counted (default: 9)")
    parser.add_argument("--folder", type=Path, help="of pictures, teacher and search (default: a temporary one)")
    parser.add_argument("--save", action="store_true", help="keep the record under benchmarks/results")
    options = parser.parse_args()
    record = Record("newcomer")
    record.say(f"load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or Path(temporary)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        for name, seed in (("photos", 0), ("teachers", 1)):
            if not (folder / name).exists():
                draw(folder / name, seed)
        if not (folder / "resnet18.pth").exists():
            accuracy = _teach(folder / "teachers", folder / "resnet18.pth")
            record.say(f"teacher: validation accuracy {accuracy:.3f} on its own pictures")
        words = ["tune", "--data", "photos", "--teacher", "resnet18.pth", "--student", options.student]
        begun = time.monotonic()
        command = [sys.executable, "-m", "raykd", *words, "--minutes", options.minutes]
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        minutes = (time.monotonic() - begun) / 60
        for line in ended.stdout.splitlines():
            record.say(f"    {line}")
        if ended.returncode:
            raise SystemExit(f"the command ended with {ended.returncode}: {ended.stderr[-2000:]}")
        record.say(f"minutes {minutes:.1f}, commands 1")
    if options.save:
        record.save()


def draw(folder: Path, seed: int) -> None:
    """A folder of pictures for each kind, and what is no picture."""
    generator = np.random.default_rng(seed)
    for kind in KINDS:
        (folder / kind).mkdir(parents=True)
        for number in range(EACH):
            picture = Image.fromarray(generator.integers(0, 120, (SIDE, SIDE, 3), np.uint8))
            left, top = (int(place) for place in generator.integers(4, 32, 2))
            side = int(generator.integers(14, 28))
            colour = tuple(int(value) for value in generator.integers(60, 256, 3))
            _draw(ImageDraw.Draw(picture), kind, (left, top, left + side, top + side), colour)
            picture.save(folder / kind / f"{number}.{'jpg' if number % 2 else 'png'}")
    (folder / ".DS_Store").write_text("a system's")
    (folder / "notes.txt").write_text("not a picture")


def _draw(pen: ImageDraw.ImageDraw, kind: str, box: tuple[int, int, int, int], colour: tuple[int, ...]) -> None:
    left, top, right, bottom = box
    if kind == "circle":
        pen.ellipse(box, fill=colour)
    elif kind == "square":
        pen.rectangle(box, fill=colour)
    elif kind == "ring":
        pen.ellipse(box, outline=colour, width=3)
    else:
        pen.line((left, top, right, bottom), fill=colour, width=4)
        pen.line((left, bottom, right, top), fill=colour, width=4)


def _teach(photos: Path, file: Path) -> float:
    """Trains a ResNet-18 and saves its weights; the accuracy on its validation split."""
    data = find_data(photos).data
    recipe = Recipe(
        data=data,
        student=Torchvision(name="resnet18"),
        optimiser=SGD(lr=0.02, schedule=Cosine()),
        epochs=_TEACHERS_EPOCHS,
        batch_size=32,
    )
    *_, last = distill(recipe, device="cpu", say=lambda line: None)
    torch.save(last.student(), file)
    return last.metrics["val/accuracy"]


if __name__ == "__main__":
    main()
