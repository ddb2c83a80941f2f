"""index/identification/screening.py: what shows no animal is never known, and a catalogue of other
animals doesn't refuse its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from PIL import Image as PillowImage

from embedding.photos.photo import Box, Image
from embedding.screening import Screening
from index.calibration.fitting import fit_trials
from index.calibration.trials import Trials
from index.identification.identifier import Identifier
from index.search.gallery import Gallery
from index.search.matching import BadQuery

At = Callable[..., np.ndarray]
LAYERS = ((np.array([[9.0, 0.0]], np.float32), np.zeros(1, np.float32)),)
TURNS = ((np.zeros((4, 2), np.float32), np.array([9, 0, 0, 0], np.float32)),)


class ScreeningAngles:
    """Embeds an image at the angle that its width says; animals are within 90 degrees of 0."""

    fingerprint = "a" * 64
    dimension = 2

    def __init__(self, at: At, threshold: float = 0.3) -> None:
        self._at = at
        self.screening = Screening(LAYERS, TURNS, threshold, 0.9)

    def embed(
        self, images: Sequence[Image], boxes: Sequence[Box | None] | None = None
    ) -> np.ndarray:
        return self._at(*[image.width for image in images])


def identifier_of(at: At, *angles: int, threshold: float = 0.3) -> Identifier:
    names = [f"{angle}.jpg" for angle in angles]
    gallery = Gallery.build(
        names, [f"w_{angle}" for angle in angles], at(*angles), fingerprint="a" * 64, revision=7
    )
    known = Trials(np.array([[0.1], [0.2], [0.4]]) + np.arange(5) * 0.2, np.array([1, 1, 2]))
    calibration = fit_trials(known, 0.3 + 0.02 * np.arange(30))
    return Identifier(ScreeningAngles(at, threshold), gallery, calibration)


def test_no_animal_comes_before_every_other_decision(at: At) -> None:
    identifier = identifier_of(at, 10, 20, 60, 95)
    animal, blank = identifier.identify_vectors(at(20, 95), animal_threshold=0.5)
    assert (animal.decision, blank.decision) == ("known", "no_animal")
    assert blank.probability == 0 and [match.probability for match in blank.matches] == [0] * 4
    assert blank.matches[0].individual == "w_95" and blank.matches[0].distance == 0
    assert "No animal" in blank.reason
    assert animal.animal is not None and blank.animal is not None
    assert animal.animal.score > 0.9 > blank.animal.threshold == 0.5 > blank.animal.score


def test_the_threshold_is_the_checkpoint_s_or_less_where_the_catalogue_scores_less(at: At) -> None:
    flukes = identifier_of(at, *range(60), threshold=0.3)
    assert flukes.screen.threshold == 0.3
    others = identifier_of(at, *range(120, 180), threshold=0.3)
    assert 0 < others.screen.threshold < 0.02
    assert {one.decision for one in others.identify_vectors(at(*range(120, 180)))} == {"known"}
    (never,) = flukes.identify_vectors(at(170), animal_threshold=0)
    assert never.decision == "new_whale"


def test_a_few_photos_of_other_animals_leave_room_for_the_next(at: At) -> None:
    few = identifier_of(at, 120, 130, 140)
    (answer,) = few.identify_vectors(at(143))
    assert answer.decision == "known"


def test_an_encounter_shows_no_animal_only_where_no_photo_does(at: At) -> None:
    identifier = identifier_of(at, 10, 20, 30)
    both = identifier.identify_encounter(at(20, 170))
    none = identifier.identify_encounter(at(165, 170))
    assert (both.decision == "no_animal", none.decision) == (False, "no_animal")
    assert none.reason.startswith("2 photos together: No animal")


def test_a_checkpoint_without_a_head_never_says_so(at: At) -> None:
    identifier = identifier_of(at, 10, 20, 30)
    bare = ScreeningAngles(at)
    bare.screening = None
    plain = Identifier(bare, identifier.gallery, identifier.calibration)
    (answer,) = plain.identify([PillowImage.new("RGB", (170, 1))])
    assert (answer.decision, answer.animal) == ("new_whale", None)
    assert answer.quality is not None and answer.quarter_turns == 0


@pytest.mark.parametrize("threshold", [-0.1, 1.5, float("nan")])
def test_a_threshold_that_is_no_score_is_refused(at: At, threshold: float) -> None:
    identifier = identifier_of(at, 10, 20)
    with pytest.raises(BadQuery, match="give a score from 0"):
        identifier.identify([PillowImage.new("RGB", (10, 1))], animal_threshold=threshold)
