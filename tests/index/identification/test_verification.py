"""Photos against one individual and photo against photo: known answers at known angles."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from index.calibration.calibration import Calibration
from index.calibration.fitting import fit_trials
from index.calibration.trials import Trials
from index.identification.identifier import Identifier
from index.identification.verification import ComparedWith, verify, verify_encounter, verify_pair
from index.search.gallery import Gallery
from index.search.matching import BadQuery, Thresholds

At = Callable[..., np.ndarray]
THRESHOLDS = Thresholds(known=0.05, new_whale=0.3)


@pytest.fixture
def gallery(at: At) -> Gallery:
    """w_a at 0 and 10 degrees, w_b at 30, w_c at 180."""
    names = ["a0.jpg", "a10.jpg", "b.jpg", "c.jpg"]
    return Gallery.build(
        names, ["w_a", "w_a", "w_b", "w_c"], at(0, 10, 30, 180), fingerprint="f", revision=1
    )


@pytest.fixture
def calibration() -> Calibration:
    distances = np.linspace(0, 0.09, 50)[:, None] + np.arange(5) * 0.1
    return fit_trials(Trials(distances, np.ones(50, np.int64)), np.linspace(0.05, 1.0, 100))


def distance(degrees: float) -> float:
    return round(1 - float(np.cos(np.radians(degrees))), 6)


def test_all_photos_of_the_individual_are_compared_nearest_first(
    gallery: Gallery, calibration: Calibration, at: At
) -> None:
    (answer,) = verify(gallery, calibration, at(12), "w_a", THRESHOLDS)
    assert answer.compared == (
        ComparedWith("a10.jpg", distance(2)),
        ComparedWith("a0.jpg", distance(12)),
    )
    assert (answer.verdict, answer.distance, answer.rank, answer.nearest) == (
        "same",
        distance(2),
        1,
        "w_a",
    )
    assert "The same animal as w_a (distance 0.001; same up to 0.050)" in answer.reason


def test_near_enough_but_with_a_nearer_rival_is_for_review(
    gallery: Gallery, calibration: Calibration, at: At
) -> None:
    (answer,) = verify(gallery, calibration, at(21), "w_a", THRESHOLDS)
    assert distance(11) < THRESHOLDS.known, "or the test would prove nothing"
    assert (answer.verdict, answer.rank, answer.nearest) == ("review", 2, "w_b")
    assert "w_b is as near or nearer (distance 0.012)" in answer.reason


@pytest.mark.parametrize(("degrees", "verdict"), [(10, "same"), (40, "review"), (90, "different")])
def test_the_thresholds_of_identifying_decide(
    gallery: Gallery, calibration: Calibration, at: At, degrees: int, verdict: str
) -> None:
    (answer,) = verify(gallery, calibration, at(180 - degrees), "w_c", THRESHOLDS)
    assert (answer.verdict, answer.distance) == (verdict, distance(degrees))


@pytest.mark.parametrize("degrees", [3, 21, 25, 100])
def test_the_probability_is_the_one_that_identifying_gives(
    gallery: Gallery, calibration: Calibration, at: At, degrees: int
) -> None:
    class Nothing:
        fingerprint, dimension = "f", 2

        def embed(self, images: object, boxes: object = None) -> np.ndarray:
            raise AssertionError

    (identified,) = Identifier(Nothing(), gallery, calibration).identify_vectors(at(degrees), k=3)
    for rank, match in enumerate(identified.matches, start=1):
        (answer,) = verify(gallery, calibration, at(degrees), match.individual, THRESHOLDS)
        assert (answer.rank, answer.distance) == (rank, match.distance)
        assert answer.probability == match.probability


def test_equal_rivals_are_ranked_by_id(calibration: Calibration, at: At) -> None:
    gallery = Gallery.build(["x", "y"], ["w_x", "w_y"], at(5, 5), fingerprint="f", revision=1)
    ranks = [verify(gallery, calibration, at(5), one, THRESHOLDS)[0].rank for one in ("w_x", "w_y")]
    assert ranks == [1, 2]


def test_an_encounter_is_verified_by_the_mean(
    gallery: Gallery, calibration: Calibration, at: At
) -> None:
    answer = verify_encounter(gallery, calibration, at(0, 40), "w_a", THRESHOLDS)
    assert answer.distance == pytest.approx((0 + distance(30)) / 2, abs=1e-6)
    assert [one.photo for one in answer.compared] == ["a10.jpg", "a0.jpg"]
    assert answer.compared[0].distance == pytest.approx((distance(10) + distance(30)) / 2, abs=1e-6)
    assert (answer.rank, answer.verdict) == (1, "review")


def test_photo_against_photo(calibration: Calibration, at: At) -> None:
    answer = verify_pair(calibration, at(10)[0], at(70)[0], "other.jpg", THRESHOLDS)
    assert (answer.verdict, answer.distance, answer.rank, answer.nearest) == (
        "different",
        0.5,
        None,
        None,
    )
    assert answer.compared == (ComparedWith("other.jpg", 0.5),)
    assert answer.probability == calibration.probability(0.5, 1)
    assert verify_pair(calibration, at(10)[0], at(11)[0], "other.jpg", THRESHOLDS).verdict == "same"


def test_where_no_match_is_sure_the_reason_says_so(calibration: Calibration, at: At) -> None:
    answer = verify_pair(calibration, at(10)[0], at(10)[0], "other.jpg", Thresholds(-1.0, 0.5))
    assert answer.verdict == "review"
    assert "without review here" in answer.reason


def test_an_individual_that_is_not_known(
    gallery: Gallery, calibration: Calibration, at: At
) -> None:
    with pytest.raises(BadQuery, match="holds no photo of 'w_z'"):
        verify(gallery, calibration, at(0), "w_z", THRESHOLDS)
    with pytest.raises(BadQuery, match="holds no photo of 'w_z'"):
        verify_encounter(gallery, calibration, at(0), "w_z", THRESHOLDS)
