"""training/data/file_facts.py: what one file is."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from training.data.file_facts import FileFacts, facts_of_file, read_file_facts

ORIENTATION, EXIF_DIRECTORY, TAKEN_AT, GPS = 0x0112, 0x8769, 0x9003, 0x8825


def noise(mode: str = "RGB", seed: int = 0) -> Image.Image:
    channels = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 8, *channels), np.uint8)
    return Image.fromarray(coarse).resize((80, 40), Image.Resampling.BICUBIC)


def looked(tmp_path: Path, image: Image.Image, name: str = "a.png", **options: Any) -> FileFacts:
    image.save(tmp_path / name, **options)
    return facts_of_file(tmp_path / name, name)[0]


def test_a_plain_photo(tmp_path: Path) -> None:
    seen = looked(tmp_path, noise(), "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    assert (seen.fault, seen.size_bytes, seen.content) == (None, len(data), sha256(data).digest())
    assert (seen.width_px, seen.height_px, seen.file_format, seen.mode) == (80, 40, "JPEG", "RGB")
    assert (seen.tint, seen.has_alpha, seen.orientation, seen.has_place, seen.taken_at) == (
        "colour",
        False,
        1,
        False,
        None,
    )
    assert seen.perceptual is not None


def test_colour_grey_and_alpha(tmp_path: Path) -> None:
    grey = noise("L")
    assert looked(tmp_path, grey).tint == "grey"
    assert (
        looked(tmp_path, grey.convert("RGB"), "b.jpg", quality=60).tint == "grey stored as colour"
    )
    clear = looked(tmp_path, noise("RGBA"))
    assert (clear.has_alpha, clear.mode, clear.tint) == (True, "RGBA", "colour")
    assert looked(tmp_path, Image.new("RGB", (50, 50), "red")).perceptual is None


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
def test_exif_is_told_and_the_place_only_as_a_fact(tmp_path: Path, name: str) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif.get_ifd(EXIF_DIRECTORY)[TAKEN_AT] = "2018:06:01 12:30:00"
    exif.get_ifd(GPS).update({1: "N", 2: (52.0, 42.0, 16.0), 3: "E", 4: (23.0, 50.0, 59.0)})
    seen = looked(tmp_path, noise(), name, exif=exif)
    assert (seen.width_px, seen.height_px) == (40, 80)  # upright
    assert (seen.orientation, seen.has_place, seen.taken_at) == (6, True, "2018-06-01T12:30:00")


def test_a_turned_tiff_is_told_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    seen = looked(tmp_path, noise(), "a.tif", exif=exif)
    assert (seen.orientation, seen.width_px, seen.height_px, seen.file_format) == (
        6,
        40,
        80,
        "TIFF",
    )


def test_tones_are_shares_of_each_channel(tmp_path: Path) -> None:
    pixels = np.zeros((10, 20, 3), np.uint8)
    pixels[:, :5, 0] = 255
    pixels[:, :, 1] = 7
    Image.fromarray(pixels).save(tmp_path / "a.png")
    _, tones = facts_of_file(tmp_path / "a.png", "a.png")
    assert tones is not None and tones.shape == (3, 256)
    assert (tones[0, 255], tones[0, 0], tones[1, 7], tones[2, 0]) == (0.25, 0.75, 1, 1)


def test_bad_files_are_told_and_stop_nobody(tmp_path: Path) -> None:
    noise().save(tmp_path / "good.jpg")
    whole = (tmp_path / "good.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("hello")
    names = ["cut.jpg", "empty.jpg", "absent.jpg", "text.jpg", "good.jpg"]
    seen = dict(zip(names, read_file_facts(names, tmp_path), strict=True))
    assert [one.name for one, _ in seen.values()] == names
    for name, said in (
        ("cut", "truncated"),
        ("empty", "0 bytes"),
        ("absent", "no such file"),
        ("text", "not a photo"),
    ):
        one, tones = seen[f"{name}.jpg"]
        assert one.fault is not None and one.fault.startswith(
            ("the file", "there", "not a", "truncated")
        )
        assert said in one.fault and tones is None
    assert seen["good.jpg"][0].fault is None
