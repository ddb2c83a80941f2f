"""Images in, answers out: ranked matches, one decision, where they came from; foreign catalogues
refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from PIL import Image as PillowImage

from embedding.photos.photo import Box, Image
from index.calibration.calibration import BadCalibration, Calibration
from index.calibration.fitting import fit_trials
from index.calibration.trials import Trials
from index.identification.identifier import Identifier, WrongFingerprint
from index.search.gallery import Gallery
from index.search.matching import BadQuery, Score
from index.search.vectors import BadVectors, Embedder

At = Callable[..., np.ndarray]


class AngleEmbedder:
    """Embeds an image at the angle that its width says, in degrees."""

    fingerprint = "a" * 64
    dimension = 2

    def __init__(self, at: At) -> None:
        self._at = at
        self.boxes: Sequence[Box | None] | None = None

    def embed(
        self, images: Sequence[Image], boxes: Sequence[Box | None] | None = None
    ) -> np.ndarray:
        self.boxes = boxes
        return self._at(*[image.width for image in images])


def image(degrees: int) -> Image:
    return PillowImage.new("RGB", (degrees, 1))


def calibration(score: Score = "nearest") -> Calibration:
    """Known trials right within .2, wrong at .4; unknown ones at .3, .32, ... .88."""
    distances = np.array([[0.1], [0.2], [0.4], [0.4]]) + np.arange(5) * 0.2
    known = Trials(distances, np.array([1, 1, 2, 7]))
    unknown = 0.3 + 0.02 * np.arange(30)
    return fit_trials(known, unknown, score=score)


@pytest.fixture
def identifier(at: At) -> Identifier:
    gallery = Gallery.build(
        ["a1.jpg", "a2.jpg", "b1.jpg", "c1.jpg"],
        ["w_a", "w_a", "w_b", "w_c"],
        at(10, 20, 100, 180),
        fingerprint="a" * 64,
        revision=7,
    )
    return Identifier(AngleEmbedder(at), gallery, calibration())


def test_the_stand_in_is_an_embedder(at: At) -> None:
    embedder: Embedder = AngleEmbedder(at)
    assert embedder.embed([image(60)]).shape == (1, embedder.dimension)


def test_known_review_and_new_whale_at_known_angles(identifier: Identifier) -> None:
    # known within .32 and new_whale beyond .48; 21 is 1 degree from a2, 233 is 53 from c1, 260 is
    # 80 from it.
    near, between, far = identifier.identify([image(21), image(233), image(260)])
    assert [answer.decision for answer in (near, between, far)] == ["known", "review", "new_whale"]
    assert [match.individual for match in near.matches] == ["w_a", "w_b", "w_c"]
    assert near.matches[0].photo == "a2.jpg"
    assert near.matches[0].distance == pytest.approx(1 - np.cos(np.radians(1)), abs=1e-6)
    assert between.matches[0].distance == pytest.approx(1 - np.cos(np.radians(53)), abs=1e-6)
    assert far.matches[0].individual == "w_c"


def test_the_threshold_of_a_request_decides(identifier: Identifier) -> None:
    # 60 degrees: 40 from each neighbour, distance .234.
    decisions = [
        identifier.identify([image(60)], threshold=threshold)[0].decision
        for threshold in (0.2, 0.24, 0.9)
    ]
    assert decisions == ["new_whale", "known", "known"]


def test_the_rate_of_a_request_decides(identifier: Identifier) -> None:
    # No more than the first of 30 strangers may pass. 30 from w_c: distance .134
    (strict,) = identifier.identify([image(150)], max_fpir=0.09)
    assert strict.decision == "known"
    assert strict.thresholds.known == pytest.approx(0.32)
    (loose,) = identifier.identify([image(140)], max_fpir=0.5)
    # Half of the strangers come within .54, but beyond .38 most answers would be wrong.
    assert loose.thresholds.known == pytest.approx(0.38)
    with pytest.raises(BadCalibration, match=r"the smallest that can is 0\.0452"):
        identifier.identify([image(150)], max_fpir=0.01)


def test_an_answer_names_where_it_came_from(identifier: Identifier) -> None:
    (answer,) = identifier.identify([image(21)], k=2)
    assert (answer.revision, answer.fingerprint, answer.individuals_searched) == (7, "a" * 64, 3)
    assert len(answer.matches) == 2
    assert answer.probability == answer.matches[0].probability > answer.matches[1].probability
    assert answer.reason.startswith("w_a (distance 0.000; known up to 0.3")


def test_images_and_their_vectors_get_the_same_answer(identifier: Identifier, at: At) -> None:
    images = [image(21), image(75), image(170)]
    assert identifier.identify(images, k=3) == identifier.identify_vectors(at(21, 75, 170), k=3)


def test_boxes_reach_the_embedder(at: At, identifier: Identifier) -> None:
    embedder = AngleEmbedder(at)
    box = Box(0.1, 0.2, 0.9, 0.8)
    Identifier(embedder, identifier.gallery, identifier.calibration).identify([image(21)], [box])
    assert embedder.boxes == [box]


def test_no_images_get_no_answers(identifier: Identifier) -> None:
    assert identifier.identify([]) == []


def test_a_gallery_without_individuals_answers_new_whale_and_says_why(at: At) -> None:
    empty = Gallery.build([], [], np.zeros((0, 2), np.float32), fingerprint="a" * 64, revision=1)
    (answer,) = Identifier(AngleEmbedder(at), empty, calibration()).identify([image(21)])
    assert (answer.decision, answer.matches, answer.probability) == ("new_whale", (), 0.0)
    assert "nobody to compare with" in answer.reason


def test_a_catalogue_of_another_checkpoint_is_refused_with_the_mending_command(at: At) -> None:
    foreign = Gallery.build(["a.jpg"], ["w_a"], at(0), fingerprint="b" * 64, revision=1)
    with pytest.raises(
        WrongFingerprint, match=r"b{12}, but .* a{12}. .*`flukeprint index update --catalogue"
    ):
        Identifier(AngleEmbedder(at), foreign, calibration())


def test_a_query_with_nan_is_an_error_and_no_new_whale(identifier: Identifier, at: At) -> None:
    with pytest.raises(BadVectors, match="NaN"):
        identifier.identify_vectors(at(0) * np.nan)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0}, "k is 0"),
        ({"max_fpir": 0.1, "threshold": 0.5}, "both max_fpir and threshold"),
        ({"max_fpir": 1.5}, "between 0 and 1"),
        ({"threshold": 3.0}, "from 0 to 2"),
        ({"score": "centre"}, "thresholds were fitted for 'nearest'"),
    ],
)
def test_options_out_of_range_are_refused(
    identifier: Identifier, at: At, options: dict, message: str
) -> None:
    with pytest.raises(BadQuery, match=message):
        identifier.identify_vectors(at(0), **options)


def test_an_answer_uses_the_score_that_was_calibrated(identifier: Identifier, at: At) -> None:
    by_centre = Identifier(identifier.embedder, identifier.gallery, calibration("centre"))
    (answer,) = by_centre.identify_vectors(at(15), score="centre")
    assert answer.matches[0].distance == pytest.approx(0.0, abs=1e-6)


def test_an_encounter_is_one_answer_by_the_mean_of_its_photos(
    identifier: Identifier, at: At
) -> None:
    answer = identifier.identify_encounter(at(20, 40), k=2)
    assert [match.individual for match in answer.matches] == ["w_a", "w_b"]
    assert answer.matches[0].distance == pytest.approx(
        (0 + 1 - np.cos(np.radians(20))) / 2, abs=1e-6
    )
    assert answer.matches[0].photo == "a2.jpg"
    assert answer.decision == "known"
    assert answer.reason.startswith("2 photos together: w_a (distance 0.030")
    assert (answer.revision, answer.individuals_searched) == (7, 3)


def test_an_encounter_of_one_photo_is_that_photos_answer(identifier: Identifier, at: At) -> None:
    (alone,) = identifier.identify_vectors(at(50), max_fpir=0.1)
    together = identifier.identify_encounter(at(50), max_fpir=0.1)
    assert together.matches == alone.matches
    assert (together.decision, together.thresholds) == (alone.decision, alone.thresholds)
    assert together.reason == f"One photo: {alone.reason}"


def test_an_encounter_without_photos_is_refused(identifier: Identifier) -> None:
    with pytest.raises(BadQuery, match="holds no photo"):
        identifier.identify_encounter(np.zeros((0, 2), np.float32))
