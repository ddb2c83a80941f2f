"""Photos to vectors: in order, bad ones told, never more than a bounded number in memory."""

from __future__ import annotations

import hashlib
import os

import numpy as np
import pytest

from embedding.photos.photo import Box, PhotoLimits, read_photo
from index.labels.reader import LabelledPhoto
from index.photos import embed as module
from index.photos.embed import EmbeddedPhoto, UnreadPhoto, embed_photos, photo_file
from index.search.vectors import BadVectors


def flat(batches):
    return [each for batch in batches for each in batch]


def test_each_photo_gets_its_own_vector_in_order(season, embedder):
    photos = season.labels().photos
    read = flat(embed_photos(photos, embedder))
    assert [each.photo for each in read] == list(photos)
    for each in read:
        expected = embedder.embed([read_photo(each.photo.path)])[0]
        np.testing.assert_array_equal(each.vector, expected)
        assert each.file.content_hash == hashlib.sha256(each.photo.path.read_bytes()).hexdigest()


def test_the_box_is_given_to_the_embedder(season, embedder):
    season.rows["a00_0.png"]["box"] = "0 0 0.5 1"
    photo = season.labels().photos[0]
    vector = flat(embed_photos([photo], embedder))[0].vector
    np.testing.assert_array_equal(
        vector, embedder.embed([read_photo(photo.path)], [Box(0, 0, 0.5, 1)])[0]
    )


def test_a_bad_photo_stops_nobody_else_s(season, embedder):
    (season.folder / "a00_1.png").write_bytes(b"")
    (season.folder / "a01_0.png").write_text("no photo")
    photos = (*season.labels().photos, LabelledPhoto("gone.png", season.folder / "gone.png", None))
    read = flat(embed_photos(photos, embedder))
    unread = {each.photo.name: each.reason for each in read if isinstance(each, UnreadPhoto)}
    assert list(unread) == ["a00_1.png", "a01_0.png", "gone.png"]
    assert "a00_1.png: the file is empty (0 bytes)" in unread["a00_1.png"]
    assert "not a photo" in unread["a01_0.png"]
    assert "there is no such file" in unread["gone.png"]
    assert len(read) - len(unread) == 36


def test_a_name_that_no_text_can_hold_is_told(season, embedder):
    photo = LabelledPhoto("a\udcff.png", season.folder / "a\udcff.png", None)
    (read,) = flat(embed_photos([photo], embedder))
    assert isinstance(read, UnreadPhoto)
    assert r"a\udcff.png': the file's name is not UTF-8; rename it" in read.reason


def test_limits_are_kept(season, embedder):
    photo = season.labels().photos[0]
    (read,) = flat(embed_photos([photo], embedder, limits=PhotoLimits(max_pixels=100)))
    assert isinstance(read, UnreadPhoto)
    assert "too many pixels" in read.reason


def test_batches_end_by_number_and_by_memory(season, embedder, monkeypatch):
    photos = season.labels().photos
    monkeypatch.setattr(module, "BATCH_PHOTOS", 10)
    assert [len(batch) for batch in embed_photos(photos, embedder)] == [10, 10, 10, 8]
    monkeypatch.setattr(
        module, "HELD_BYTES", 4 * 3 * 32 * 16 * 4
    )  # a quarter of it: four pictures of 32 x 16
    assert [len(batch) for batch in embed_photos(photos, embedder)] == [4] * 9 + [2]


def test_a_nan_from_the_network_is_refused(season, embedder, monkeypatch):
    monkeypatch.setattr(
        embedder, "embed", lambda images, boxes: np.full((len(images), 2), np.nan, np.float32)
    )
    with pytest.raises(BadVectors, match="row 0 of the vectors that the checkpoint gave holds NaN"):
        flat(embed_photos(season.labels().photos, embedder))


def test_a_fresh_file_s_time_proves_nothing(season):
    path = season.draw("fresh.png", "w_x")
    assert photo_file(path)[0].mtime_ns is None
    os.utime(path, (10**9, 10**9))
    assert photo_file(path)[0].mtime_ns == 10**18


def test_embedded_photos_are_told_apart(season, embedder):
    read = flat(embed_photos(season.labels().photos[:1], embedder))
    assert isinstance(read[0], EmbeddedPhoto)
    assert flat(embed_photos([], embedder)) == []
