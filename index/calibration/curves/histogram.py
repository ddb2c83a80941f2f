"""Histograms of trials' nearest distances, in fixed bins, so that revisions compare."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BIN_WIDTH = 0.02
"""Cosine distance; the first bin begins at 0, the last ends at 2."""
BIN_COUNT = round(2 / BIN_WIDTH)


@dataclass(frozen=True, slots=True)
class Histogram:
    """Trials a bin, by what the nearest individual was.

    Each BIN_COUNT long, or empty where nothing was counted.

    `known`: the right one. `mistaken`: another one, though the right one was there. `unknown`: of
    an unknown query.
    """

    known: tuple[int, ...] = ()
    mistaken: tuple[int, ...] = ()
    unknown: tuple[int, ...] = ()

    @property
    def is_counted(self) -> bool:
        """False for a calibration that was stored before trials were counted."""
        return bool(self.unknown)


NOT_COUNTED = Histogram()


def count(
    known: NDArray[np.float64], is_right: NDArray[np.bool_], unknown: NDArray[np.float64]
) -> Histogram:
    """Count distances (a,) of known trials, (a,) whether each was right, and (u,) unknown ones."""
    return Histogram(_binned(known[is_right]), _binned(known[~is_right]), _binned(unknown))


def _binned(distances: NDArray[np.float64]) -> tuple[int, ...]:
    """A distance between two bins is in the upper one, 2 itself in the last."""
    # Distances have six decimals, so half of the last one settles what 0.06 / 0.02 =
    # 2.9999999999999996 would not. Scores other than distances, which a comparison calibrates too,
    # may lie far beyond 2.
    inside = np.minimum(distances[np.isfinite(distances)], 2.0)
    bins = ((inside + 5e-7) / BIN_WIDTH).astype(np.int64)
    return tuple(np.bincount(np.clip(bins, 0, BIN_COUNT - 1), minlength=BIN_COUNT).tolist())
