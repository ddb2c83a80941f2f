"""The searchable vectors of the known individuals at one catalogue revision."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedding.errors import FlukeprintError
from index.labels.reader import NEW_WHALE
from index.search.engine import RowEngine, build_engine
from index.search.ranking import SearchedPhotos
from index.search.rows.live_rows import LiveRows, Rows
from index.search.segments import ChangedSegment, Segment, no_photos
from index.search.vectors import FloatArray, check_vectors

_OWN = "catalogue vectors"


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

    def __init__(self, photos: ChangedSegment, origin: GalleryOrigin) -> None:
        """Hold photos that are already checked; use `Gallery.build`."""
        super().__init__(photos)
        self.fingerprint = origin.fingerprint
        self.revision = origin.revision
        self._factory = origin.factory

    @classmethod
    def build(
        cls,
        photo_names: Sequence[str],
        individuals: Sequence[str],
        vectors: FloatArray | LiveRows,
        *,
        fingerprint: str,
        revision: int,
        factory: str = "Flat",
    ) -> Gallery:
        """Build a gallery from parallel rows in any order; `factory` as in `build_engine`.

        Raises BadGallery for rows that do not match up, for a photo named twice and for photos of
        new_whale; BadVectors and BadEngine as their modules say.
        """
        is_live = isinstance(vectors, LiveRows)
        _check_rows(photo_names, individuals, vectors.size if is_live else len(vectors))
        rows = vectors if is_live else LiveRows.of(check_vectors(vectors, named=_OWN))
        origin = GalleryOrigin(fingerprint, revision, factory)
        return cls.of_engine(
            photo_names, individuals, lambda order: build_engine(rows.take(order), factory), origin
        )

    @classmethod
    def of_engine(
        cls,
        photo_names: Sequence[str],
        individuals: Sequence[str],
        engine_of: Callable[[Rows], RowEngine],
        origin: GalleryOrigin,
    ) -> Gallery:
        """Build a gallery of photos whose engine `engine_of` makes, for their rows in an order."""
        # By name they often are sorted already, and then the first of the two takes no time.
        by_name = sorted(range(len(photo_names)), key=photo_names.__getitem__)
        order = sorted(by_name, key=individuals.__getitem__)
        place = np.empty(len(order), np.int32)
        place[order] = np.arange(len(order))
        segment = Segment.of(
            [photo_names[row] for row in order],
            [individuals[row] for row in order],
            engine_of(np.array(order, np.int64)),
            place[by_name],
        )
        return cls(ChangedSegment.of(segment), origin)

    def select(self, is_selected: NDArray[np.bool_]) -> Gallery:
        """Select the rows (m,) that are True.

        The answers are those of a gallery built of these photos.

        Exact whatever the engine of this one. An individual that keeps no photo is not there any
        more.
        """
        if is_selected.shape != (self.size,):
            raise BadGallery(
                f"a choice of shape {is_selected.shape} was given for {self.size} photos; give one "
                "bool a row"
            )
        photos = self._photos
        rows = photos.order[is_selected]
        if photos.base.engine.is_stored:
            own = GalleryOrigin(self.fingerprint, self.revision, self._factory)
            return Gallery(photos.selected(rows), own)
        chosen = photos.base.engine.loaded().joined(photos.added.engine.loaded(), rows)
        segment = Segment.of(
            [photos.photo_name(row) for row in rows.tolist()],
            [photos.individual_of(row) for row in rows.tolist()],
            build_engine(chosen),
        )
        origin = GalleryOrigin(self.fingerprint, self.revision)
        return Gallery(ChangedSegment.of(segment), origin)

    @property
    def is_worth_compacting(self) -> bool:
        """Whether `replace_photos` has changed so much that `compacted` is worth its time."""
        return self._photos.is_worth_compacting

    def compacted(self) -> Gallery:
        """The same gallery without traces of changes. Takes time in proportion to it."""
        origin = GalleryOrigin(self.fingerprint, self.revision, self._factory)
        return Gallery(self._photos.compacted(self._factory, self.revision), origin)

    @property
    def factory(self) -> str:
        """What `build_engine` was asked for."""
        return self._factory

    @property
    def segment(self) -> Segment:
        """All rows, of a gallery that is `compacted` or was built."""
        assert not self._photos.changed
        return self._photos.base

    def has_individual(self, individual: str) -> bool:
        """Whether an individual has a photo here."""
        return len(self._photos.rows_of(individual)) > 0

    def has_rows_of(self, other: Gallery) -> bool:
        """Whether it is made of the very same rows, at the same or another revision."""
        return self._photos is other._photos

    def replace_photos(
        self,
        removed: Collection[str],
        photo_names: Sequence[str],
        individuals: Sequence[str],
        vectors: FloatArray,
        *,
        revision: int,
    ) -> Gallery:
        """Remove the photos of the names `removed`, and add parallel rows in any order.

        A name that isn't there is passed over.

        The same, bit for bit, as a gallery built anew of what is there then; far faster where
        little changes. A photo that goes from one individual to another is removed and added.
        Raises BadGallery and BadVectors as `build`.
        """
        _check_rows(photo_names, individuals, len(vectors))
        gone = {name for name in removed if self._photos.row_of(name) is not None}
        if not gone and not photo_names:
            return self._as_of(revision)
        self._refuse_twice(photo_names, gone)
        vectors = check_vectors(
            vectors, dimension=self.dimension if len(gone) < self.size else None, named=_OWN
        )
        photos = self._photos
        if len(gone) == self.size and not photos.base.engine.is_stored:
            photos = ChangedSegment.of(no_photos(vectors.shape[1]))
        changed = photos.replaced(gone, photo_names, individuals, vectors, self._factory)
        return Gallery(changed, GalleryOrigin(self.fingerprint, revision, self._factory))

    def _as_of(self, revision: int) -> Gallery:
        """The same rows at another revision, sharing their memory."""
        other = copy.copy(self)
        other.revision = revision
        return other

    def _refuse_twice(self, photo_names: Sequence[str], gone: Collection[str]) -> None:
        twice = [
            name
            for name in photo_names
            if name not in gone and self._photos.row_of(name) is not None
        ]
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
