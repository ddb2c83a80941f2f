"""Photos that were taken together: as one query of three, and as bursts in a catalogue."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.calibration.bursts import PhotoFacts
from index.calibration.calibration import (
    KNOWN_FPIR,
    NEW_WHALE_SHARE,
    BadCalibration,
    Calibration,
)
from index.identification.identifier import Identifier
from index.search.matching import Identification
from training.evaluation.promises.answers import identifier_of, share_known, share_missed
from training.evaluation.promises.draws import PhotoSet, draw_catalogue, together
from training.evaluation.promises.reliability import reliability_of, weighted_queries

Figures = dict[str, Any]

PHOTOS = 3
_NOISE = 0.01  # length of what differs between two frames: a cosine distance of about 1e-4


def compare_encounters(photos: PhotoSet, seed: int) -> list[Figures]:
    """Measure encounters of three photos at KNOWN_FPIR, a row for each calibration.

    `own` is that of encounters, `single` that of single photos. `absent` is the share of absent
    individuals' encounters called `known`, `found` the share of known ones called by their right
    name. Empty where there is no encounter of either kind, or the rate can't be promised.
    """
    draw = draw_catalogue(photos, seed, photos_a_query=PHOTOS)
    strangers = _encounters(photos, draw.absent)
    if not len(draw.known) or not len(strangers):
        return []
    identifier = identifier_of(photos, draw.gallery, draw.nobody)
    labels: list[str] = photos.individuals[draw.known[:, 0]].tolist()
    rows: list[Figures] = []
    for name, calibration in (
        ("own", identifier.calibration),
        ("single", _of_single_photos(identifier.calibration)),
    ):
        identifier.calibration = calibration
        try:
            absent = _answers(identifier, photos, strangers)
            known = _answers(identifier, photos, draw.known)
        except BadCalibration:
            return []
        rows.append(
            {
                "calibration": name,
                "promised": KNOWN_FPIR,
                "absent": share_known(absent),
                "found": 1 - (share_missed(known, labels) or 0.0),
                "absent_queries": len(strangers),
                "known_queries": len(draw.known),
            }
        )
    return rows


def _encounters(photos: PhotoSet, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Three photos (e, 3) of each individual among some rows that has as many."""
    labels = photos.individuals[rows]
    own = [together(rows[labels == one], photos, PHOTOS) for one in np.unique(labels)]
    return np.array([one for one in own if len(one) == PHOTOS], np.int64).reshape(-1, PHOTOS)


def _answers(
    identifier: Identifier, photos: PhotoSet, encounters: NDArray[np.int64]
) -> list[Identification]:
    return [
        identifier.identify_encounter(photos.vectors[rows], max_fpir=KNOWN_FPIR)
        for rows in encounters
    ]


def _of_single_photos(calibration: Calibration) -> Calibration:
    groups = {name: replace(one, encounters={}) for name, one in calibration.groups.items()}
    return replace(calibration, encounters={}, groups=groups)


def compare_bursts(photos: PhotoSet, seed: int) -> Figures:
    """Measure a catalogue in which every photo is three frames of one encounter.

    `facts`: the reliability where the calibration knows the encounters; `blind`: where it knows
    nothing of them. Empty without queries of both sorts.
    """
    draw = draw_catalogue(photos, seed, as_met=True)
    queries = weighted_queries(draw, NEW_WHALE_SHARE)
    if queries is None:
        return {}
    gallery, nobody = np.repeat(draw.gallery, PHOTOS), np.repeat(draw.nobody, PHOTOS)
    rows = np.concatenate([gallery, nobody])
    dimension = photos.vectors.shape[1]
    noise = np.random.default_rng(seed).normal(
        scale=_NOISE / dimension**0.5, size=(len(rows), dimension)
    )
    species = photos.facts.species
    found: Figures = {"frames": PHOTOS}
    for name, facts in (
        ("facts", PhotoFacts(encounters=[str(row) for row in rows], species=species)),
        ("blind", PhotoFacts(species=species)),
    ):
        identifier = identifier_of(
            photos, gallery, nobody, facts=facts, noise=noise.astype(np.float32)
        )
        found[name] = reliability_of(identifier, photos, queries)
    return found
