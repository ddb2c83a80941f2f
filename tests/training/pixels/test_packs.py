"""training/pixels/packs.py: what is packed is what training would have decoded, taken by name and
never loaded whole.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from embedding.photos.photo import Box, read_photo
from embedding.photos.preprocessing import Preprocessing
from index.labels.reader import LabelledPhoto
from training.pixels.cache import BadCache, cached_pixels
from training.pixels.packing import pack
from training.pixels.packs import PackedRows, is_pack, packed_labels, read_pack
from training.recipes.choices import Recipe
from training.run.loop import train
from training.run.run import RunOptions
from training.sets.sets import read_sets

SMALL = Preprocessing(24, 16)
BOX = Box(0.25, 0.125, 0.7000000000000001, 0.9)


@pytest.fixture
def photos(tmp_path: Path, rng: np.random.Generator) -> list[LabelledPhoto]:
    """12 photos with all that a label file may tell of one."""
    (tmp_path / "in").mkdir()
    made: list[LabelledPhoto] = []
    for at in range(12):
        path = tmp_path / "in" / f"{at:02}.png"
        Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(path)
        told = LabelledPhoto(
            path.name,
            path,
            None if at > 9 else f"w, {at % 5}",
            "humpback",
            f"e{at // 2}",
            "2020-05",
        )
        made.append(
            dataclasses.replace(told, box=BOX if at % 2 else None, region="bay" if at % 3 else None)
        )
    return made


def test_rows_come_by_name_in_the_order_asked(photos: list[LabelledPhoto], tmp_path: Path) -> None:
    pack(photos, SMALL, tmp_path / "pack")
    some = [photos[7], photos[2], photos[11]]
    pixels = cached_pixels(some, SMALL, tmp_path / "pack")
    assert isinstance(pixels, PackedRows) and pixels.shape == (3, 16, 24, 3)
    for row, photo in enumerate(some):
        np.testing.assert_array_equal(
            pixels[np.array([row])][0], SMALL.pixels(read_photo(photo.path))
        )
    assert sorted(path.name for path in (tmp_path / "pack").iterdir()) == [
        "labels.csv",
        "pack.json",
        "pixels.npy",
    ]


def test_rows_act_as_an_array_would(photos: list[LabelledPhoto], tmp_path: Path) -> None:
    pack(photos, SMALL, tmp_path / "pack")
    packed = cached_pixels(photos[::-1], SMALL, tmp_path / "pack")
    plain = np.asarray(cached_pixels(photos[::-1], SMALL, tmp_path / "cache"))
    assert len(packed) == len(plain) == 12
    np.testing.assert_array_equal(np.array(packed), plain)
    np.testing.assert_array_equal(np.array(packed[2:9][1:3]), plain[2:9][1:3])
    np.testing.assert_array_equal(packed[np.array([5, 0, 5])], plain[[5, 0, 5]])
    np.testing.assert_array_equal(packed[4], plain[4])
    np.testing.assert_array_equal(np.asarray(packed, np.float32), plain.astype(np.float32))


def test_a_slice_of_rows_reads_nothing(photos: list[LabelledPhoto], tmp_path: Path) -> None:
    pack(photos, SMALL, tmp_path / "pack")
    rows = cached_pixels(photos, SMALL, tmp_path / "pack")[:5]
    assert isinstance(rows, PackedRows) and len(rows) == 5


def test_grey_pixels_are_packed_once_and_come_as_three_channels(
    photos: list[LabelledPhoto], tmp_path: Path
) -> None:
    grey = Preprocessing(24, 16, grey=True)
    pack(photos, grey, tmp_path / "pack")
    assert np.load(tmp_path / "pack" / "pixels.npy").shape == (12, 16, 24)
    assert (tmp_path / "pack" / "pixels.npy").stat().st_size == 128 + 12 * 16 * 24
    packed = cached_pixels(photos, grey, tmp_path / "pack")
    np.testing.assert_array_equal(
        np.array(packed), np.array(cached_pixels(photos, grey, tmp_path / "cache"))
    )
    pixels = packed[3]
    assert (pixels == pixels[:, :, :1]).all()


def test_boxes_decide_where_they_are_cut_out(photos: list[LabelledPhoto], tmp_path: Path) -> None:
    cropped = Preprocessing(24, 16, crop="box")
    pack(photos, cropped, tmp_path / "pack")
    np.testing.assert_array_equal(
        cached_pixels(photos, cropped, tmp_path / "pack")[1],
        cropped.pixels(read_photo(photos[1].path), BOX),
    )


def test_labels_come_back_but_for_the_region(photos: list[LabelledPhoto], tmp_path: Path) -> None:
    pack(photos, SMALL, tmp_path / "pack")
    told = packed_labels(tmp_path / "pack").photos
    assert [dataclasses.replace(one, path=Path()) for one in told] == [
        dataclasses.replace(one, path=Path(), region=None) for one in photos
    ]
    assert read_sets((), [tmp_path / "pack"])[0] == list(told)


def test_a_pack_tells_no_place(photos: list[LabelledPhoto], tmp_path: Path) -> None:
    placed = [dataclasses.replace(photo, region="Secret Bay") for photo in photos]
    exif = Image.Exif()
    exif[0x8825] = {1: "S", 2: (18.0, 40.0, 0.0), 29: "Secret Bay"}
    (tmp_path / "bad.jpg").write_bytes(b"Secret Bay")
    for photo in placed[:6]:
        with Image.open(photo.path) as image:
            image.save(photo.path, exif=exif)
        assert b"Secret Bay" in photo.path.read_bytes()
    bad = LabelledPhoto("bad.jpg", tmp_path / "bad.jpg", "w_1", region="Secret Bay")
    packed = pack([*placed, bad], SMALL, tmp_path / "pack")
    assert list(packed.unread) == ["bad.jpg"]
    for path in (tmp_path / "pack").iterdir():
        assert b"Secret Bay" not in path.read_bytes()
    header = (tmp_path / "pack" / "labels.csv").read_text().splitlines()[0]
    assert header == "image,label,species,encounter,taken_at,box,size_bytes,sha256"
    with_others = [dataclasses.replace(photo, region="elsewhere") for photo in placed]
    assert (
        pack([*with_others, bad], SMALL, tmp_path / "pack").done_before == 13
    )  # nor does its hash hang on it


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Preprocessing(24, 24), "height_px is 16, not 24"),
        (Preprocessing(24, 16, fit="pad"), "fit is squash, not pad"),
        (Preprocessing(24, 16, grey=True), "grey is False, not True"),
    ],
)
def test_other_pixels_are_decoded_with_a_note(
    wanted: Preprocessing,
    said: str,
    photos: list[LabelledPhoto],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pack(photos, SMALL, tmp_path / "pack")
    pixels = cached_pixels(photos, wanted, tmp_path / "pack")
    np.testing.assert_array_equal(pixels[3], wanted.pixels(read_photo(photos[3].path)))
    assert said in capsys.readouterr().err


def test_mean_and_deviation_make_no_other_pixels(
    photos: list[LabelledPhoto], tmp_path: Path
) -> None:
    pack(photos, SMALL, tmp_path / "pack")
    other = Preprocessing(24, 16, mean=(0.1, 0.2, 0.3), std=(1, 1, 1))
    assert isinstance(cached_pixels(photos, other, tmp_path / "pack"), PackedRows)


def test_a_photo_that_is_not_packed_is_decoded_with_a_note(
    photos: list[LabelledPhoto], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack(photos[:-1], SMALL, tmp_path / "pack")
    assert not isinstance(cached_pixels(photos, SMALL, tmp_path / "pack"), PackedRows)
    assert "it lacks 1 of 12 photos, as 11.png" in capsys.readouterr().err


def test_a_photo_that_changed_since_is_refused(photos: list[LabelledPhoto], tmp_path: Path) -> None:
    pack(photos, SMALL, tmp_path / "pack")
    with photos[4].path.open("ab") as file:
        file.write(b"more")
    with pytest.raises(BadCache, match=r"04\.png has .* bytes, but .* when it was packed"):
        cached_pixels(photos, SMALL, tmp_path / "pack")


def change(path: Path, text: str, other: str) -> None:
    path.write_text(path.read_text().replace(text, other))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (
            lambda pack: change(pack / "pack.json", "flukeprint-pack-1", "flukeprint-pack-9"),
            "format 'flukeprint-pack-9'",
        ),
        (lambda pack: (pack / "pack.json").write_text("{"), r"pack\.json can't be read"),
        (lambda pack: (pack / "pack.json").write_text("[]"), r"pack\.json can't be read"),
        (lambda pack: (pack / "pixels.npy").unlink(), r"pixels\.npy can't be read"),
        (lambda pack: (pack / "pixels.npy").write_bytes(b"no array"), r"pixels\.npy can't be read"),
        (
            lambda pack: np.save(pack / "pixels.npy", np.zeros((3, 2), np.uint8)),
            r"holds \(3, 2\), not \(12, 16, 24, 3\)",
        ),
    ],
)
def test_a_damaged_pack_is_refused(
    damage: Callable[[Path], object], said: str, photos: list[LabelledPhoto], tmp_path: Path
) -> None:
    pack(photos, SMALL, tmp_path / "pack")
    damage(tmp_path / "pack")
    with pytest.raises(BadCache, match=said):
        cached_pixels(photos, SMALL, tmp_path / "pack")


def test_a_folder_without_its_last_file_is_no_pack(
    photos: list[LabelledPhoto], tmp_path: Path
) -> None:
    pack(photos, SMALL, tmp_path / "pack")
    assert (
        read_pack(tmp_path / "pack").photos
        == json.loads((tmp_path / "pack" / "pack.json").read_text())["photos"]
        == 12
    )
    (tmp_path / "pack" / "pack.json").unlink()
    assert not is_pack(tmp_path / "pack")


def test_a_training_by_the_pack_alone_is_the_same(
    whales: list[LabelledPhoto], fast: Callable[..., Recipe], tmp_path: Path
) -> None:
    """As on another machine: the photos are gone, and yet the run ends with the same bytes."""
    recipe = fast("schedule.epochs=1")
    choices = recipe.input
    there = tmp_path / "there"
    shutil.copytree(whales[0].path.parent, there)
    copies = [dataclasses.replace(one, path=there / one.name) for one in whales]
    made = Preprocessing(
        choices.width_px, choices.height_px, choices.mean, choices.std, choices.crop, choices.fit
    )
    pack(copies, made, tmp_path / "pack")
    shutil.rmtree(there)
    packed, _ = read_sets((), [tmp_path / "pack"])
    by_pack = train(recipe, packed, tmp_path / "run", RunOptions(cache=tmp_path / "pack"))
    by_photos = train(recipe, whales, tmp_path / "other", RunOptions(cache=tmp_path / "cache"))
    assert by_pack.read_bytes() == by_photos.read_bytes()
