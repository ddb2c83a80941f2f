"""A catalogue's photos are looked at once."""

from __future__ import annotations

import pytest

from embedding.photos.photo import read_photo
from index.exchange.importing import hash_cache
from index.exchange.importing.hash_cache import known_perceptual
from index.exchange.importing.run import known_photos
from index.photos.perceptual_hash import DECODE_PX, perceptual_hash


def test_each_photo_is_looked_at_once(tmp_path, catalogue, monkeypatch):
    photos = known_photos(catalogue)
    found = known_perceptual(photos, tmp_path / "media")
    assert found == {
        photo.content_hash: perceptual_hash(read_photo(photo.path, at_least_px=DECODE_PX))
        for photo in photos
    }
    monkeypatch.setattr(
        hash_cache, "read_photo", lambda *given, **named: pytest.fail("looked at again")
    )
    assert known_perceptual(photos, tmp_path / "media") == found


def test_a_file_that_cannot_be_read_is_made_anew(tmp_path, catalogue):
    photos = known_photos(catalogue)
    found = known_perceptual(photos, tmp_path)
    for damage in (b"", b"rubbish", (tmp_path / "perceptual.npz").read_bytes()[:200]):
        (tmp_path / "perceptual.npz").write_bytes(damage)
        assert known_perceptual(photos, tmp_path) == found


def test_photos_that_are_gone_or_changed_are_near_nothing(tmp_path, catalogue):
    photos = known_photos(catalogue)
    photos[0].path.unlink()
    photos[1].path.write_bytes(b"other")
    found = known_perceptual(photos, tmp_path, is_stored=False)
    assert set(found) == {photo.content_hash for photo in photos[2:]}
    assert not (tmp_path / "perceptual.npz").exists()
