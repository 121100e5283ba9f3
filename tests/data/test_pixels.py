"""Each kind of picture becomes the bytes that its rule says, or is refused in words; never all black or all white."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from data_files import picture, save
from raykd.data.views.pixels import Pixels

BACKGROUND = (10, 20, 30)


def read(path: Path, **options: Any) -> np.ndarray:
    """The picture's bytes, (height, width, 3)."""
    pixels = Pixels(**options)
    with pixels.open(path) as opened:
        return np.asarray(pixels.rgb(opened))


def grey(path: Path, **options: Any) -> list[int]:
    """The grey of the first row."""
    found = read(path, **options)
    assert (found == found[:, :, :1]).all()
    return found[0, :, 0].tolist()


def tiff(path: Path, values: np.ndarray, sign: int, colours: int = 1, order: str = "<") -> Path:
    """A TIFF of one row as its tags say; `sign` is 1 for unsigned, 2 for signed integers, 3 for floats."""
    data = values.tobytes()
    tags = {256: len(values), 257: 1, 258: 8 * values.itemsize, 259: 1, 262: colours, 273: 8, 277: 1, 278: 1}
    tags |= {279: len(data), 339: sign}
    entries = [struct.pack(f"{order}HHIHH", tag, 3, 1, value, 0) for tag, value in tags.items()]
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}I", 8 + len(data))
    path.write_bytes(head + data + struct.pack(f"{order}H", len(tags)) + b"".join(entries) + bytes(4))
    return path


SIXTEEN = np.array([0, 1000, 40000, 65535], np.uint16)
SIXTEEN_AS_BYTES = [0, 4, 156, 255]


@pytest.mark.parametrize("ending", ["png", "tif", "pgm"])
def test_sixteen_bits_are_scaled(tmp_path: Path, ending: str):
    path = save(tmp_path, f"1.{ending}", Image.fromarray(SIXTEEN[None]))
    assert grey(path) == SIXTEEN_AS_BYTES


def test_tiffs_of_every_depth(tmp_path: Path):
    path = tmp_path / "1.tif"
    for order in "<>":
        assert grey(tiff(path, SIXTEEN.astype(f"{order}u2"), 1, order=order)) == SIXTEEN_AS_BYTES
    assert grey(tiff(path, SIXTEEN, 1, colours=0)) == [255, 251, 99, 0]
    assert grey(tiff(path, np.array([0, 2**31, 2**32 - 1], np.uint32), 1)) == [0, 128, 255]
    assert grey(tiff(path, np.array([0, 2**30, 2**31 - 1], np.int32), 2)) == [0, 128, 255]
    assert grey(tiff(path, np.array([0, 2**14, 2**15 - 1], np.int16), 2)) == [0, 128, 255]
    assert grey(tiff(path, np.array([0, 0.5, 1], np.float32), 3)) == [0, 128, 255]
    assert grey(tiff(path, np.array([0, 7, 255], np.uint8), 1)) == [0, 7, 255]


@pytest.mark.parametrize("head", [b"P5 4 1 4095\n", b"P2 4 1 4095\n"])
def test_a_pgm_states_its_maximum(tmp_path: Path, head: bytes):
    values = np.array([0, 1000, 2000, 4095], ">u2")
    words = " ".join(map(str, values)).encode()
    (tmp_path / "1.pgm").write_bytes(head + (words if head.startswith(b"P2") else values.tobytes()))
    assert grey(tmp_path / "1.pgm") == [0, 62, 125, 255]


def test_bits_and_floats_say_what_is_white(tmp_path: Path):
    twelve = save(tmp_path, "1.png", Image.fromarray(SIXTEEN[None, :2] * 4))
    assert grey(twelve) == [0, 16]
    assert grey(twelve, bits=12) == [0, 249]
    celsius = tiff(tmp_path / "1.tif", np.array([-20, 5, 30], np.float32), 3)
    assert grey(celsius, floats=(-20.0, 30.0)) == [0, 128, 255]


@pytest.mark.parametrize(
    ("values", "sign", "options", "words"),
    [
        (
            SIXTEEN,
            1,
            {"bits": 12},
            "its values run from 0 to 65535, and only 0 to 4095 become black to white; pixels/bits",
        ),
        (np.array([0, 100], np.int32), 2, {}, "makes one flat grey; pixels/bits, such as 7, changes that"),
        (np.array([-1, 100], np.int32), 2, {}, "its values run from -1 to 100, and only"),
        (np.array([0, 255], np.float32), 3, {}, "from 0 to 255, and only 0 to 1 become black to white; pixels/floats"),
        (np.array([0.5, 0.501], np.float32), 3, {}, "makes one flat grey; pixels/floats changes that"),
        (np.array([0, np.nan], np.float32), 3, {}, "its values run from nan to nan"),
        (np.array([0, -np.inf], np.float32), 3, {}, "its values run from -inf to 0"),
        (np.array([0, -1], np.int8), 2, {}, "it has 8-bit numbers with a sign"),
    ],
)
def test_what_would_be_wrong_is_refused(tmp_path: Path, values: np.ndarray, sign: int, options: Any, words: str):
    path = tiff(tmp_path / "1.tif", values, sign)
    with pytest.raises(ValueError, match=words):
        read(path, **options)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "palette of alpha"])
def test_transparent_pictures_lie_on_the_background(tmp_path: Path, mode: str):
    image = Image.new("RGBA", (3, 1), (200, 200, 200, 255))
    image.putpixel((1, 0), (99, 99, 99, 0))
    if mode == "palette of alpha":
        image.putpixel((2, 0), (200, 200, 200, 51))
        image = image.quantize(4)
    elif mode == "P":
        image = image.convert("P")
        image.info["transparency"] = image.getpixel((1, 0))
    else:
        image = image.convert(mode)
    found = read(save(tmp_path, "1.png", image), background=BACKGROUND)[0].tolist()
    assert found[:2] == [[200] * 3, list(BACKGROUND)]
    assert found[2] == ([48, 56, 64] if mode == "palette of alpha" else [200] * 3)


@pytest.mark.parametrize(("mode", "key"), [("RGB", (0, 0, 0)), ("L", 0), ("1", 0), ("I;16", 0)])
def test_one_colour_may_be_transparent(tmp_path: Path, mode: str, key: Any):
    values = np.array([[0, 255]], np.uint8)
    image = Image.fromarray(values * np.uint16(257)) if mode == "I;16" else Image.fromarray(values).convert(mode)
    path = tmp_path / "1.png"
    image.save(path, transparency=key)
    assert read(path, background=BACKGROUND)[0].tolist() == [list(BACKGROUND), [255] * 3]


def test_colours_of_other_kinds(tmp_path: Path):
    whole = picture(1)
    modes = {"1.jpg": "CMYK", "2.tif": "CMYK", "3.png": "1", "4.tif": "1", "5.png": "P", "6.pbm": "1", "7.tif": "YCbCr"}
    for name, mode in modes.items():
        saved = save(tmp_path, name, whole.convert(mode))
        difference = np.abs(read(saved).astype(int) - np.asarray(whole.convert(mode).convert("RGB")))
        assert difference.max() <= (16 if name == "1.jpg" else 0), name


@pytest.mark.parametrize("ending", ["gif", "webp", "png", "tif", "mpo.jpg"])
def test_of_several_frames_the_first(tmp_path: Path, ending: str):
    first, second = Image.new("RGB", (4, 4), (250, 0, 0)), Image.new("RGB", (4, 4), (0, 0, 250))
    path = tmp_path / f"1.{ending}"
    first.save(path, "MPO" if ending == "mpo.jpg" else None, save_all=True, append_images=[second])
    assert np.abs(read(path).astype(int) - (250, 0, 0)).max() <= 5


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_exif_turns(tmp_path: Path, ending: str, turn: int):
    """The red corner is where the orientation says."""
    image = Image.new("RGB", (32, 16))
    image.paste((255, 0, 0), (0, 0, 8, 8))
    exif = Image.Exif()
    exif[0x0112] = turn
    image.save(tmp_path / f"1.{ending}", exif=exif)
    corners = {1: (0, 0), 2: (0, 1), 3: (1, 1), 4: (1, 0), 5: (0, 0), 6: (0, 1), 7: (1, 1), 8: (1, 0)}
    found = read(tmp_path / f"1.{ending}")
    assert found.shape == ((16, 32, 3) if turn < 5 else (32, 16, 3))
    at_corners = {(y, x): found[-2 * y - 1 + 2 * (1 - y), -2 * x - 1 + 2 * (1 - x), 0] for y in (0, 1) for x in (0, 1)}
    assert max(at_corners, key=lambda corner: at_corners[corner]) == corners[turn]
    if ending != "tif":
        assert read(tmp_path / f"1.{ending}", upright=False).shape == (16, 32, 3)


def test_a_torn_exif_turns_nothing(tmp_path: Path):
    picture(1).save(tmp_path / "1.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01")
    assert read(tmp_path / "1.jpg").shape == (10, 12, 3)


def test_a_limit_of_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = save(tmp_path, "1.png", picture(1))
    with pytest.raises(ValueError, match="12 x 10 pixels are more than the 100 of pixels/limit"):
        read(path, limit=100)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    with pytest.raises(ValueError, match=r"Image size \(120 pixels\) exceeds limit of 100 pixels; pixels/limit"):
        read(path, limit=90)
    assert read(path, limit=120).shape == (10, 12, 3)


def test_postscript_is_not_run(tmp_path: Path):
    (tmp_path / "1.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n")
    with pytest.raises(ValueError, match="it is no picture of a known kind"):
        read(tmp_path / "1.png")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"background": (1, 2)}, r"background must be three numbers from 0 to 255, got \(1, 2\)"),
        ({"background": (1, 2, 256)}, "background must be three numbers from 0 to 255"),
        ({"bits": 0}, "bits must be None or 1 to 32, got 0"),
        ({"floats": (1.0, 1.0)}, r"floats must be black and a higher white, got \(1.0, 1.0\)"),
        ({"floats": (0.0, float("inf"))}, "floats must be black and a higher white"),
        ({"limit": 0}, "limit must be at least 1 pixel, got 0"),
    ],
)
def test_refusals(wrong: dict[str, Any], words: str):
    with pytest.raises(ValueError, match=words):
        Pixels(**wrong)
