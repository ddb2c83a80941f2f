"""Images to identifications: one embedder, one gallery, one calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TypedDict, Unpack

import numpy as np

from embedding.errors import FlukeprintError
from embedding.photos.photo import Box, Image
from index.calibration.calibration import Calibration
from index.identification.screening import AnimalScreen, check_animal_threshold, screening_of
from index.search.embedded_images import embed_images
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
    """A catalogue of another checkpoint's vectors: distances to them would mean nothing."""


class _Options(TypedDict, total=False):
    """The options of `Identifier.identify_vectors`."""

    k: int
    max_fpir: float | None
    threshold: float | None
    score: Score | None
    animal_threshold: float | None


class Identifier:
    """Answers who is in a photo. Never changes: to swap the gallery, make another one."""

    def __init__(
        self,
        embedder: Embedder,
        gallery: Gallery,
        calibration: Calibration,
        species: Mapping[str, str] = MappingProxyType({}),
        *,
        screen: AnimalScreen | None = None,
    ) -> None:
        """Join them; `species` are individuals'. `screen` is the whole catalogue's, for a part.

        Raises WrongFingerprint when gallery and embedder are no pair.
        """
        if gallery.fingerprint != embedder.fingerprint:
            raise WrongFingerprint(
                f"the catalogue's vectors were made by checkpoint {gallery.fingerprint[:12]}, "
                f"but the loaded checkpoint is {embedder.fingerprint[:12]}. Embed the catalogue "
                "again by `flukeprint index update --catalogue CATALOGUE --checkpoint CHECKPOINT`, "
                "or load the checkpoint that made it"
            )
        self.embedder = embedder
        self.gallery = gallery
        self.calibration = calibration
        self.species = species
        self.screen = screen or AnimalScreen(screening_of(embedder), gallery)
        self._teller = SpeciesPredictor(gallery, species, calibration.score)

    def identify(
        self,
        images: Sequence[Image],
        boxes: Sequence[Box | None] | None = None,
        **options: Unpack[_Options],
    ) -> list[Identification]:
        """Identify the animal in each of n images; options and errors as in `identify_vectors`.

        Each answer says how the photo was turned, and how good it is.
        """
        # Before the embedding, which takes time.
        self._thresholds(options.get("max_fpir"), options.get("threshold"), options.get("score"))
        check_animal_threshold(options.get("animal_threshold"))
        if not images:
            return []
        embedded = embed_images(self.embedder, images, boxes)
        answers = self.identify_vectors(np.stack([each.vector for each in embedded]), **options)
        return [
            replace(answer, quarter_turns=each.quarter_turns, quality=each.quality)
            for answer, each in zip(answers, embedded, strict=True)
        ]

    def identify_vectors(
        self,
        vectors: FloatArray,
        *,
        k: int = 5,
        max_fpir: float | None = None,
        threshold: float | None = None,
        score: Score | None = None,
        animal_threshold: float | None = None,
    ) -> list[Identification]:
        """Identify n queries (n, d) already embedded, each with its best k individuals.

        `max_fpir` or `threshold` (a cosine distance) replace the default thresholds. `score` may
        only be the one that the calibration was fitted for, None being that one.
        `animal_threshold` (0 to 1) replaces the catalogue's score for `no_animal`. Raises BadQuery
        and BadVectors.
        """
        answers = self._answers(vectors, k, self._thresholds(max_fpir, threshold, score))
        scores = self.screen.scores(vectors, animal_threshold)
        return [answer.screened(one) for answer, one in zip(answers, scores, strict=True)]

    def identify_encounter(
        self,
        vectors: FloatArray,
        *,
        k: int = 5,
        max_fpir: float | None = None,
        threshold: float | None = None,
        animal_threshold: float | None = None,
    ) -> Identification:
        """Identify the one animal of an encounter's n photos (n, d), by their mean distances.

        The mean keeps the thresholds of single photos, and their probabilities too: it is never
        nearer than the photos are. It is `no_animal` where no photo shows an animal. Options and
        errors as in `identify_vectors`; raises BadQuery without photos.
        """
        thresholds = self.calibration.thresholds(max_fpir=max_fpir, threshold=threshold)
        ranked = rank_fused(
            self.gallery, vectors, self._teller.neighbours(k), self.calibration.score
        )
        answer = self._answer(ranked, k, thresholds)
        scores = self.screen.scores(vectors, animal_threshold)
        answer = answer.screened(max(scores, key=lambda one: one.score if one else 0.0))
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
