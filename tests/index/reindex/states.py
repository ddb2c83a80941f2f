"""Updates of a catalogue, and all that it knows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from index.catalogue.catalogue import Catalogue
from index.reindex.build import build_catalogue
from index.reindex.options import UpdateOptions
from index.reindex.update import update_catalogue
from index.storage.address import files_folder


def state(path: Path) -> tuple:
    """All that a catalogue knows, but for ids, history and file times."""
    with Catalogue.open(path) as catalogue:
        ids, vectors = catalogue.vectors(catalogue.fingerprint or "")
        rows = {photo_id: vectors[row].tobytes() for row, photo_id in enumerate(ids)}
        photos = [
            (
                photo.name,
                photo.path,
                photo.content_hash,
                photo.individual,
                photo.species,
                photo.encounter,
                photo.taken_at,
                photo.box,
                photo.fingerprint,
                rows[photo.id],
            )
            for photo in catalogue.photos()
        ]
        return photos, catalogue.calibration(), catalogue.counts()


def settle_files(folder: Path) -> None:
    """Make every file look written long ago, as a season's photos are."""
    for path in folder.rglob("*.png"):
        os.utime(path, (10**9, 10**9))


on_both = pytest.mark.usefixtures("place")  # the test runs on SQLite and on PostgreSQL


def update(path, season, embedder, **options):
    with Catalogue.open(path) as catalogue:
        labels = season.labels() if season else None
        return update_catalogue(catalogue, labels, embedder, UpdateOptions(**options))


def rebuilt(path, season, embedder) -> tuple:
    """A catalogue of the same labels made from scratch, in a file beside."""
    scratch = files_folder(path) / "scratch.db"
    build_catalogue(scratch, season.labels(), embedder, overwrite=scratch.exists())
    return state(scratch)
