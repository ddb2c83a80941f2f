"""Images to identifications: one embedder, one gallery, one calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from embedding.errors import FlukeprintError
from embedding.photos.photo import Box, Image
from index.calibration.calibration import Calibration
from index.search.fusion import rank_fused
from index.search.gallery import Gallery
from index.search.matching import (
    NOBODY,
    BadQuery,
    Candidate,
    Identification,
    Match,
    Score,
    Thresholds,
    decide,
    explain,
)
from index.search.species import SpeciesPredictor
from index.search.vectors import Embedder, FloatArray


class WrongFingerprint(FlukeprintError):
    """A catalogue whose vectors were made by another checkpoint: their distances would mean
    nothing.
    """


class Identifier:
    """Answers who is in a photo. Never changes: to swap the gallery, make another one."""

    def __init__(
        self,
        embedder: Embedder,
        gallery: Gallery,
        calibration: Calibration,
        species: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Join them; `species` are individuals'.

        Raises WrongFingerprint when gallery and embedder are no pair.
        """
        if gallery.fingerprint != embedder.fingerprint:
            raise WrongFingerprint(
                f"the catalogue's vectors were made by checkpoint {gallery.fingerprint[:12]}, "
                "but the loaded "
                f"checkpoint is {embedder.fingerprint[:12]}; embed the catalogue again by "
                "`flukeprint index update --catalogue CATALOGUE --checkpoint CHECKPOINT`, or "
                "load the "
                "checkpoint that it was made with"
            )
        self.embedder = embedder
        self.gallery = gallery
        self.calibration = calibration
        self.species = species
        self._teller = SpeciesPredictor(gallery, species, calibration.score)

    def identify(
        self,
        images: Sequence[Image],
        boxes: Sequence[Box | None] | None = None,
        *,
        k: int = 5,
        max_fpir: float | None = None,
        threshold: float | None = None,
        score: Score | None = None,
    ) -> list[Identification]:
        """Identify the animal in each of n images; options and errors as in `identify_vectors`."""
        thresholds = self._thresholds(
            max_fpir, threshold, score
        )  # before the embedding, which takes time
        if not images:
            return []
        return self._answers(self.embedder.embed(images, boxes), k, thresholds)

    def identify_vectors(
        self,
        vectors: FloatArray,
        *,
        k: int = 5,
        max_fpir: float | None = None,
        threshold: float | None = None,
        score: Score | None = None,
    ) -> list[Identification]:
        """Identify n queries (n, d) already embedded, each with its best k individuals.

        `max_fpir` or `threshold` (a cosine distance) replace the default thresholds. `score` may
        only be the one that the calibration was fitted for, None being that one. Raises BadQuery
        and BadVectors.
        """
        return self._answers(vectors, k, self._thresholds(max_fpir, threshold, score))

    def identify_encounter(
        self,
        vectors: FloatArray,
        *,
        k: int = 5,
        max_fpir: float | None = None,
        threshold: float | None = None,
    ) -> Identification:
        """Identify the one animal that n photos (n, d) of an encounter show, by the mean of their
        distances.

        The mean keeps the thresholds of single photos, and their probabilities too: it is never
        nearer than the photos are. Options and errors as in `identify_vectors`; raises BadQuery
        without photos.
        """
        thresholds = self.calibration.thresholds(max_fpir=max_fpir, threshold=threshold)
        ranked = rank_fused(
            self.gallery, vectors, self._teller.neighbours(k), self.calibration.score
        )
        answer = self._answer(ranked, k, thresholds)
        photos = f"{len(vectors)} photos together" if len(vectors) > 1 else "One photo"
        return replace(answer, reason=f"{photos}: {answer.reason}")

    def _thresholds(
        self, max_fpir: float | None, threshold: float | None, score: Score | None
    ) -> Thresholds:
        if score not in (None, self.calibration.score):
            raise BadQuery(
                f"score is {score!r}, but the catalogue's thresholds were fitted for "
                f"{self.calibration.score!r}; distances of two scores cannot be compared"
            )
        return self.calibration.thresholds(max_fpir=max_fpir, threshold=threshold)

    def _answers(self, vectors: FloatArray, k: int, thresholds: Thresholds) -> list[Identification]:
        ranked = self.gallery.rank(vectors, self._teller.neighbours(k), self.calibration.score)
        return [self._answer(candidates, k, thresholds) for candidates in ranked]

    def _answer(
        self, ranked: Sequence[Candidate], k: int, thresholds: Thresholds
    ) -> Identification:
        candidates = ranked[:k]
        nearest = candidates[0] if candidates else None
        probabilities = self.calibration.probabilities([each.distance for each in candidates])
        return Identification(
            matches=tuple(
                Match(each.individual, each.distance, probability, each.photo)
                for each, probability in zip(candidates, probabilities, strict=True)
            ),
            decision=decide(nearest.distance if nearest else NOBODY, thresholds),
            probability=probabilities[0] if probabilities else 0.0,
            reason=explain(nearest, thresholds),
            thresholds=thresholds,
            revision=self.gallery.revision,
            fingerprint=self.gallery.fingerprint,
            individuals_searched=self.gallery.individual_count,
            species=self._teller.predict(ranked),
        )
