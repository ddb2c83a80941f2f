"""Answers of a drawn catalogue, which is calibrated on itself as a stored one is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from index.calibration.bursts import PhotoFacts
from index.calibration.fitting import calibrate
from index.identification.identifier import Identifier
from index.search.gallery import Gallery
from index.search.matching import Identification
from index.search.vectors import FloatArray
from training.evaluation.promises.draws import PhotoSet

_FINGERPRINT = "0" * 64


class _NoEmbedder:
    """An embedder that nobody uses: the vectors are made."""

    fingerprint = _FINGERPRINT

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension

    def embed(self, images: object, boxes: object = None) -> FloatArray:
        raise NotImplementedError


def identifier_of(
    photos: PhotoSet,
    gallery: NDArray[np.int64],
    nobody: NDArray[np.int64],
    *,
    facts: PhotoFacts | None = None,
    noise: FloatArray | None = None,
) -> Identifier:
    """Make a catalogue of these rows, calibrated on itself as a stored one is.

    Rows may be repeated. `facts` are theirs, gallery first; None: what the labels know. `noise`
    (rows, d) is added to their vectors. Raises BadVectors.
    """
    rows = np.concatenate([gallery, nobody])
    vectors = photos.vectors[rows]
    if noise is not None:
        vectors = vectors + noise
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    individuals: list[str] = photos.individuals[rows].tolist()
    calibration = calibrate(
        vectors,
        [one or None for one in individuals],
        score=photos.score,
        facts=photos.facts_of(rows) if facts is None else facts,
    )
    held = Gallery.build(
        [f"{at:09}" for at in range(len(gallery))],
        individuals[: len(gallery)],
        vectors[: len(gallery)],
        fingerprint=_FINGERPRINT,
        revision=0,
    )
    embedder = _NoEmbedder(vectors.shape[1])
    return Identifier(embedder, held, calibration, photos.facts.species)


def answers_of(
    identifier: Identifier,
    photos: PhotoSet,
    rows: NDArray[np.int64],
    rate: float | None = None,
) -> list[Identification]:
    """Answer photos by their rows, at a false-positive rate or by the default thresholds.

    Raises BadCalibration for a rate that can't be promised.
    """
    if not len(rows):
        identifier.calibration.thresholds(max_fpir=rate)  # refuses what can't be promised
        return []
    return identifier.identify_vectors(photos.vectors[rows], max_fpir=rate)


def share_known(found: Sequence[Identification]) -> float | None:
    """The share of answers that are `known`; None of none."""
    return float(np.mean([one.decision == "known" for one in found])) if found else None


def share_missed(found: Sequence[Identification], individuals: Sequence[str]) -> float | None:
    """The share of known animals that are not `known` by their right name; None of none."""
    is_right = [
        one.decision == "known" and one.matches[0].individual == individual
        for one, individual in zip(found, individuals, strict=True)
    ]
    return 1 - float(np.mean(is_right)) if found else None
