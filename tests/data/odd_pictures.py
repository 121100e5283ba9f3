"""Folders of pictures as people have them, made by a seed: kinds of pictures, torn files, odd names, links, remains."""

import io
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

WHITE = 255
SIDE = 8

Colour = tuple[int, ...]  # red, green, blue


@dataclass
class Folder:
    """What was made.

    Args:
        colours: what pictures must be read as, by their paths below the root.
        bad: pictures that must be refused.
        unclear: files with a picture's ending that may be read or refused.
        other: all other files that are neither hidden nor below a hidden folder.
    """

    root: Path
    colours: dict[str, Colour] = field(default_factory=dict)
    bad: set[str] = field(default_factory=set)
    unclear: set[str] = field(default_factory=set)
    other: set[str] = field(default_factory=set)


def make_folder(root: Path, seed: int) -> Folder:
    """A folder with `train` and `val`, and what some oddities have made of it."""
    draw, folder = random.Random(seed), Folder(root)
    classes = draw.sample(
        ["cat", "dog", "Übel", "no 7", "-x", os.fsdecode(b"caf\xe9"), "a.png"], draw.choice([2, 2, 3])
    )
    for split in ("train", "val"):
        for name in classes:
            below = f"{split}/{name}" + draw.choice(["", "", "", "/deep", "/deep/er"])
            for number in range(draw.randint(2, 3)):
                _add_picture(folder, below, str(number), draw)
    for oddity in draw.sample(_ODDITIES, draw.randint(0, 4)):
        oddity(folder, classes, draw)
    return folder


def _write(folder: Folder, name: str, content: bytes) -> Path:
    path = folder.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _add_picture(folder: Folder, below: str, stem: str, draw: random.Random) -> str:
    ending, make = draw.choice(_KINDS)
    ending = draw.choice([ending, ending, ending.upper()])
    odd = draw.choice(["", "", "", " ", "é", "\n", os.fsdecode(b"\xff"), ".jpg", "x" * 180])
    name = f"{below}/{stem}{odd}.{ending}"
    content, colour = make(draw)
    _write(folder, name, content)
    if colour is None:
        folder.bad.add(name)
    else:
        folder.colours[name] = colour
    return name


# kinds of pictures


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def _colour(draw: random.Random) -> Colour:
    return draw.randrange(256), draw.randrange(256), draw.randrange(256)


def _plain(kind: str, **options: Any) -> Callable[[random.Random], tuple[bytes, Colour]]:
    def make(draw: random.Random) -> tuple[bytes, Colour]:
        colour = _colour(draw)
        size = draw.choice([(SIDE, SIDE), (SIDE, SIDE), (1, 1), (3, 40), (1, 300)])
        return _saved(Image.new("RGB", size, colour), kind, **options), colour

    return make


def _grey(draw: random.Random) -> tuple[bytes, Colour]:
    value = draw.randrange(256)
    return _saved(Image.new("L", (SIDE, SIDE), value), "PNG"), (value, value, value)


def _one_bit(draw: random.Random) -> tuple[bytes, Colour]:
    value = draw.choice([0, WHITE])
    return _saved(Image.new("1", (SIDE, SIDE), value), draw.choice(["PNG", "TIFF", "PPM"])), (value, value, value)


def _palette(draw: random.Random) -> tuple[bytes, Colour]:
    colour = _colour(draw)
    image = Image.new("P", (SIDE, SIDE), 1)
    image.putpalette([0, 0, 0, *colour])
    if draw.random() < 0.5:
        return _saved(image, "PNG"), colour
    return _saved(image, "PNG", transparency=1), (WHITE, WHITE, WHITE)


def _transparent(draw: random.Random) -> tuple[bytes, Colour]:
    (red, green, blue), alpha = _colour(draw), draw.choice([0, 51, 255])
    image = Image.new("RGBA", (SIDE, SIDE), (red, green, blue, alpha))
    if draw.random() < 0.3:
        image = Image.new("LA", (SIDE, SIDE), (red, alpha))
        green = blue = red
    share = alpha / 255
    laid = tuple(round(share * value + (1 - share) * WHITE) for value in (red, green, blue))
    return _saved(image, draw.choice(["PNG", "TIFF"])), laid


def _sixteen(draw: random.Random) -> tuple[bytes, Colour]:
    value = draw.randrange(65536)
    image = Image.fromarray(np.full((SIDE, SIDE), value, np.uint16))
    return _saved(image, draw.choice(["PNG", "TIFF", "PPM"])), (round(value / 257),) * 3


def _pgm(draw: random.Random) -> tuple[bytes, Colour]:
    most = draw.choice([1, 100, 255, 1023, 4095, 65535])
    value = draw.randrange(most + 1)
    values = np.full(SIDE * SIDE, value, np.uint8 if most < 256 else ">u2")
    return f"P5 {SIDE} {SIDE} {most}\n".encode() + values.tobytes(), (round(255 * value / most),) * 3


def _float(draw: random.Random) -> tuple[bytes, Colour | None]:
    """From 0 to 1, or what is refused: other ranges and what is no number."""
    values = np.full((SIDE, SIDE), draw.random(), np.float32)
    wrong = draw.choice([None, None, 200.0, -3.0, float("nan"), float("inf")])
    colour = (round(255 * float(values[0, 0])),) * 3
    if wrong is not None:
        values[0, 0], colour = wrong, None
    return _saved(Image.fromarray(values), "TIFF"), colour


def _integers(draw: random.Random) -> tuple[bytes, Colour | None]:
    """All of 31 bits, or as a map of labels in 32, which would be black."""
    if draw.random() < 0.5:
        value = draw.randrange(2**31)
        return _saved(Image.fromarray(np.full((SIDE, SIDE), value, np.int32)), "TIFF"), (value >> 23,) * 3
    values = np.arange(SIDE * SIDE, dtype=np.int32).reshape(SIDE, SIDE) - draw.choice([0, 5])
    return _saved(Image.fromarray(values), "TIFF"), None


def _cmyk(draw: random.Random) -> tuple[bytes, Colour]:
    ink = draw.randrange(256), draw.randrange(256), draw.randrange(256), 0
    return _saved(Image.new("CMYK", (SIDE, SIDE), ink), draw.choice(["JPEG", "TIFF"])), tuple(255 - i for i in ink[:3])


def _frames(draw: random.Random) -> tuple[bytes, Colour]:
    colour, other = _colour(draw), _colour(draw)
    first, second = (Image.new("RGB", (SIDE, SIDE), value) for value in (colour, other))
    kind = draw.choice(["GIF", "WEBP", "PNG", "TIFF", "MPO"])
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind == "MPO" else {}
    return _saved(first, kind, save_all=True, append_images=[second], **options), colour


def _turned(draw: random.Random) -> tuple[bytes, Colour]:
    colour, exif = _colour(draw), Image.Exif()
    exif[0x0112] = draw.choice([0, 1, 3, 6, 8, 9])
    kind, options = draw.choice([("JPEG", {"quality": 95}), ("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True})])
    return _saved(Image.new("RGB", (SIDE, 5), colour), kind, exif=exif, **options), colour


_KINDS: list[tuple[str, Callable[[random.Random], tuple[bytes, Colour | None]]]] = [
    ("jpg", _plain("JPEG", quality=95)),
    ("jpeg", _plain("JPEG", quality=95, progressive=True)),
    ("png", _plain("PNG")),
    ("bmp", _plain("BMP")),
    ("ppm", _plain("PPM")),
    ("webp", _plain("WEBP", lossless=True)),
    ("tif", _plain("TIFF")),
    ("jp2", _plain("JPEG2000")),
    ("jpg", _plain("PNG")),  # called otherwise than what it is
    ("png", _grey),
    ("png", _one_bit),
    ("png", _palette),
    ("png", _transparent),
    ("png", _sixteen),
    ("pgm", _pgm),
    ("tif", _float),
    ("tiff", _integers),
    ("jpg", _cmyk),
    ("gif", _frames),
    ("jpg", _turned),
]

# oddities of folders


def _torn(folder: Folder, classes: list[str], draw: random.Random) -> None:
    """A picture that was cut off, or changed in some bytes, or replaced by something else."""
    name = _add_picture(folder, f"{draw.choice(['train', 'val'])}/{draw.choice(classes)}", "torn", draw)
    content = bytearray((folder.root / name).read_bytes())
    way = draw.choice(["empty", "cut", "bytes", "page", "zeros", "head", "postscript"])
    if way == "cut":
        content = content[: draw.randrange(1, len(content))]
    elif way == "bytes":
        for _ in range(draw.randint(1, 8)):
            content[draw.randrange(len(content))] = draw.randrange(256)
    elif way == "head":
        content[: draw.randrange(1, 16)] = draw.randbytes(9)
    else:
        content = {"empty": b"", "page": b"<html>404</html>", "zeros": bytes(300), "postscript": b"%!PS-Adobe-3.0\n"}[
            way
        ]
    (folder.root / name).write_bytes(content)
    folder.colours.pop(name, None)
    folder.bad.discard(name)
    (folder.bad if way in ("empty", "page", "zeros", "postscript") else folder.unclear).add(name)


def _remains(folder: Folder, classes: list[str], draw: random.Random) -> None:
    """What systems and programs leave behind; nobody is to read any of it."""
    places = ["train", "val", f"train/{draw.choice(classes)}", f"val/{draw.choice(classes)}"]
    names = [".DS_Store", "Thumbs.db", "desktop.ini", "._0.jpg", ".ipynb_checkpoints/0.png", "__MACOSX/x/._0.png"]
    for place in places:
        _write(folder, f"{place}/{draw.choice(names)}", draw.choice([b"", b"bytes", _plain("PNG")(draw)[0]]))


def _other_files(folder: Folder, classes: list[str], draw: random.Random) -> None:
    for place in (f"train/{draw.choice(classes)}", "val", "train"):
        name = f"{place}/{draw.choice(['notes.txt', 'IMG_1.HEIC', 'labels.csv', 'README', os.fsdecode(b'b.xff')])}"
        _write(folder, name, b"words")
        folder.other.add(name)


def _loose(folder: Folder, classes: list[str], draw: random.Random) -> None:
    name = f"{draw.choice(['train', 'val'])}/loose.png"
    _write(folder, name, _plain("PNG")(draw)[0])
    folder.other.add(name)


def _empty_class(folder: Folder, classes: list[str], draw: random.Random) -> None:
    (folder.root / draw.choice(["train", "val"]) / draw.choice(["aaa", "zzz/deeper"])).mkdir(parents=True)


def _class_of_words(folder: Folder, classes: list[str], draw: random.Random) -> None:
    name = f"{draw.choice(['train', 'val'])}/words/1.txt"
    _write(folder, name, b"words")
    folder.other.add(name)


def _unknown_class(folder: Folder, classes: list[str], draw: random.Random) -> None:
    _add_picture(folder, "val/unknown", "1", draw)


def _links(folder: Folder, classes: list[str], draw: random.Random) -> None:
    for number, target in enumerate(["..", "/", ".", "../..", "loop"]):
        if draw.random() < 0.5:
            (folder.root / "train" / classes[0] / f"link{number}").symlink_to(target)
            folder.other.add(f"train/{classes[0]}/link{number}")
    name = f"{draw.choice(['train', 'val'])}/{classes[1]}/nowhere.jpg"
    (folder.root / name).parent.mkdir(parents=True, exist_ok=True)
    (folder.root / name).symlink_to(draw.choice(["nothing", "nowhere.jpg"]))
    folder.bad.add(name)


def _pipe(folder: Folder, classes: list[str], draw: random.Random) -> None:
    name = f"train/{classes[-1]}/pipe.png"
    (folder.root / "train" / classes[-1]).mkdir(parents=True, exist_ok=True)
    os.mkfifo(folder.root / name)
    folder.bad.add(name)


def _copies(folder: Folder, classes: list[str], draw: random.Random) -> None:
    name = draw.choice(sorted(folder.colours) or [""])
    if name:
        copy = f"val/{draw.choice(classes)}/copy{Path(name).suffix}"
        _write(folder, copy, (folder.root / name).read_bytes())
        folder.colours[copy] = folder.colours[name]


_ODDITIES = [
    _torn,
    _torn,
    _remains,
    _other_files,
    _loose,
    _empty_class,
    _class_of_words,
    _unknown_class,
    _links,
    _pipe,
    _copies,
]
