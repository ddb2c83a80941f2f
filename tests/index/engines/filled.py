"""A catalogue of two species whose vectors live in different columns, filled by revisions."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import insert
from sqlalchemy.orm import Session

from index.catalogue.catalogue import Catalogue, read_gallery
from index.catalogue.revision import open_revision
from index.engines.reading import prepare_engine
from index.labels.reader import LabelledPhoto
from index.photos.embed import EmbeddedPhoto, PhotoFile
from index.search.gallery import Gallery
from index.storage.checksums import vector_checksum
from index.storage.schema import IndividualRow, PhotoRow, VectorRow

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
    """Add animals with eight photos each, and a photo of nobody known, in one revision."""
    animals = range(humpbacks + right_whales)
    photos, vectors = list[dict[str, object]](), list[NDArray[np.float32]]()
    with open_revision(catalogue) as act:
        execute = act.session.connection().execute
        inserting = insert(IndividualRow).returning(IndividualRow.id, sort_by_parameter_order=True)
        owners = list(execute(inserting, [{"name": f"w_{each:04}"} for each in animals]).scalars())
        for animal, take in product(animals, range(PHOTOS_EACH + 1)):
            species = "humpback" if animal < humpbacks else "right_whale"
            is_known = take < PHOTOS_EACH
            name = f"p{animal:04}_{take}.jpg" if is_known else f"n{animal:04}.jpg"
            row: dict[str, object] = {"name": name, "path": name, "content_hash": f"of {name}"}
            row |= {"size_bytes": 1, "state": "catalogued", "species": species}
            row |= {"taken_at": f"20{10 + take}-06-01"}
            photos.append(row | {"individual_id": owners[animal] if is_known else None})
            vectors.append(drawn(species, animal, take))
        inserting = insert(PhotoRow).returning(PhotoRow.id, sort_by_parameter_order=True)
        keys = list(execute(inserting, photos).scalars())
        rows = [
            {
                "photo_id": key,
                "fingerprint": F,
                "dimension": DIMENSION,
                "embedding": vector.tobytes(),
                "checksum": vector_checksum(key, F, vector.tobytes()),
            }
            for key, vector in zip(keys, vectors, strict=True)
        ]
        execute(insert(VectorRow), rows)
        act.finish(F)


def queries(count: int, *, first: int = 0, step: int = 1) -> NDArray[np.float32]:
    """Vectors (n, d) of photos that no catalogue holds, of animals in turn."""
    animals = [first + step * at for at in range(count)]
    return np.stack([drawn("humpback", animal, 50 + animal % 3) for animal in animals])


def read(catalogue: Catalogue, factory: str) -> Gallery:
    """The gallery of the newest revision, searched by an engine."""
    prepare_engine(catalogue.engine, catalogue.address, factory)
    with Session(catalogue.engine) as session:
        return read_gallery(session, catalogue, factory)[0]
