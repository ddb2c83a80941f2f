"""A pack's pixels that changed since they were packed are found when they are first used."""

from __future__ import annotations

import csv
import hashlib
import json
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from embedding.photos.preprocessing import Preprocessing
from index.labels.reader import LabelledPhoto
from training.pixels.cache import BadCache, cached_pixels
from training.pixels.packing import pack
from training.pixels.packs import packed_labels

SMALL = Preprocessing(24, 16)
HEADER, ROW = 128, 24 * 16 * 3


@pytest.fixture
def photos(tmp_path: Path, rng: np.random.Generator) -> list[LabelledPhoto]:
    (tmp_path / "in").mkdir()
    made = list[LabelledPhoto]()
    for at in range(8):
        path = tmp_path / "in" / f"{at}.png"
        Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(path)
        made.append(LabelledPhoto(path.name, path, f"w_{at % 3}"))
    return made


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "labels.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << (at % 8)
    path.write_bytes(data)


def test_each_row_has_its_checksum(photos: list[LabelledPhoto], tmp_path: Path) -> None:
    (tmp_path / "in" / "3.png").write_bytes(b"no photo")  # which has no row
    pack(photos, SMALL, tmp_path / "pack")
    pixels = np.load(tmp_path / "pack" / "pixels.npy")
    rows = rows_of(tmp_path / "pack")
    assert [row["image"] for row in rows] == [f"{at}.png" for at in (0, 1, 2, 4, 5, 6, 7)]
    assert [row["sha256"] for row in rows] == [
        hashlib.sha256(each.tobytes()).hexdigest() for each in pixels
    ]


@pytest.mark.parametrize("grey", [False, True])
def test_each_flipped_bit_is_found_when_its_photo_is_used(
    photos: list[LabelledPhoto], tmp_path: Path, grey: bool
) -> None:
    made, folder = Preprocessing(24, 16, grey=grey), tmp_path / "pack"
    pack(photos, made, folder)
    whole, row_bytes = (folder / "pixels.npy").read_bytes(), ROW // 3 if grey else ROW
    rng = random.Random(20)
    for _ in range(20):
        at = rng.randrange(HEADER, len(whole))
        flip(folder / "pixels.npy", at)
        pixels = cached_pixels(photos, made, folder)
        damaged = (at - HEADER) // row_bytes
        for row in range(len(photos)):
            if row == damaged:
                with pytest.raises(BadCache, match=rf"the pixels of photo {row + 1} of labels"):
                    pixels[np.array([row])]
            else:
                assert pixels[row].shape == (16, 24, 3)
        (folder / "pixels.npy").write_bytes(whole)
    assert np.asarray(cached_pixels(photos, made, folder)).shape == (8, 16, 24, 3)


def test_a_row_is_checked_once(
    photos: list[LabelledPhoto], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(photos, SMALL, tmp_path / "pack")
    pixels = cached_pixels(photos, SMALL, tmp_path / "pack")
    counted = list[int]()
    real = hashlib.sha256

    def counting(data: bytes = b"") -> object:
        counted.append(len(data))
        return real(data)

    monkeypatch.setattr("training.pixels.packs.hashlib.sha256", counting)
    for _ in range(3):
        np.asarray(pixels[2:5])
    assert len(counted) == 3


def test_a_pack_of_an_older_flukeprint_is_taken_as_it_is(
    photos: list[LabelledPhoto], tmp_path: Path
) -> None:
    folder = tmp_path / "pack"
    pack(photos, SMALL, folder)
    rows = [
        {key: value for key, value in row.items() if key != "sha256"} for row in rows_of(folder)
    ]
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    about = json.loads((folder / "pack.json").read_text())
    del about["labels_sha256"]
    (folder / "pack.json").write_text(json.dumps(about))
    assert np.asarray(cached_pixels(photos, SMALL, folder)).shape == (8, 16, 24, 3)
    assert packed_labels(folder).warnings == ()


def test_labels_that_were_edited_or_damaged_are_told(
    photos: list[LabelledPhoto], tmp_path: Path
) -> None:
    folder = tmp_path / "pack"
    pack(photos, SMALL, folder)
    assert packed_labels(folder).warnings == ()
    text = (folder / "labels.csv").read_text()
    (folder / "labels.csv").write_text(text.replace("0.png,w_0", "0.png,w_1"))
    (warning,) = packed_labels(folder).warnings
    assert "it was edited, or is damaged" in warning
