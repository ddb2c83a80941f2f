"""training/pixels/cache.py: decoded once, mapped from disk, and never half-written."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from embedding.photos.photo import Box, read_photo
from embedding.photos.preprocessing import Preprocessing
from index.labels.reader import LabelledPhoto
from training.pixels import cache
from training.pixels.cache import BadCache, cached_pixels

SMALL = Preprocessing(24, 16)


@pytest.fixture
def photos(tmp_path: Path, rng: np.random.Generator) -> list[LabelledPhoto]:
    """70 photos, more than are decoded at once, not in order of their names."""
    (tmp_path / "in").mkdir()
    made: list[LabelledPhoto] = []
    for at in rng.permutation(70):
        path = tmp_path / "in" / f"{at:02}.png"
        Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(path)
        made.append(LabelledPhoto(path.name, path, f"w{at % 5}"))
    return made


def test_rows_are_the_photos_in_their_order(photos: list[LabelledPhoto], tmp_path: Path) -> None:
    pixels = cached_pixels(photos, SMALL, tmp_path / "cache")
    assert pixels.shape == (70, 16, 24, 3) and pixels.dtype == np.uint8
    for row, photo in zip(pixels, photos, strict=True):
        np.testing.assert_array_equal(row, SMALL.pixels(read_photo(photo.path)))


def test_the_array_is_mapped_from_disk_and_cannot_be_written(
    photos: list[LabelledPhoto], tmp_path: Path
) -> None:
    pixels = cached_pixels(photos, SMALL, tmp_path / "cache")
    assert isinstance(pixels, np.memmap) and not pixels.flags.writeable
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".npy"]


def test_the_second_time_nothing_is_decoded(
    photos: list[LabelledPhoto], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = cached_pixels(photos, SMALL, tmp_path / "cache")

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("decoded again")

    monkeypatch.setattr(cache, "read_photo", never)
    np.testing.assert_array_equal(cached_pixels(photos, SMALL, tmp_path / "cache"), first)
    with pytest.raises(AssertionError, match="decoded again"):
        cached_pixels(photos[:-1], SMALL, tmp_path / "cache")


def test_what_decides_the_pixels_decides_the_file(
    photos: list[LabelledPhoto], tmp_path: Path
) -> None:
    boxed = LabelledPhoto(photos[0].name, photos[0].path, "w0", box=Box(0, 0, 0.5, 0.5))
    cropped = Preprocessing(24, 16, crop="box")
    for count, (given, preprocessing) in enumerate(
        [
            (photos, SMALL),
            (photos[1:], SMALL),
            (photos[::-1], SMALL),
            (photos, cropped),
            ([boxed], cropped),
        ],
        start=1,
    ):
        cached_pixels(given, preprocessing, tmp_path / "cache")
        assert len(list((tmp_path / "cache").iterdir())) == count
    Image.new("RGB", (30, 20)).save(photos[0].path)
    assert not cached_pixels(photos, SMALL, tmp_path / "cache")[0].any()


def test_a_box_is_cut_out(photos: list[LabelledPhoto], tmp_path: Path) -> None:
    box = Box(0.2, 0.1, 0.6, 0.9)
    boxed = LabelledPhoto(photos[0].name, photos[0].path, "w0", box=box)
    cropped = Preprocessing(24, 16, crop="box")
    pixels = cached_pixels([boxed], cropped, tmp_path / "cache")[0]
    np.testing.assert_array_equal(pixels, cropped.pixels(read_photo(boxed.path), box))


def test_unreadable_photos_are_listed_and_leave_nothing(
    photos: list[LabelledPhoto], tmp_path: Path
) -> None:
    photos[1].path.write_bytes(b"")
    photos[69].path.write_text("a text renamed")
    with pytest.raises(
        BadCache, match=rf"2 of 70 photos can't be decoded: .*{photos[1].name}.*{photos[69].name}"
    ):
        cached_pixels(photos, SMALL, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_only_the_first_of_many_unreadable_photos_are_shown(
    photos: list[LabelledPhoto], tmp_path: Path
) -> None:
    for photo in photos:
        photo.path.write_bytes(b"")
    with pytest.raises(BadCache, match=r"70 of 70 .* \.\.\.\. Mend them") as caught:
        cached_pixels(photos, SMALL, tmp_path / "cache")
    assert str(caught.value).count(".png") == 5


def test_an_absent_photo_is_named(photos: list[LabelledPhoto], tmp_path: Path) -> None:
    photos[3].path.unlink()
    with pytest.raises(BadCache, match=rf"{photos[3].name} can't be read: No such file"):
        cached_pixels(photos, SMALL, tmp_path / "cache")


def test_a_full_disk_is_an_error_and_leaves_nothing(
    photos: list[LabelledPhoto], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        BadCache, match=r"could not be written: No space left on device\. Free some space"
    ):
        cached_pixels(photos, SMALL, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_limit_on_file_size_is_an_error_too(photos: list[LabelledPhoto], tmp_path: Path) -> None:
    """The same as a full disk, without a stub: the system refuses to write on.

    A mapped file would kill the process.
    """
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, before[1]))
    try:
        with pytest.raises(BadCache, match="could not be written: File too large"):
            cached_pixels(photos, SMALL, tmp_path / "cache")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_cache_folder_that_is_a_file_is_refused(
    photos: list[LabelledPhoto], tmp_path: Path
) -> None:
    (tmp_path / "cache").touch()
    with pytest.raises(BadCache, match="could not be written"):
        cached_pixels(photos, SMALL, tmp_path / "cache")
