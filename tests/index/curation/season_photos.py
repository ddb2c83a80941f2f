"""Photos of a season, embedded, and whose they are."""

from __future__ import annotations

from embedding.photos.photo import read_photo
from index.labels.reader import LabelledPhoto
from index.photos.embed import EmbeddedPhoto, PhotoFile

F = "f" * 64


def whose(catalogue):
    gallery = catalogue.gallery()
    return dict(zip(gallery.photo_names, gallery.individuals, strict=True))


def embedded(season, embedder, name, animal, take=9):
    path = season.folder / name
    season.paint(name, animal, take)
    label = LabelledPhoto(name, path, None, None, None, None, None)
    return EmbeddedPhoto(
        label, PhotoFile(f"hash of {name}", 1, None), embedder.embed([read_photo(path)])[0]
    )
