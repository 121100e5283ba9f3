"""All files are looked into, once; what is wrong, what is no plain picture and what is there twice is found."""

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from data_files import picture, save
from raykd.data import inspection
from raykd.data.inspection import DEEP, FRAMES, TRANSPARENT, TURNED, Inspection, inspect, states
from raykd.data.views.pixels import Pixels


def found(root: Path, cache: Path | None = None, **options: Any) -> Inspection:
    names = sorted(os.path.relpath(Path(folder) / name, root) for folder, _, files in os.walk(root) for name in files)
    return inspect(root, states(root, names), Pixels(**options), cache)


def test_plain_pictures(tmp_path: Path):
    for number, name in enumerate(("a.png", "b.jpg", "c.webp", "grey.png", "palette.png", "one.tif", "cmyk.jpg")):
        mode = {"grey.png": "L", "palette.png": "P", "one.tif": "1", "cmyk.jpg": "CMYK"}.get(name, "RGB")
        save(tmp_path, name, picture(number, 20 + number, 30, mode))
    assert found(tmp_path) == Inspection(bad={}, kinds={}, copies={}, shorter=(20, 23, 26), used=(0, 0))


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif", "bmp", "gif", "ppm", "jp2", "avif"])
def test_torn_files(tmp_path: Path, ending: str):
    """What `Image.verify` lets through."""
    whole = save(tmp_path, f"whole.{ending}", picture(1, 64, 64)).read_bytes()
    for name, torn in {"half": whole[: len(whole) // 2], "head": whole[:20], "html": b"<html>gone</html>"}.items():
        (tmp_path / f"{name}.{ending}").write_bytes(torn)
    (tmp_path / f"empty.{ending}").write_bytes(b"")
    seen = found(tmp_path)
    assert seen.bad.keys() == {f"{name}.{ending}" for name in ("half", "head", "html", "empty")}
    assert seen.bad[f"empty.{ending}"] == "empty"
    assert seen.bad[f"html.{ending}"] == "it is no picture of a known kind"
    assert all(reason and "\n" not in reason for reason in seen.bad.values())


def test_what_is_no_file(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "gone.png").symlink_to("nowhere.png")
    assert found(tmp_path).bad == {
        "pipe.png": "no file with bytes",
        "loop.png": os.strerror(errno.ELOOP),
        "gone.png": "not there",
    }


def test_what_is_no_plain_picture(tmp_path: Path):
    deep = np.arange(100, dtype=np.uint16).reshape(10, 10)
    save(tmp_path, "deep.png", Image.fromarray(deep * 40))
    save(tmp_path, "float.tif", Image.fromarray(deep / np.float32(99)))
    save(tmp_path, "clear.png", picture(1, mode="RGBA"))
    picture(1).save(tmp_path / "many.gif", save_all=True, append_images=[picture(2)])
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(3).save(tmp_path / "turned.jpg", exif=exif)
    seen = found(tmp_path)
    kinds = {DEEP: ("deep.png", "float.tif"), FRAMES: ("many.gif",), TRANSPARENT: ("clear.png",)}
    assert seen.kinds == kinds | {TURNED: ("turned.jpg",)}
    assert seen.odd == {"deep.png", "float.tif", "clear.png", "turned.jpg"}
    assert (seen.bad, seen.used) == ({}, (12, 16))
    assert found(tmp_path, bits=8).bad.keys() == {"deep.png"}


def test_copies(tmp_path: Path):
    for name, seed in {"a.png": 1, "b.png": 2, "c.png": 1, "d.png": 1}.items():
        save(tmp_path, name, picture(seed))
    assert found(tmp_path).copies == {"c.png": "a.png", "d.png": "a.png"}


def test_it_is_kept_until_a_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    root, cache, decoded = tmp_path / "root", tmp_path / "cache", list[str]()
    decode = inspection._decode

    def noted(path: str, pixels: Pixels) -> Any:
        decoded.append(Path(path).name)
        return decode(path, pixels)

    monkeypatch.setattr(inspection, "_decode", noted)
    save(root, "a.png", picture(1, mode="RGBA"))
    torn = save(root, "b.png", picture(2))
    whole = torn.read_bytes()
    torn.write_bytes(whole[:-30])
    first = found(root, cache)
    inspection._inspected.clear()  # as in another process
    assert found(root, cache) == first
    assert sorted(decoded) == ["a.png", "b.png"]
    torn.write_bytes(whole)
    mended = found(root, cache)
    assert (first.bad.keys(), mended.bad, mended.kinds) == ({"b.png"}, {}, first.kinds)
    assert sorted(decoded) == ["a.png", "a.png", "b.png", "b.png"]


def test_a_cache_that_cannot_be_written(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    save(tmp_path / "root", "a.png", picture(1))
    (tmp_path / "cache").write_text("a file")
    assert found(tmp_path / "root", tmp_path / "cache").bad == {}
    assert "pictures are looked into and decoded anew in every process" in caplog.text


def test_an_error_of_the_machine_is_no_bad_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def stale(path: str, pixels: Pixels) -> Any:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), path)

    save(tmp_path, "a.png", picture(1))
    monkeypatch.setattr(inspection, "_decode", stale)
    with pytest.raises(OSError, match=os.strerror(errno.ESTALE)):
        found(tmp_path)
