"""Whether photos show an animal that the checkpoint was made for: a score against a threshold."""

from __future__ import annotations

import copy
import math
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np

from embedding.screening import Screening
from index.search.gallery import Gallery
from index.search.matching import AnimalScore, BadQuery
from index.search.vectors import Embedder, FloatArray

REFUSED_SHARE = 0.005
"""The share of the catalogue's own photos that may score below the threshold."""
ENOUGH_PHOTOS = 400
"""With fewer photos the threshold stays a standard deviation (in logits) below all of them."""
_MOST_PHOTOS = 4000
_KEPT_SHARE = 0.01  # of the photos may change before the threshold is worked out again
_LEAST_LOGIT = -700.0


@runtime_checkable
class ScreeningEmbedder(Protocol):
    """An embedder whose checkpoint may have a screening head."""

    @property
    def screening(self) -> Screening | None:
        """The head; None where the checkpoint has none."""
        ...


def screening_of(embedder: Embedder) -> Screening | None:
    """The screening head of an embedder's checkpoint; None where it has none."""
    return embedder.screening if isinstance(embedder, ScreeningEmbedder) else None


class AnimalScreen:
    """Scores vectors, and holds the threshold of one gallery. Never changes."""

    def __init__(
        self,
        screening: Screening | None,
        gallery: Gallery,
        default_threshold: float | None = None,
    ) -> None:
        """Join them; `default_threshold` replaces the one that the catalogue would get."""
        self._screening = screening
        self._gallery = gallery
        self.default_threshold = default_threshold
        self._changed_photos = 0  # since the threshold was worked out

    def of(self, gallery: Gallery) -> AnimalScreen:
        """The screen of another gallery of the same checkpoint, with the same default."""
        return AnimalScreen(self._screening, gallery, self.default_threshold)

    def following(self, gallery: Gallery, photos: int) -> AnimalScreen:
        """The screen after a change of so many photos.

        Its threshold is worked out again after a hundredth of the photos has changed.
        """
        after = copy.copy(self)
        after._gallery = gallery
        after._changed_photos += photos
        if after._changed_photos > gallery.size * _KEPT_SHARE:
            after.__dict__.pop("threshold", None)
            after._changed_photos = 0
        return after

    @cached_property
    def threshold(self) -> float:
        """The score below which a photo shows no animal.

        It is the checkpoint's own, or the score that nearly all of the catalogue's photos reach
        where that is less. So a catalogue of animals that the checkpoint wasn't made for doesn't
        refuse its own.
        """
        if self._screening is None or self.default_threshold is not None:
            return self.default_threshold or 0.0
        if not self._gallery.size:
            return self._screening.animal_threshold
        rows = self._gallery.vectors_at(slice(None, None, -(-self._gallery.size // _MOST_PHOTOS)))
        scores = np.clip(self._screening.animal_scores(rows), 1e-300, 1 - 1e-15)
        logits = np.log(scores / (1 - scores))
        lowest = float(np.quantile(logits, REFUSED_SHARE))
        if len(rows) < ENOUGH_PHOTOS:
            lowest = float(logits.min() - logits.std())
        reached = 1 / (1 + math.exp(-max(lowest, _LEAST_LOGIT)))
        return min(self._screening.animal_threshold, reached)

    def scores(
        self, vectors: FloatArray, threshold: float | None = None
    ) -> list[AnimalScore | None]:
        """Score n vectors (n, d), against `threshold` where one is provided.

        None for each where the checkpoint has no head. Raises BadQuery.
        """
        check_animal_threshold(threshold)
        if self._screening is None or not len(vectors):
            return [None] * len(vectors)
        limit = self.threshold if threshold is None else threshold
        found: list[float] = self._screening.animal_scores(vectors).tolist()
        return [AnimalScore(score, limit) for score in found]


def check_animal_threshold(threshold: float | None) -> None:
    """Raise BadQuery for a threshold that is no score."""
    if threshold is not None and not 0 <= threshold <= 1:
        raise BadQuery(
            f"animal_threshold is {threshold}; give a score from 0 (nothing is `no_animal`) to 1"
        )
