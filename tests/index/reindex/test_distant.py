"""A catalogue goes over to another checkpoint whose photos are read and embedded elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from embedding.photos.photo import PhotoLimits, content_hash
from index.catalogue.catalogue import Catalogue
from index.labels.labelled_photo import LabelledPhoto
from index.objects.photo_store import choose_store, store_of
from index.photos.embed import EmbeddedPhoto, PhotoFile, UnreadPhoto, embed_photos
from index.reindex.build import build_catalogue
from index.reindex.update import update_catalogue
from index.storage.originals import media_folder, store_photo


class ByStore:
    """Reads photos of a media folder from its store, and embeds them."""

    def __init__(self, embedder, media: Path) -> None:
        self.fingerprint = embedder.fingerprint
        self.embedder, self.media = embedder, media

    def _read(self, path: Path, limits: PhotoLimits) -> tuple[PhotoFile, bytes]:
        store = store_of(self.media)
        assert store is not None
        data = store.get(path.relative_to(self.media).as_posix())
        assert data is not None
        return PhotoFile(content_hash(data), len(data), None), data

    def embed_files(
        self, photos: Iterable[LabelledPhoto]
    ) -> Generator[list[EmbeddedPhoto | UnreadPhoto]]:
        yield []
        yield from embed_photos(photos, self.embedder, read=self._read)


def test_photos_of_a_store_are_not_fetched_where_only_others_read_them(
    tmp_path: Path, season, embedder, make_embedder
) -> None:
    pytest.importorskip("fsspec")
    path = tmp_path / "catalogue.db"
    media = media_folder(path)
    labels = season.labels()
    stored = [
        replace(photo, path=store_photo(photo.path.read_bytes(), media, photo.name))
        for photo in labels.photos
    ]
    build_catalogue(path, replace(labels, photos=tuple(stored)), embedder)
    choose_store(media, f"file://{tmp_path}/store")
    for folder in media.iterdir():
        if folder.is_dir():
            shutil.rmtree(folder)
    other = make_embedder("e" * 64, shift=100)
    with Catalogue.open(path) as catalogue:
        report = update_catalogue(catalogue, None, ByStore(other, media))
        assert (report.reembedded, report.unread, report.removed) == (38, (), 0)
        assert catalogue.fingerprint == other.fingerprint
        assert {each.name for each in media.iterdir()} == {"store.json"}
        # Here they are read again, and so they are fetched.
        report = update_catalogue(catalogue, None, other)
        assert (report.is_new_revision, report.unchanged, report.unread) == (False, 38, ())
        assert len(list(media.glob("*/*"))) == 38
