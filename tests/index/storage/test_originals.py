"""An original is in the media folder whole, or not at all."""

from __future__ import annotations

import errno
import os

import pytest

from index.storage import originals
from index.storage.originals import BadMedia, media_folder, media_path, store_photo

HASH_OF_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_where_a_photo_belongs(tmp_path):
    folder = media_folder(tmp_path / "whales.db")
    assert folder == tmp_path / "whales.db.media"
    assert media_path(folder, HASH_OF_ABC, "sub/A.JPG") == folder / "ba" / f"{HASH_OF_ABC}.jpg"
    assert media_path(folder, HASH_OF_ABC, "a.exe").name == HASH_OF_ABC


def test_a_photo_is_stored_once(tmp_path, monkeypatch):
    path = store_photo(b"abc", tmp_path / "media", "a.png")
    assert (path.read_bytes(), path.name) == (b"abc", f"{HASH_OF_ABC}.png")
    monkeypatch.setattr(originals, "write_whole", lambda *given: pytest.fail("written again"))
    assert store_photo(b"abc", tmp_path / "media", "b.png") == path


def test_half_a_photo_is_written_anew(tmp_path):
    path = store_photo(b"abc", tmp_path, "a.png")
    path.write_bytes(b"ab")
    assert store_photo(b"abc", tmp_path, "a.png").read_bytes() == b"abc"


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(originals.os, "fsync", full)
    with pytest.raises(BadMedia, match="No space left on device"):
        store_photo(b"abc", tmp_path, "a.png")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
