"""Individuals that may be one, nearest first, and how probable that is at each distance."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.calibration.curves.pair_curve import (
    PAIRS_AN_INDIVIDUAL,
    PairCurve,
    PairDistances,
    PairProbability,
    fit_pair_curve,
)
from index.calibration.split_individuals import split_distances
from index.catalogue.catalogue import Catalogue
from index.curation.reviewed_pairs import ReviewedPairs, read_photo_facts, read_reviewed_pairs
from index.pairs.near_pairs import (
    FARTHEST,
    NearPairs,
    changed_individuals,
    do_nothing,
    find_near_pairs,
    ordered_rows,
)
from index.search.engine import exact_distances
from index.search.gallery import Gallery

MOST_PAIRS = 200_000
"""Pairs that are kept, whatever the catalogue's size."""
LEAST_PROBABILITY = 0.05
"""A pair is suggested where one in twenty such pairs is one animal, or more."""
MOST_LISTED = 200
"""Pairs that are suggested at most. Twice as many are kept, for when some are marked as different.
"""
_FOLLOWED = 0.01  # of the individuals may change before the curve is made again
_TAIL_SHARE = 8  # the curve's pairs are one in so many of all, or else they aren't the nearest
_FEWEST_FITTED = 200  # pairs that it is fitted to in any case


@dataclass(frozen=True, slots=True)
class Resemblance:
    """Two individuals and the two of their photos that are nearest to each other.

    `one` comes first by id. `chance` None: the catalogue can't tell how probable it is that they
    are one.
    """

    one: str
    other: str
    distance: float
    photo_of_one: str
    photo_of_other: str
    chance: PairProbability | None = None


@dataclass(frozen=True, eq=False, slots=True)
class SimilarIndividuals:
    """The nearest pairs of a gallery, what people decided of pairs, and the curve of both.

    `halves` (s,) are the distances of individuals that were split in two. `since` individuals have
    changed since these were worked out.
    """

    near: NearPairs
    reviewed: ReviewedPairs
    halves: NDArray[np.float64]
    curve: PairCurve
    since: int = 0

    def suggestions(self, limit: int, review_distance: float) -> list[Resemblance]:
        """The pairs that a person should review, nearest first, ties by id.

        Those that were marked as different are left out. Where the catalogue gives probabilities, a
        pair is suggested from LEAST_PROBABILITY on, else up to the distance.
        """
        found: list[Resemblance] = []
        gallery, pairs = self.near.gallery, self.near.pairs
        ids, names = gallery.individual_ids, gallery.photo_names
        for at, distance in enumerate(pairs.distances.tolist()):
            chance = self.curve.at(distance)
            is_far = distance > review_distance if chance is None else False
            if len(found) == limit or is_far:
                break
            if chance is not None and chance.probability < LEAST_PROBABILITY:
                break
            one, other = ids[int(pairs.ones[at])], ids[int(pairs.others[at])]
            if (one, other) in self.reviewed.different:
                continue
            first, second = (names[int(row)] for row in pairs.photos[at])
            found.append(Resemblance(one, other, distance, first, second, chance))
        return found


def find_similar_individuals(
    catalogue: Catalogue,
    gallery: Gallery,
    before: SimilarIndividuals | None = None,
    *,
    between: Callable[[], None] = do_nothing,
) -> SimilarIndividuals:
    """Find the nearest pairs of a gallery, and fit how probable it is that a pair is one animal.

    What was found `before` is followed where little has changed. The curve is kept until a
    hundredth of the individuals has changed, or a person has decided of a pair. `between` is called
    now and then and may raise to stop. Raises BadCatalogue.
    """
    reviewed = read_reviewed_pairs(catalogue)
    near = _followed(gallery, len(reviewed.different), before, between)
    since = _changed_since(gallery, before)
    if before is None or since is None:
        facts = read_photo_facts(catalogue, gallery.photo_names)
        halves = split_distances(ordered_rows(gallery), gallery.individuals, facts)
        since = 0
    else:
        halves = before.halves
        if reviewed == before.reviewed:
            return SimilarIndividuals(near, reviewed, halves, before.curve, since)
    curve = fit_pair_curve(pair_distances(near, reviewed, halves))
    return SimilarIndividuals(near, reviewed, halves, curve, since)


def _changed_since(gallery: Gallery, before: SimilarIndividuals | None) -> int | None:
    """How many individuals changed since the curve was made; None where it must be made again."""
    if before is None:
        return None
    if before.near.gallery.has_rows_of(gallery):
        return before.since
    changed = changed_individuals(before.near.gallery, gallery)
    since = before.since + len(changed or ())
    return None if changed is None or since > _FOLLOWED * gallery.individual_count else since


def nearest_photos(gallery: Gallery, one: str, other: str) -> Resemblance:
    """Compare all photos of two individuals of a gallery; `one` comes first by id."""
    photos = gallery.photos
    rows = [photos.rows_of(individual) for individual in (one, other)]
    distances = exact_distances(*(photos.vectors_of(each) for each in rows))
    first, second = divmod(int(np.argmin(distances)), distances.shape[1])
    names = photos.photo_name(int(rows[0][first])), photos.photo_name(int(rows[1][second]))
    return Resemblance(one, other, float(distances[first, second]), *names)


def pairs_fitted(individuals: int) -> int:
    """How many of the nearest pairs of so many individuals a curve is fitted to."""
    every = individuals * (individuals - 1) // 2
    most = min(PAIRS_AN_INDIVIDUAL * individuals, every // _TAIL_SHARE, MOST_PAIRS)
    return min(every, max(_FEWEST_FITTED, most))


def pair_distances(
    near: NearPairs, reviewed: ReviewedPairs, halves: NDArray[np.float64]
) -> PairDistances:
    """What a curve is fitted to."""
    gallery, pairs = near.gallery, near.pairs
    fitted = pairs_fitted(gallery.individual_count)
    reach = near.reach if len(pairs.ones) <= fitted else float(pairs.distances[fitted - 1])
    pairs = pairs.chosen(pairs.distances <= reach)
    column = {one: at for at, one in enumerate(gallery.individual_ids)}
    marked = [
        column[one] * len(column) + column[other]
        for one, other in reviewed.different
        if one in column and other in column
    ]
    is_different = np.isin(pairs.ones * len(column) + pairs.others, marked)
    return PairDistances(
        near=pairs.distances,
        reach=reach,
        different=pairs.distances[is_different],
        merged=_merged_distances(gallery, reviewed.merged),
        halves=halves,
        individuals=gallery.individual_count,
    )


def _followed(
    gallery: Gallery,
    different: int,
    before: SimilarIndividuals | None,
    between: Callable[[], None],
) -> NearPairs:
    """The nearest pairs, enough for a curve and for a list without those marked as different."""
    fitted = pairs_fitted(gallery.individual_count)
    if before is not None:
        near = before.near
        after = near if near.gallery.has_rows_of(gallery) else near.after(gallery, between=between)
        fewest = max(fitted // 2, MOST_LISTED + different)
        if after is not None and (after.reach >= FARTHEST or len(after.pairs.ones) >= fewest):
            return after
    return find_near_pairs(gallery, max(fitted, 2 * MOST_LISTED + different), between=between)


def _merged_distances(gallery: Gallery, merged: Sequence[Collection[str]]) -> NDArray[np.float64]:
    """How far merged individuals were from those that they turned out to be (n,), by what is left.

    Merges that later events took apart are left out.
    """
    found: list[float] = []
    photos = gallery.photos
    for names in merged:
        rows = [row for name in names if (row := photos.row_of(name)) is not None]
        whose = {photos.individual_of(row) for row in rows}
        if len(whose) != 1:
            continue
        others = np.setdiff1d(photos.rows_of(whose.pop()), rows)
        if len(others):
            one, other = (photos.vectors_of(np.array(each)) for each in (rows, others))
            found.append(float(exact_distances(one, other).min()))
    return np.array(found)
