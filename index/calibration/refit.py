"""When a calibration is fitted anew, and to what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.calibration.calibration import BadCalibration, Calibration, calibrate
from index.progress import Progress

# A calibration stands while the catalogue has about the photos that it was fitted to; small ones
# are fitted at once.
_ALWAYS_FITTED_PHOTOS = 2000
_GROWTH_TO_FIT = 0.05


@dataclass(frozen=True, slots=True)
class FittedCalibration:
    """A calibration, and to how many photos it was fitted."""

    calibration: Calibration
    photos: int


def fit_calibration(
    vectors: NDArray[np.float32], individuals: Sequence[str | None], progress: Progress
) -> FittedCalibration:
    with progress(len(individuals), "Calibrating on the catalogue's own photos") as advance:
        calibration = calibrate(vectors, individuals)
        advance(len(individuals))
    return FittedCalibration(calibration, len(individuals))


def needs_refit(photos: int, fitted_to: int) -> bool:
    """Whether acts that came while photos were embedded make a calibration of no use: always in
    small catalogues.
    """
    return photos <= _ALWAYS_FITTED_PHOTOS or abs(photos - fitted_to) > _GROWTH_TO_FIT * fitted_to


def is_readable(stored_calibration: dict[str, object]) -> bool:
    try:
        Calibration.from_json(stored_calibration)
    except BadCalibration:
        return False
    return True
