"""The searchable vectors of the known individuals at one catalogue revision: built, narrowed, and
changed with it.
"""

from __future__ import annotations

import bisect
import copy
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from embedding.errors import FlukeprintError
from index.labels.reader import NEW_WHALE
from index.search.engine import Engine, build_engine
from index.search.ranking import KnownCentres, SearchedPhotos
from index.search.row_merge import make_pieces, splice_names, splice_vectors
from index.search.vectors import FloatArray, check_vectors


class BadGallery(FlukeprintError):
    """Photos, individuals and vectors that do not make a gallery."""


@dataclass(frozen=True, slots=True)
class GalleryOrigin:
    """Whose vectors a gallery holds, of which revision, and for which FAISS index."""

    fingerprint: str
    revision: int
    factory: str = "Flat"


class Gallery(SearchedPhotos):
    """The searched photos of a catalogue at one revision, with vectors of one checkpoint.

    Never changes after `build`: a service swaps a gallery whole. Safe to search from several
    threads.
    """

    fingerprint: str
    revision: int

    def __init__(
        self,
        photo_names: Sequence[str],
        individuals: Sequence[str],
        vectors: FloatArray,
        engine: Engine,
        origin: GalleryOrigin,
        known_centres: KnownCentres | None = None,
    ) -> None:
        """Hold rows that are already checked and sorted; use `Gallery.build`.

        `known_centres` saves computing the centres of individuals whose photos are the same.
        """
        super().__init__(photo_names, individuals, vectors, engine, known_centres)
        self.fingerprint = origin.fingerprint
        self.revision = origin.revision
        self._factory = origin.factory

    @classmethod
    def build(
        cls,
        photo_names: Sequence[str],
        individuals: Sequence[str],
        vectors: FloatArray,
        *,
        fingerprint: str,
        revision: int,
        factory: str = "Flat",
    ) -> Gallery:
        """Build a gallery from parallel rows in any order; `factory` as in `build_engine`.

        Raises BadGallery for rows that do not match up, for a photo named twice and for photos of
        new_whale; BadVectors and BadEngine as their modules say.
        """
        _check_rows(photo_names, individuals, len(vectors))
        vectors = check_vectors(vectors, named="catalogue vectors")
        order = sorted(
            range(len(photo_names)), key=lambda row: (individuals[row], photo_names[row])
        )
        vectors = np.ascontiguousarray(vectors[order])
        return cls(
            [photo_names[row] for row in order],
            [individuals[row] for row in order],
            vectors,
            build_engine(vectors, factory),
            GalleryOrigin(fingerprint, revision, factory),
        )

    def select(self, is_selected: NDArray[np.bool_]) -> Gallery:
        """Narrow to the rows (m,) that are True: the same answers as a gallery built of these
        photos alone.

        Exact whatever the engine of this one. An individual that keeps no photo is not there any
        more.
        """
        if is_selected.shape != (self.size,):
            raise BadGallery(
                f"a choice of shape {is_selected.shape} was given for {self.size} photos; give one "
                "bool a row"
            )
        rows: list[int] = np.flatnonzero(is_selected).tolist()
        vectors = np.ascontiguousarray(self.vectors[is_selected])
        return Gallery(
            [self.photo_names[row] for row in rows],
            [self.individuals[row] for row in rows],
            vectors,
            build_engine(vectors, is_checked=True),
            GalleryOrigin(self.fingerprint, self.revision),
            self._known_centres(~is_selected),
        )

    def replace_photos(
        self,
        removed: Collection[str],
        photo_names: Sequence[str],
        individuals: Sequence[str],
        vectors: FloatArray,
        *,
        revision: int,
    ) -> Gallery:
        """Take out the photos of the names `removed`, where they are there, and add parallel rows
        in any order.

        The same, bit for bit, as a gallery built anew of what is there then; far faster where
        little changes. A photo that goes from one individual to another is removed and added.
        Raises BadGallery and BadVectors as `build`.
        """
        _check_rows(photo_names, individuals, len(vectors))
        gone = frozenset(removed)
        is_removed = np.fromiter(map(gone.__contains__, self.photo_names), np.bool_, self.size)
        remaining: NDArray[np.intp] = np.flatnonzero(~is_removed)
        if len(remaining) == self.size and not photo_names:
            return self._as_of(revision)
        self._refuse_twice(photo_names, gone)
        vectors = check_vectors(
            vectors, dimension=self.dimension if len(remaining) else None, named="catalogue vectors"
        )
        added = sorted(range(len(photo_names)), key=lambda at: (individuals[at], photo_names[at]))
        places = [self._place(remaining, individuals[at], photo_names[at]) for at in added]
        pieces = make_pieces(remaining, places, added)
        merged = splice_vectors(self.vectors, vectors, pieces)
        return Gallery(
            splice_names(self.photo_names, photo_names, pieces),
            splice_names(self.individuals, individuals, pieces),
            merged,
            build_engine(merged, self._factory, is_checked=True),
            GalleryOrigin(self.fingerprint, revision, self._factory),
            self._known_centres(is_removed, individuals),
        )

    def _known_centres(
        self, is_removed: NDArray[np.bool_], added: Sequence[str] = ()
    ) -> KnownCentres:
        """The present centres; those who lose a row, or have one `added`, change."""
        losing = {self.individuals[row] for row in np.flatnonzero(is_removed).tolist()}
        return KnownCentres(self.individual_ids, self.centres, losing | set(added))

    def _place(self, remaining: NDArray[np.intp], individual: str, photo_name: str) -> int:
        """Before which of the rows that are kept a photo comes."""

        def order_of(row: int) -> tuple[str, str]:
            return self.individuals[row], self.photo_names[row]

        return bisect.bisect_left(
            cast("Sequence[int]", remaining), (individual, photo_name), key=order_of
        )

    def _as_of(self, revision: int) -> Gallery:
        """The same rows at another revision, sharing their memory."""
        other = copy.copy(self)
        other.revision = revision
        return other

    def _refuse_twice(self, photo_names: Sequence[str], gone: Collection[str]) -> None:
        added = set(photo_names) - set(gone)
        twice = added.intersection(self.photo_names)
        if twice:
            raise BadGallery(
                f"photo {min(twice)} is in the gallery already; remove it in the same change"
            )


def _check_rows(photo_names: Sequence[str], individuals: Sequence[str], vector_count: int) -> None:
    if not len(photo_names) == len(individuals) == vector_count:
        raise BadGallery(
            f"{len(photo_names)} photo names, {len(individuals)} individuals and {vector_count} "
            "vectors were "
            "given; each photo needs one of each"
        )
    if len(set(photo_names)) < len(photo_names):
        seen: set[str] = set()
        twice = next(name for name in photo_names if name in seen or seen.add(name))
        raise BadGallery(f"photo {twice} is given twice; each photo belongs in the gallery once")
    for name, individual in zip(photo_names, individuals, strict=True):
        if individual in ("", NEW_WHALE):
            raise BadGallery(
                f"photo {name} has the individual {individual!r}, which names nobody; leave it out"
            )
