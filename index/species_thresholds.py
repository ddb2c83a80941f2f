"""A distance beyond which a submission says "new" for each species: what is near among orcas is far among belugas."""

from __future__ import annotations

from collections.abc import Mapping

from index.calibration.calibration import calibrate
from index.search.gallery import Gallery
from index.search.matching import Score


def submission_thresholds(gallery: Gallery, species: Mapping[str, str], score: Score) -> dict[str, float]:
    """Fit the threshold with the best expected MAP@5 to each species' own photos (of `species`, by individual).

    A species with too few photos for that is left out; the catalogue's own threshold holds for it.
    """
    rows: dict[str, list[int]] = {}
    for row, individual in enumerate(gallery.individuals):
        if individual in species:
            rows.setdefault(species[individual], []).append(row)
    fitted = {
        name: calibrate(gallery.vectors[own], [gallery.individuals[row] for row in own], score=score)
        for name, own in sorted(rows.items())
    }
    return {name: calibration.submission_threshold for name, calibration in fitted.items() if calibration.is_fitted}
