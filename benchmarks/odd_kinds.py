"""Kinds of pictures for `odd_files.py`, each made with the bytes that it must be read as."""

import struct
import zlib
from typing import Any

import numpy as np
from odd_case import SIDE, Case, content, grey, picture, rgb, three
from PIL import Image


def _deep_png() -> bytes:
    """Red, green and blue of 16 bits, which Pillow does not write."""
    wide = (rgb().astype(">u2") * 257).reshape(SIDE, -1)
    rows = b"".join(b"\0" + row.tobytes() for row in wide)

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", SIDE, SIDE, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def _unsigned_tiff() -> bytes:
    """Grey of 32 bits without a sign, which Pillow does not write."""
    values = (grey() / 255 * (2**32 - 1)).astype("<u4").tobytes()
    long, tags = 4, {256: SIDE, 257: SIDE, 258: 32, 259: 1, 262: 1, 273: 8, 277: 1, 278: SIDE, 279: len(values), 339: 1}
    entries = b"".join(struct.pack("<HHII", tag, long, 1, value) for tag, value in tags.items())
    return b"II*\0" + struct.pack("<I", 8 + len(values)) + values + struct.pack("<H", len(tags)) + entries + bytes(4)


def deep() -> list[Case]:
    wide = grey().astype(np.uint16) * 257
    signed = Image.fromarray((grey() / 255 * (2**31 - 1)).astype(np.int32))
    floats = grey().astype(np.float32) / 255
    odd = floats.copy()
    odd[0, 0] = np.nan
    truth = three(grey())
    twelve = (grey() / 255 * 4095).round().astype(">u2").tobytes()
    return [
        Case(name="16-bit PNG", put=picture("a.png", Image.fromarray(wide), truth)),
        Case(name="16-bit TIFF", put=picture("a.tif", Image.fromarray(wide), truth)),
        Case(name="16-bit PGM", put=picture("a.pgm", Image.fromarray(wide), truth)),
        Case(name="12-bit PGM", put=content("zero/a.pgm", b"P5 64 64 4095\n" + twelve, truth)),
        Case(
            name="12 bits in a 16-bit PNG",
            put=picture("a.png", Image.fromarray(grey().astype(np.uint16) * 16), three((grey() / 16).round())),
            says="use at most 12 of their 16 bits",
        ),
        Case(
            name="8 bits in a 16-bit TIFF",
            put=picture("a.tif", Image.fromarray(grey().astype(np.uint16)), three((grey() / 257).round())),
            says="use at most 8 of their 16 bits",
        ),
        Case(name="32-bit TIFF, signed", put=picture("a.tif", signed, truth)),
        Case(name="32-bit TIFF, unsigned", put=content("zero/a.tif", _unsigned_tiff(), truth)),
        Case(name="floating point TIFF, 0 to 1", put=picture("a.tif", Image.fromarray(floats), truth)),
        Case(
            name="floating point TIFF, 0 to 255",
            put=picture("a.tif", Image.fromarray(grey().astype(np.float32)), None),
            more=None,
            says="pixels/floats",
        ),
        Case(
            name="floating point TIFF with a NaN",
            put=picture("a.tif", Image.fromarray(odd), None),
            more=None,
            says="zero/a.tif",
        ),
        Case(name="PNG with 16 bits a colour", put=content("zero/a.png", _deep_png(), rgb())),
    ]


def kinds() -> list[Case]:
    colour, truth = Image.fromarray(rgb()), rgb()
    frames = [colour.transpose(Image.Transpose.ROTATE_180)] * 2
    turned = Image.Exif()
    turned[0x0112] = 6
    palette = colour.quantize(16)
    half = colour.convert("RGBA")
    half.putalpha(128)
    laid = ((rgb() * 128.0 + 255.0 * 127) / 255).round()
    holes = palette.copy()
    clear = three(np.asarray(palette) == 3)
    bit = Image.fromarray(grey() > 127)
    bits = three(np.uint8(255) * (grey() > 127))
    several: dict[str, Any] = {"says": "the first of several frames"}
    seen = np.asarray(colour.convert("YCbCr").convert("RGB"))
    shown = np.asarray(palette.convert("RGB"))
    return [
        Case(name="CMYK JPEG", put=picture("a.jpg", colour.convert("CMYK"), truth, quality=95)),
        Case(name="CMYK TIFF", put=picture("a.tif", colour.convert("CMYK"), truth)),
        Case(name="YCbCr TIFF", put=picture("a.tif", colour.convert("YCbCr"), seen)),
        Case(name="palette PNG", put=picture("a.png", palette, shown)),
        Case(
            name="palette PNG with transparency",
            put=picture("a.png", holes, np.where(clear, 255, shown), transparency=3),
        ),
        Case(
            name="palette GIF with transparency",
            put=picture("a.gif", holes, np.where(clear, 255, shown), transparency=3),
        ),
        Case(name="RGBA PNG, half transparent", put=picture("a.png", half, laid)),
        Case(name="RGBA WebP, half transparent", put=picture("a.webp", half, laid, lossless=True)),
        Case(name="grey PNG with alpha", put=picture("a.png", Image.fromarray(grey()).convert("LA"), three(grey()))),
        Case(name="1-bit PNG", put=picture("a.png", bit, bits)),
        Case(name="1-bit PBM", put=picture("a.pbm", bit, bits)),
        Case(name="1-bit TIFF", put=picture("a.tif", bit, bits)),
        Case(
            name="animated GIF",
            put=picture("a.gif", palette.convert("RGB"), shown, save_all=True, append_images=frames),
            **several,
        ),
        Case(
            name="animated WebP",
            put=picture("a.webp", colour, truth, save_all=True, append_images=frames, lossless=True),
            **several,
        ),
        Case(name="animated PNG", put=picture("a.png", colour, truth, save_all=True, append_images=frames), **several),
        Case(
            name="TIFF of several pages",
            put=picture("a.tif", colour, truth, save_all=True, append_images=frames),
            **several,
        ),
        Case(
            name="a phone's JPEG of two pictures (MPO)",
            put=picture("a.jpg", colour, truth, format="MPO", save_all=True, append_images=frames, quality=95),
            **several,
        ),
        Case(
            name="JPEG on its side, EXIF orientation 6",
            put=picture("a.jpg", colour.transpose(Image.Transpose.ROTATE_90), truth, exif=turned, quality=95),
        ),
        Case(name="JPEG 2000", put=picture("a.jp2", colour, truth)),
        Case(name="AVIF", put=picture("a.avif", colour, truth, quality=95)),
        Case(name="JPEG in capital letters", put=picture("A.JPEG", colour, truth, format="JPEG", quality=95)),
        Case(name="PNG named .jpg", put=picture("a.jpg", colour, truth, format="PNG")),
        Case(
            name="400 million pixels in 49 kB",
            put=picture("a.png", Image.new("1", (20_000, 20_000)), None),
            more=None,
            says="pixels/limit",
        ),
        Case(
            name="1 x 1 pixel",
            put=picture("a.png", Image.new("RGB", (1, 1), (9, 99, 199)), np.full((64, 64, 3), (9, 99, 199))),
        ),
        Case(
            name="1 x 10,000 pixels",
            put=picture("a.png", Image.new("RGB", (1, 10_000), (9, 99, 199)), np.full((64, 64, 3), (9, 99, 199))),
        ),
    ]
