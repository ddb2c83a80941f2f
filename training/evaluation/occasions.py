"""How figures fall from another photo of the same encounter to another encounter, another day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.calibration.bursts import find_days
from index.calibration.leave_one_out import LeaveOneOutRanks, leave_one_out_ranks
from index.labels.reader import LabelledPhoto
from index.search.matching import Score
from index.search.vectors import FloatArray


@dataclass(frozen=True, slots=True)
class OccasionRanks:
    """The same photos (q,), asked on ever harder terms.

    `ranks` are 1-based, by what a photo may be compared with: any other photo, another encounter's
    or another day's alone.
    """

    individuals: list[str]
    ranks: Mapping[str, NDArray[np.int64]]


def rank_by_occasion(
    vectors: FloatArray,
    photos: Sequence[LabelledPhoto],
    bursts: NDArray[np.int64],
    score: Score = "nearest",
) -> OccasionRanks | None:
    """Rank the right individuals of dated photos, whose vectors are (n, d), among one another.

    `bursts` (n,) number what was taken together. Asked are photos whose individual has one of
    another day, so that all rows have the same queries. None where there is none, or where no
    photos were taken together: all terms would be one.
    """
    dated = [
        at
        for at, photo in enumerate(photos)
        if photo.taken_at is not None and photo.individual is not None
    ]
    if not dated:
        return None
    individuals = [photos[at].individual or "" for at in dated]
    together = np.unique(bursts[dated], return_inverse=True)[1]
    days = find_days(individuals, together, [photos[at].taken_at for at in dated])
    if len(np.unique(days)) == len(dated):
        return None

    def ranked(whose: NDArray[np.int64] | None) -> LeaveOneOutRanks:
        return leave_one_out_ranks(vectors[dated], individuals, score, bursts=whose)

    hardest = ranked(days)
    if not len(hardest.rows):
        return None
    found = {"any_other_photo": ranked(None), "another_encounter": ranked(together)}
    ranks = {
        name: one.ranks[np.searchsorted(one.rows, hardest.rows)] for name, one in found.items()
    }
    return OccasionRanks(
        [individuals[row] for row in hardest.rows.tolist()], ranks | {"another_day": hardest.ranks}
    )
