"""Uploads that somebody made to mislead: every format, mutated, made from a seed."""

from __future__ import annotations

import csv
import io
import json
import random
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, features

NAMES = (
    *("fluke.jpg", "fluke.png", "FLUKE.JFIF", "a/b/fluke.tif", "x.heic", "ü\u0301.webp", "photo"),
    *("../../outside.jpg", "/outside.jpg", "..\\..\\outside.jpg", "C:\\outside.jpg", "....//x.jpg"),
    *(
        "a\x00b.jpg",
        ".hidden.jpg",
        "x" * 400 + ".jpg",
        "\u202egpj.exe",
        "con.jpg",
        " .jpg",
        "%2e%2e",
    ),
)
_BOUNDARIES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def _picture(mode: str = "RGB", size: tuple[int, int] = (64, 48), seed: int = 0) -> Image.Image:
    cells = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(cells).resize(size, Image.Resampling.BICUBIC).convert(mode)


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def _more() -> list[Image.Image]:
    return [_picture(seed=number) for number in range(1, 4)]


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x9003] = 6, "a camera", "2018:06:01 12:30:00"
    exif.get_ifd(0x8825).update({1: "N", 2: (10.0, 20.0, 30.0), 3: "E", 4: (1.0, 2.0, 3.0)})
    return exif


@cache
def photos() -> dict[str, bytes]:
    """A small photo of every format that is taken, and of some that are not."""
    made = {
        "jpeg": _saved(_picture(), "JPEG", exif=_exif(), dpi=(72, 72), comment=b"a comment"),
        "jpeg progressive": _saved(_picture(), "JPEG", progressive=True, icc_profile=b"p" * 200),
        "jpeg grey": _saved(_picture("L"), "JPEG"),
        "jpeg cmyk": _saved(_picture("CMYK"), "JPEG"),
        "mpo": _saved(_picture(), "MPO", save_all=True, append_images=_more()),
        "png": _saved(_picture(), "PNG", exif=_exif()),
        "png palette": _saved(_picture("P"), "PNG", transparency=0),
        "png 16": _saved(Image.fromarray(np.arange(3072, dtype=np.uint16).reshape(48, 64)), "PNG"),
        "apng": _saved(_picture("RGBA"), "PNG", save_all=True, append_images=_more()),
        "webp": _saved(_picture(), "WEBP", exif=_exif()),
        "webp lossless": _saved(_picture("RGBA"), "WEBP", lossless=True),
        "webp animated": _saved(_picture(), "WEBP", save_all=True, append_images=_more()),
        "gif": _saved(_picture("P"), "GIF", save_all=True, append_images=_more()),
        "bmp": _saved(_picture(), "BMP"),
        "tiff": _saved(_picture(), "TIFF", exif=_exif()),
        "tiff lzw": _saved(_picture(), "TIFF", compression="tiff_lzw"),
        "tiff deflate": _saved(_picture("L"), "TIFF", compression="tiff_adobe_deflate"),
        "tiff jpeg": _saved(_picture(), "TIFF", compression="jpeg"),
        "tiff pages": _saved(_picture(), "TIFF", save_all=True, append_images=_more()),
        "ico": _saved(_picture(), "ICO"),
        "ppm": _saved(_picture(), "PPM"),
        "pdf": _saved(_picture(), "PDF"),
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "text": b"image,label\na.jpg,w_1\n",
        "nothing": b"",
        "wide jpeg": _wide_jpeg(),
        "huge png": _huge_png(),
    }
    if features.check("avif"):
        made["avif"] = _saved(_picture(), "AVIF")
    try:
        import pillow_heif
    except ImportError:
        return made
    heif = io.BytesIO()
    pillow_heif.from_pillow(_picture()).save(heif)
    return {**made, "heic": heif.getvalue()}


def _wide_jpeg() -> bytes:
    """A JPEG of 64 x 48 px whose header says 65,535 x 65,535."""
    data = bytearray(_saved(_picture(), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    return bytes(data)


def _huge_png() -> bytes:
    """A PNG of few bytes and 16 million equal pixels."""
    return _saved(Image.new("1", (4000, 4000)), "PNG")


@cache
def archives() -> dict[str, bytes]:
    """Zips of photos and labels as they should be, and as nobody should send them."""
    some = list(photos().items())
    season = {f"w_{number % 3}/{number}.jpg": photos()["jpeg"] for number in range(3)}
    labelled = {"a.jpg": photos()["jpeg grey"], "b.png": photos()["png"]}
    return {
        "folders": _zip(season),
        "csv": _zip({**labelled, "labels.csv": _csv(labelled)}),
        "coco": _zip({**labelled, "annotations.json": _coco(labelled)}),
        "every format": _zip({f"{name.replace(' ', '_')}.jpg": data for name, data in some}),
        "slip": _zip({name: photos()["jpeg"] for name in NAMES}, is_checked=False),
        "slip in labels": _zip({**labelled, "labels.csv": _csv(dict.fromkeys(NAMES, b""))}),
        "bomb": _zip({"bomb.jpg": bytes(30_000_000), **labelled}),
        "nested": _zip({"a.zip": _zip({"b.zip": _zip(labelled)}), **labelled}),
        "link": _linked({"outside.jpg": b"/etc/passwd", "up": b"../../.."}),
        "same names": _zip({"a.jpg": photos()["png"]}, {"a.jpg": photos()["bmp"]}),
        "letter case": _zip({"A.jpg": photos()["png"], "a.jpg": photos()["bmp"], "a.jpg/x": b""}),
        "many": _zip({f"{number}.txt": b"" for number in range(2000)}),
        "deep": _zip({"/".join("d" * 200) + "/a.jpg": photos()["jpeg"]}),
        "empty": _zip({}),
        "json bomb": _zip({**labelled, "annotations.json": b"[" * 200_000}),
        "numbers": _zip(
            {**labelled, "annotations.json": b'{"images":[{"id":1e999,"file_name":1}]}'}
        ),
        "not a zip": photos()["jpeg"],
    }


def _zip(*parts: dict[str, bytes], is_checked: bool = True) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the same name twice
        for name, content in (pair for part in parts for pair in part.items()):
            entry = zipfile.ZipInfo("x" if "\x00" in name else name)
            if not is_checked:
                entry.filename = name
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return data.getvalue()


def _linked(links: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, target in links.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(entry, target)
        archive.writestr("up/outside.jpg", photos()["jpeg"])
    return data.getvalue()


def _csv(labels: dict[str, bytes]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("image", "label", "species", "encounter", "taken_at", "box", "region"))
    for name in labels:
        writer.writerow((name, "w_1", "orca", "e1", "2018-06-01", "0.1 0.1 0.9 0.9", "Gulf"))
    return text.getvalue().encode()


def _coco(labels: dict[str, bytes]) -> bytes:
    images = [{"id": at, "file_name": name} for at, name in enumerate(labels)]
    annotations = [
        {"id": at, "image_id": at, "category_id": 1, "name": "w_1", "bbox": [1, 1, 20, 20]}
        for at in range(len(labels))
    ]
    whale = {"id": 1, "name": "w_1"}
    return json.dumps(
        {"images": images, "annotations": annotations, "categories": [whale]}
    ).encode()


def mutated(data: bytes, rng: random.Random, other: bytes) -> bytes:
    """Mutate some bytes, one to four times; sometimes not at all."""
    for _ in range(rng.choice((0, 1, 1, 1, 2, 4))):
        data = rng.choice(_MUTATIONS)(data, rng, other)
    return data


def _flip(data: bytes, rng: random.Random, _: bytes) -> bytes:
    changed = bytearray(data)
    for _bit in range(rng.choice((1, 1, 4, 40))):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut(data: bytes, rng: random.Random, _: bytes) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _number(data: bytes, rng: random.Random, _: bytes) -> bytes:
    """Put a number at a boundary somewhere, mostly into the header or the zip's directory."""
    if len(data) < 8:
        return data
    form = rng.choice((">H", "<H", ">I", "<I"))
    number = struct.pack(form, rng.choice(_BOUNDARIES) % 2 ** (8 * struct.calcsize(form)))
    ends = (min(200, len(data)), len(data), len(data))
    at = rng.randrange(max(1, rng.choice(ends) - len(number)))
    if rng.random() < 0.3:
        at = max(0, len(data) - 1 - rng.randrange(min(300, len(data))))
    return data[:at] + number + data[at + len(number) :]


def _repeat(data: bytes, rng: random.Random, _: bytes) -> bytes:
    start, stop = sorted((rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)))
    return data[:stop] + data[start:stop] * rng.choice((1, 2, 8)) + data[stop:]


def _remove(data: bytes, rng: random.Random, _: bytes) -> bytes:
    start, stop = sorted((rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)))
    return data[:start] + data[stop:]


def _splice(data: bytes, rng: random.Random, other: bytes) -> bytes:
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]


def _fill(data: bytes, rng: random.Random, _: bytes) -> bytes:
    start, stop = sorted((rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)))
    return data[:start] + rng.choice((b"\x00", b"\xff", b"A")) * (stop - start) + data[stop:]


_MUTATIONS: tuple[Callable[[bytes, random.Random, bytes], bytes], ...] = (
    *(_flip, _flip, _cut, _number, _number),
    *(_repeat, _remove, _splice, _fill),
)
