"""A catalogue of two species whose vectors live in different columns, filled by revisions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from index.catalogue.catalogue import Catalogue, read_gallery
from index.catalogue.revision import open_revision
from index.labels.reader import LabelledPhoto
from index.pgvector.reading import prepare_tables
from index.photos.embed import EmbeddedPhoto, PhotoFile
from index.search.gallery import Gallery

F = "f" * 64
DIMENSION = 96
COLUMNS = {"humpback": (0, 32), "right_whale": (32, 96)}
PHOTOS_EACH = 8


def drawn(species: str, animal: int, take: int) -> NDArray[np.float32]:
    """The vector (d,) of an animal's photo."""
    start, stop = COLUMNS[species]
    own = np.random.default_rng([1, animal]).normal(size=stop - start)
    own += 0.5 * np.random.default_rng([2, animal, take]).normal(size=stop - start)
    vector = np.zeros(DIMENSION)
    vector[start:stop] = own / np.linalg.norm(own)
    return vector.astype(np.float32)


def photo(name: str, individual: str | None, vector: NDArray[np.float32], **more: str):
    """An embedded photo."""
    label = LabelledPhoto(name, Path(name), individual, **more)
    return EmbeddedPhoto(label, PhotoFile(f"hash of {name}", 1, None), vector)


def fill(catalogue: Catalogue, humpbacks: int, right_whales: int) -> None:
    """Add animals with eight photos each in one revision."""
    with open_revision(catalogue) as act:
        for animal in range(humpbacks + right_whales):
            species = "humpback" if animal < humpbacks else "right_whale"
            for take in range(PHOTOS_EACH):
                more = {"species": species, "taken_at": f"20{10 + take}-06-01"}
                name = f"p{animal:04}_{take}.jpg"
                act.add(photo(name, f"w_{animal:04}", drawn(species, animal, take), **more), F)
            nobody = photo(f"n{animal:04}.jpg", None, drawn(species, animal, 90), species=species)
            act.add(nobody, F)
        act.finish(F)


def queries(count: int, *, first: int = 0, step: int = 1) -> NDArray[np.float32]:
    """Vectors (n, d) of photos that no catalogue holds, of animals in turn."""
    animals = [first + step * at for at in range(count)]
    return np.stack([drawn("humpback", animal, 50 + animal % 3) for animal in animals])


def read(catalogue: Catalogue, factory: str) -> Gallery:
    """The gallery of the newest revision, searched by an engine."""
    prepare_tables(catalogue.engine, catalogue.address, factory)
    with Session(catalogue.engine) as session:
        return read_gallery(session, catalogue, factory)[0]
