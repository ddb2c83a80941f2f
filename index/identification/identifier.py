"""Images to identifications: one embedder, one gallery, one calibration."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple, TypedDict, Unpack

import numpy as np

from embedding.errors import FlukeprintError
from embedding.photos.photo import Box, Image
from index.calibration.calibration import Calibration
from index.calibration.fitting import group_name
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
from index.search.species import SpeciesFit, SpeciesPredictor
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
        viewpoints: Mapping[str, str] = MappingProxyType({}),
        *,
        screen: AnimalScreen | None = None,
    ) -> None:
        """Join them; `species` are individuals', `viewpoints` catalogue photos' by name.

        `screen` is the whole catalogue's, for a part of it.

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
        self.viewpoints = viewpoints
        self.screen = screen or AnimalScreen(screening_of(embedder), gallery)
        self.species_predictor = SpeciesPredictor(gallery, species, calibration.score)

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
        self._checked_choice(
            options.get("max_fpir"), options.get("threshold"), options.get("score")
        )
        check_animal_threshold(options.get("animal_threshold"))
        if not images:
            return []
        embedded = embed_images(self.embedder, images, boxes)
        answers = self.identify_vectors(np.stack([each.vector for each in embedded]), **options)
        return [
            replace(
                answer,
                quarter_turns=each.quarter_turns,
                quality=each.quality,
                animals=each.animals,
            )
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
        `animal_threshold` (0 to 1) replaces the catalogue's score for `no_animal`. Raises BadQuery,
        BadVectors, and BadCalibration for a rate that can't be promised.
        """
        answers = self._answers(vectors, k, self._checked_choice(max_fpir, threshold, score))
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

        Thresholds and probabilities are those of encounters of so many photos, where enough
        individuals have as many to try. It is `no_animal` where no photo shows an animal. Options
        and errors as in `identify_vectors`; raises BadQuery without photos.
        """
        choice = self._checked_choice(max_fpir, threshold, None)
        ranked = self.rank_encounter(vectors, k)
        return self._answer_encounter(ranked, vectors, k, choice, animal_threshold)

    def rank_encounter(self, vectors: FloatArray, k: int = 5) -> tuple[Candidate, ...]:
        """Rank as many individuals for an encounter's photos (n, d) as an answer with `k` needs."""
        return rank_fused(self.gallery, vectors, self.ranked_count(k), self.calibration.score)

    def answer_ranked(
        self, ranked: Sequence[Candidate], vectors: FloatArray, *, k: int = 5
    ) -> Identification:
        """What `identify_encounter` answers, of individuals that are ranked already."""
        choice = self._checked_choice(None, None, None)
        return self._answer_encounter(ranked, vectors, k, choice, None)

    def ranked_count(self, k: int) -> int:
        """How many individuals to rank: the gap to the second says how sure the first is."""
        return max(2, self.species_predictor.neighbours(k)) if k > 0 else k

    def _answer_encounter(
        self,
        ranked: Sequence[Candidate],
        vectors: FloatArray,
        k: int,
        choice: _ThresholdChoice,
        animal_threshold: float | None,
    ) -> Identification:
        answer = self._answer(ranked, k, choice, photos=len(vectors))
        scores = self.screen.scores(vectors, animal_threshold)
        answer = answer.screened(max(scores, key=lambda one: one.score if one else 0.0))
        photos = f"{len(vectors)} photos together" if len(vectors) > 1 else "One photo"
        return replace(answer, reason=f"{photos}: {answer.reason}")

    def for_new_share(self, share: float | None) -> Identifier:
        """The same identifier where this share of the photos is of new animals; None: as it is.

        Raises BadCalibration for a share that is not between 0 and 1.
        """
        if share is None or share == self.calibration.new_whale_share:
            return self
        another = copy.copy(self)
        another.calibration = self.calibration.with_new_share(share)
        return another

    def with_calibration(self, calibration: Calibration) -> Identifier:
        """The same with another calibration; what doesn't depend on it is not made again."""
        if calibration.score != self.calibration.score:
            return Identifier(
                self.embedder,
                self.gallery,
                calibration,
                self.species,
                self.viewpoints,
                screen=self.screen,
            )
        another = copy.copy(self)
        another.calibration = calibration
        return another

    def with_species_fit(self, fit: SpeciesFit | None, changed_photos: int = 0) -> Identifier:
        """The same with a fit for species that was made before so many photos changed."""
        another = copy.copy(self)
        another.species_predictor = self.species_predictor.with_fit(fit, changed_photos)
        return another

    def following(
        self,
        gallery: Gallery,
        species: Mapping[str, str],
        viewpoints: Mapping[str, str],
        *,
        individuals: Collection[str],
        photos: int,
    ) -> Identifier:
        """The same after a change of so many photos, which concerns these individuals alone.

        Takes no time in proportion to the gallery.
        """
        another = copy.copy(self)
        another.gallery = gallery
        another.species = species
        another.viewpoints = viewpoints
        another.screen = self.screen.following(gallery, photos)
        another.species_predictor = self.species_predictor.following(
            gallery, species, individuals, photos
        )
        return another

    def calibration_for(self, nearest: Candidate | None, photos: int = 1) -> Calibration:
        """Choose the calibration of an answer by its nearest photo's species and viewpoint."""
        if nearest is None:
            return self.calibration
        species = self.species.get(nearest.individual, "")
        viewpoint = self.viewpoints.get(nearest.photo, "")
        chosen = self.calibration.of_group(group_name(species, viewpoint), species)
        return chosen.of_encounter(photos) if photos > 1 else chosen

    def judging(
        self,
        individual: str,
        photos: int = 1,
        *,
        max_fpir: float | None = None,
        threshold: float | None = None,
    ) -> tuple[Calibration, Thresholds]:
        """Choose what judges whether photos show this individual: by its species.

        Raises as `identify_vectors`.
        """
        choice = self._checked_choice(max_fpir, threshold, None)
        own = self.calibration.of_group(self.species.get(individual, ""))
        calibration = own.of_encounter(photos) if photos > 1 else own
        return calibration, choice.by(calibration, self.calibration)

    def _checked_choice(
        self, max_fpir: float | None, threshold: float | None, score: Score | None
    ) -> _ThresholdChoice:
        if score not in (None, self.calibration.score):
            raise BadQuery(
                f"score is {score!r}, but the catalogue's thresholds were fitted for "
                f"{self.calibration.score!r}; distances of two scores cannot be compared"
            )
        self.calibration.thresholds(max_fpir=max_fpir, threshold=threshold)
        return _ThresholdChoice(max_fpir, threshold)

    def _answers(
        self, vectors: FloatArray, k: int, choice: _ThresholdChoice
    ) -> list[Identification]:
        ranked = self.gallery.rank(vectors, self.ranked_count(k), self.calibration.score)
        return [self._answer(candidates, k, choice) for candidates in ranked]

    def _answer(
        self, ranked: Sequence[Candidate], k: int, choice: _ThresholdChoice, photos: int = 1
    ) -> Identification:
        nearest = ranked[0] if ranked else None
        calibration = self.calibration_for(nearest, photos)
        thresholds = choice.by(calibration, self.calibration)
        distances = [each.distance for each in ranked]
        matches = tuple(
            Match(each.individual, each.distance, probability, each.photo)
            for each, probability in zip(ranked, calibration.probabilities(distances), strict=True)
        )[:k]
        first = matches[0] if matches else None
        probability = first.probability if first else 0.0
        new_probability = 1 - calibration.known_probability(distances)
        return Identification(
            matches=matches,
            decision=decide(first.distance if first else NOBODY, thresholds, probability),
            probability=probability,
            reason=explain(first, thresholds, new_probability if calibration.is_fitted else None),
            thresholds=thresholds,
            revision=self.gallery.revision,
            fingerprint=self.gallery.fingerprint,
            individuals_searched=self.gallery.individual_count,
            species=self.species_predictor.predict(ranked),
            new_probability=new_probability,
            calibrated_on=calibration.name,
        )


class _ThresholdChoice(NamedTuple):
    """What a request says of thresholds, checked against the whole catalogue's calibration."""

    max_fpir: float | None
    threshold: float | None

    def by(self, calibration: Calibration, whole: Calibration) -> Thresholds:
        """The thresholds of a group; what it can't promise itself is not looser than the whole's.

        Raises BadCalibration for a rate that not even the whole can promise.
        """
        of_whole = whole.thresholds(max_fpir=self.max_fpir, threshold=self.threshold)
        if calibration is whole:
            return of_whole
        if self.max_fpir is None or self.max_fpir >= calibration.smallest_rate:
            return calibration.thresholds(max_fpir=self.max_fpir, threshold=self.threshold)
        own = calibration.thresholds(max_fpir=calibration.smallest_rate)
        return replace(own, known=min(own.known, of_whole.known))
