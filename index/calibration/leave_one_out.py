"""Asking a catalogue about its own photos: each once as if it were new (leave-one-out), in bounded
memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.calibration.ranks import LABELS_A_ROW, true_ranks
from index.search.centroids import centres_of, sums_of
from index.search.engine import exact_distances, to_distances
from index.search.matching import Score
from index.search.vectors import FloatArray, check_vectors

TRIAL_RANKS = LABELS_A_ROW
"""Candidates kept of each trial: as many as a submission has labels."""

_BLOCK_BYTES = 128 * 2**20  # memory for one block of photos against every other photo


@dataclass(frozen=True, slots=True)
class Trials:
    """t known queries: the distances (t, r) of their first candidates, ascending, infinite where
    there are fewer than r, and the 1-based rank (t,) of the right individual among all.
    """

    distances: NDArray[np.float64]
    true_ranks: NDArray[np.int64]


class LeaveOneOutRanks(NamedTuple):
    """For each photo whose individual has another one: its row, and the rank of its individual
    without it.
    """

    rows: NDArray[np.int64]  # (q,)
    ranks: NDArray[np.int64]  # (q,), 1-based


class _Block(NamedTuple):
    """Some photos against every individual, each photo left out of its own individual."""

    rows: NDArray[np.int64]  # (q,) positions in the vectors given
    columns: NDArray[np.int64]  # (q,) own individual, -1 for a photo of nobody known
    distances: NDArray[np.float64]  # (q, c), infinite for an individual seen in this photo alone


def leave_one_out_ranks(
    vectors: FloatArray, individuals: Sequence[str], score: Score = "nearest"
) -> LeaveOneOutRanks:
    """Rank each photo's own individual against all others, the photo itself left out; ties by
    individual id.

    Photos of individuals seen once are no queries (there is nothing left to find) but stay in the
    gallery.
    """
    rows: list[NDArray[np.int64]] = []
    ranks: list[NDArray[np.int64]] = []
    for block in _leave_one_out(vectors, individuals, score):
        known = _is_known(block)
        rows.append(block.rows[known])
        ranks.append(true_ranks(block.distances[known], block.columns[known]))
    if not rows:
        return LeaveOneOutRanks(np.zeros(0, np.int64), np.zeros(0, np.int64))
    every = np.concatenate(rows)
    order = np.argsort(every)
    return LeaveOneOutRanks(every[order], np.concatenate(ranks)[order])


class CatalogueTrials(NamedTuple):
    """What a catalogue's own photos teach: known trials, and unknown ones (u, r) of either kind."""

    known: Trials
    held_out: NDArray[np.float64]  # photos with their own individual taken out of the gallery
    unlabelled: NDArray[np.float64]  # photos of nobody in the gallery


def catalogue_trials(
    vectors: FloatArray, individuals: Sequence[str | None], score: Score = "nearest"
) -> CatalogueTrials:
    """Try every photo (m, d) as a known query and as an unknown one; individual None is nobody
    known.

    A held-out trial is dropped where no other individual remains to be mistaken for.
    """
    known: list[NDArray[np.float64]] = [np.zeros((0, TRIAL_RANKS))]
    ranks: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    held_out: list[NDArray[np.float64]] = [np.zeros((0, TRIAL_RANKS))]
    unlabelled: list[NDArray[np.float64]] = [np.zeros((0, TRIAL_RANKS))]
    for block in _leave_one_out(vectors, individuals, score):
        is_known, is_labelled = _is_known(block), block.columns >= 0
        known.append(_first(block.distances[is_known]))
        ranks.append(true_ranks(block.distances[is_known], block.columns[is_known]))
        unlabelled.append(_first(block.distances[~is_labelled]))
        labelled = block.distances[
            is_labelled
        ]  # a copy: its own individuals are taken out in place
        labelled[np.arange(len(labelled)), block.columns[is_labelled]] = np.inf
        held_out.append(_first(labelled))
    held_out_distances = np.concatenate(held_out)
    return CatalogueTrials(
        Trials(np.concatenate(known), np.concatenate(ranks)),
        held_out_distances[np.isfinite(held_out_distances[:, 0])],
        np.concatenate(unlabelled),
    )


def _leave_one_out(
    vectors: FloatArray, individuals: Sequence[str | None], score: Score
) -> Iterator[_Block]:
    """Yield every photo in blocks, labelled ones in order of individual and then those of nobody
    known.
    """
    vectors = check_vectors(vectors, named="catalogue vectors")
    ids = sorted({each for each in individuals if each is not None})
    if not ids:
        return
    column = {individual: at for at, individual in enumerate(ids)}
    columns = np.array([-1 if each is None else column[each] for each in individuals], np.int64)
    labelled = np.flatnonzero(columns >= 0)
    labelled = labelled[np.argsort(columns[labelled], kind="stable")]
    gallery = _SortedPhotos(vectors[labelled].astype(np.float64), columns[labelled], len(ids))
    size = max(1, _BLOCK_BYTES // (8 * len(labelled)))
    for start in range(0, len(labelled), size):
        rows = labelled[start : start + size]
        own = np.arange(start, start + len(rows))
        yield _Block(rows, columns[rows], gallery.distances(vectors[rows], score, own))
    unlabelled = np.flatnonzero(columns < 0)
    for start in range(0, len(unlabelled), size):
        rows = unlabelled[start : start + size]
        yield _Block(rows, columns[rows], gallery.distances(vectors[rows], score, None))


class _SortedPhotos:
    """Photos sorted by individual, in float64, whose distances can leave a photo out of its
    individual.
    """

    def __init__(
        self, vectors: NDArray[np.float64], columns: NDArray[np.int64], count: int
    ) -> None:
        self._vectors = vectors  # (m, d)
        self._columns = columns  # (m,)
        self._starts = np.searchsorted(columns, np.arange(count))  # (c,)
        self._photo_counts = np.bincount(columns, minlength=count)  # (c,)
        self._sums = sums_of(vectors, self._starts)  # (c, d)
        self._centres = centres_of(self._sums)

    def distances(
        self, queries: FloatArray, score: Score, own: NDArray[np.int64] | None
    ) -> NDArray[np.float64]:
        """Distances (q, c); `own` (q,) says which of the photos each query is, None that they are
        none.
        """
        if score == "nearest":
            distances = self._nearest(queries, own)
        elif score == "centre":
            distances = self._centre(queries, own)
        else:
            distances = (self._nearest(queries, own) + self._centre(queries, own)) / 2
        if own is not None:
            columns = self._columns[own]
            alone = np.flatnonzero(self._photo_counts[columns] == 1)
            distances[alone, columns[alone]] = np.inf
        return distances

    def _nearest(self, queries: FloatArray, own: NDArray[np.int64] | None) -> NDArray[np.float64]:
        products = queries.astype(np.float64) @ self._vectors.T  # (q, m)
        if own is not None:
            products[np.arange(len(own)), own] = -np.inf
        return to_distances(np.maximum.reduceat(products, self._starts, axis=1))

    def _centre(self, queries: FloatArray, own: NDArray[np.int64] | None) -> NDArray[np.float64]:
        distances = exact_distances(queries, self._centres)
        if own is not None:
            columns = self._columns[own]
            without = centres_of(self._sums[columns] - self._vectors[own])  # (q, d)
            distances[np.arange(len(own)), columns] = to_distances((queries * without).sum(axis=1))
        return distances


def _is_known(block: _Block) -> NDArray[np.bool_]:
    """Photos (q,) whose individual can be found without them."""
    own = block.distances[np.arange(len(block.rows)), block.columns]
    return (block.columns >= 0) & np.isfinite(own)


def _first(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """The TRIAL_RANKS smallest distances of each row (q, c), ascending, padded with infinity."""
    count = min(TRIAL_RANKS, distances.shape[1])
    first = np.full((len(distances), TRIAL_RANKS), np.inf)
    first[:, :count] = np.sort(np.partition(distances, count - 1, axis=1)[:, :count], axis=1)
    return first
