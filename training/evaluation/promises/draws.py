"""Catalogues drawn from a labelled set, each with queries that it never saw."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.calibration.bursts import PhotoFacts, find_bursts
from index.labels.reader import LabelledPhoto
from index.search.matching import Score
from index.search.vectors import FloatArray
from training.splits.photo_facts import facts_of, species_of
from training.splits.protocol import Split

_FEWEST_PHOTOS = 3  # of an individual that one photo may be taken from
_SEVENTH = 7
_MOST_ABSENT = 400  # individuals absent from a small catalogue, whose rates need many strangers


@dataclass(frozen=True, slots=True)
class PhotoSet:
    """A labelled set: vectors (n, d), individuals ("" is nobody known), species and bursts (n,).

    `may_query` (n,) says which photos may be queries. `is_stranger` (n,) marks photos that no
    catalogue holds, and is empty where no split says so.
    """

    vectors: FloatArray
    individuals: NDArray[np.str_]
    species: NDArray[np.str_]
    bursts: NDArray[np.int64]
    facts: PhotoFacts
    may_query: NDArray[np.bool_]
    is_stranger: NDArray[np.bool_]
    score: Score = "nearest"

    @classmethod
    def of(
        cls,
        vectors: FloatArray,
        photos: Sequence[LabelledPhoto],
        split: Split | None = None,
        score: Score = "nearest",
        hashes: Sequence[bytes | None] = (),
    ) -> PhotoSet:
        """Take a set's photos with the encounters, times and species that the labels know.

        Perceptual `hashes` also tell which photos are one picture.

        With a split no `fit` photo is a query, and no individual with one is absent: the checkpoint
        learned from it. Without one any photo may be a query.
        """
        species, facts = species_of(photos), facts_of(photos, hashes)
        individuals = [photo.individual for photo in photos]
        roles = np.array([split.roles[photo.name] if split else "" for photo in photos], np.str_)
        return cls(
            vectors=vectors,
            individuals=np.array([one or "" for one in individuals], np.str_),
            species=np.array([species[photo.name] for photo in photos], np.str_),
            bursts=find_bursts(range(len(photos)), individuals, vectors, facts),
            facts=facts,
            may_query=roles != "fit",
            is_stranger=roles == "unknown_query" if split else np.zeros(0, np.bool_),
            score=score,
        )

    def facts_of(self, rows: NDArray[np.int64]) -> PhotoFacts:
        """The facts of some rows."""
        chosen: list[int] = rows.tolist()
        return PhotoFacts(
            encounters=[self.facts.encounters[row] for row in chosen],
            taken_at=[self.facts.taken_at[row] for row in chosen],
            species=self.facts.species,
        )


@dataclass(frozen=True, slots=True)
class CatalogueDraw:
    """One drawn catalogue's rows and those of its queries, of which it holds none.

    It holds `gallery`, and is calibrated with `nobody`, new_whale photos. Queries are `known`
    (q, p), p photos each of one of its `individual_count` individuals; `absent`, of individuals
    that it lacks; and `new_whales`, of nobody known.
    """

    individual_count: int
    gallery: NDArray[np.int64]
    nobody: NDArray[np.int64]
    known: NDArray[np.int64]
    absent: NDArray[np.int64]
    new_whales: NDArray[np.int64]


def draw_catalogue(
    photos: PhotoSet,
    seed: int,
    *,
    size: int | None = None,
    photos_a_query: int = 1,
    species: str | None = None,
    as_met: bool = False,
) -> CatalogueDraw:
    """Draw a catalogue of so many individuals, or of all that remain, of a species or of all.

    A fifth of the individuals are absent, up to 400 where the catalogue is to be small, but no more
    than half of those that may be. Known queries are of individuals with three photos, one query
    each; `as_met` they are a seventh of all photos, drawn as the next ones come: more are of those
    who are met more. A known query's whole burst leaves the catalogue. Several photos a query are
    of one burst where one has as many. A third of the new_whale photos are queries, in whole
    bursts, or those that the split says.
    """
    rng = np.random.default_rng(seed)
    is_own = np.ones(len(photos.vectors), np.bool_)
    if species is not None:
        is_own = photos.species == species
    labels = photos.individuals
    is_nobody = is_own & (labels == "")
    order = rng.permutation(np.unique(labels[is_own & ~is_nobody]))
    absent = _absent(photos, order, size)
    present = order[~np.isin(order, absent)][:size]
    nobody = rng.permutation(np.flatnonzero(is_nobody))
    is_query = photos.may_query[nobody]
    if not len(photos.is_stranger):
        is_query = _first_third(photos.bursts[nobody])
    gallery = np.flatnonzero(is_own & np.isin(labels, present))
    known, without = (
        _known_as_met(photos, gallery, rng)
        if as_met
        else _known(photos, gallery, photos_a_query, rng)
    )
    return CatalogueDraw(
        individual_count=len(present),
        gallery=np.setdiff1d(gallery, without),
        nobody=nobody[~is_query],
        known=known,
        absent=np.flatnonzero(is_own & np.isin(labels, absent)),
        new_whales=nobody[is_query],
    )


def _absent(photos: PhotoSet, order: NDArray[np.str_], size: int | None) -> NDArray[np.str_]:
    labels = photos.individuals
    strangers = labels[photos.is_stranger] if len(photos.is_stranger) else labels[:0]
    is_stranger = np.isin(order, strangers)
    able = order[~is_stranger & ~np.isin(order, labels[~photos.may_query])]
    count = max(len(order) // 5, min(_MOST_ABSENT, len(order) // 2) if size else 0)
    more = min(max(0, count - int(is_stranger.sum())), len(able) // 2)
    return np.concatenate([order[is_stranger], able[:more]])


def _first_third(bursts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mark a third of the photos (n,), and all others of their bursts."""
    return np.isin(bursts, bursts[: len(bursts) // 3])


def together(rows: NDArray[np.int64], photos: PhotoSet, count: int) -> NDArray[np.int64]:
    """So many photos of one animal's rows: of its first burst that has as many, else the first."""
    own = photos.bursts[rows]
    large = (rows[own == burst] for burst in dict.fromkeys(own.tolist()))
    return next((one for one in large if len(one) >= count), rows)[:count]


def _known(
    photos: PhotoSet, gallery: NDArray[np.int64], count: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Choose known queries (q, count), and the rows of all their bursts."""
    queries: list[NDArray[np.int64]] = []
    without: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    labels = photos.individuals[gallery]
    order = np.argsort(labels, kind="stable")
    starts = np.unique(labels[order], return_index=True)[1]
    for rows in np.split(gallery[order], starts[1:]):
        able = rows[photos.may_query[rows]]
        if len(rows) < max(_FEWEST_PHOTOS, count + 1) or len(able) < count:
            continue
        chosen = able[:1] if count == 1 else together(rng.permutation(able), photos, count)
        in_burst = np.isin(photos.bursts[rows], photos.bursts[chosen])
        if not in_burst.all():
            queries.append(chosen)
            without.append(rows[in_burst])
    return np.array(queries, np.int64).reshape(-1, count), np.concatenate(without)


def _known_as_met(
    photos: PhotoSet, gallery: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw known queries (q, 1) by photo, and the rows of all their bursts.

    Nobody leaves the catalogue with the last photo.
    """
    labels = photos.individuals
    left = dict(zip(*np.unique(labels[gallery], return_counts=True), strict=True))
    of_burst: defaultdict[int, list[int]] = defaultdict(list)
    for row in gallery.tolist():
        of_burst[int(photos.bursts[row])].append(row)
    queries: list[int] = []
    without: list[int] = []
    for row in rng.permutation(gallery[photos.may_query[gallery]]).tolist():
        burst = of_burst[int(photos.bursts[row])]
        if len(without) >= len(gallery) // _SEVENTH:
            break
        if burst and len(burst) < left[labels[row]]:
            left[labels[row]] -= len(burst)
            queries.append(row)
            without += burst
            of_burst[int(photos.bursts[row])] = []
    return np.array(queries, np.int64).reshape(-1, 1), np.array(without, np.int64)
