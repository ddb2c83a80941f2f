"""Each score at distances known in the head, and the extreme values against a fit by scipy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.stats

from index.search.matching import BadQuery
from training.evaluation.compare import open_set
from training.evaluation.compare.open_set import (
    ExtremeValues,
    distance_and_gap,
    fit_weibull,
    gap,
    nearest_distance,
    neighbourhood_aware,
)

At = Callable[..., np.ndarray]

# A sure answer, one with a rival as near, and one without any other individual left in.
DISTANCES = np.array([[0.6, 0.1, 0.5], [0.2, 0.3, 0.2], [np.inf, np.inf, 0.4]])


def test_the_nearest_distance_and_the_gap_to_the_second() -> None:
    np.testing.assert_allclose(nearest_distance(DISTANCES), [0.1, 0.2, 0.4])
    np.testing.assert_allclose(gap(DISTANCES), [-0.4, 0.0, -np.inf])
    np.testing.assert_allclose(distance_and_gap(DISTANCES[:2], weight=0.5), [-0.1, 0.2])


def test_a_gap_needs_two_individuals() -> None:
    with pytest.raises(BadQuery, match="needs two individuals"):
        gap(DISTANCES[:, :1])


def test_neighbourhood_awareness_is_a_softmax_over_the_nearest() -> None:
    # At temperature .1 the two nearest weigh 1 and exp(-4); then two weigh the same.
    np.testing.assert_allclose(
        neighbourhood_aware(DISTANCES, k=2, temperature=0.1), [1 - 1 / (1 + np.exp(-4)), 0.5, 0.0]
    )
    third = 1 / (1 + np.exp(-4) + np.exp(-5))
    np.testing.assert_allclose(
        neighbourhood_aware(DISTANCES[:1], k=9, temperature=0.1), [1 - third]
    )


@pytest.mark.parametrize(("k", "temperature"), [(1, 0.1), (2, 0.0), (2, -1.0), (2, np.nan)])
def test_a_softmax_over_one_or_without_temperature_is_refused(k: int, temperature: float) -> None:
    with pytest.raises(BadQuery, match="give at least 2 individuals and more than 0"):
        neighbourhood_aware(DISTANCES, k=k, temperature=temperature)


@pytest.mark.parametrize(("shape", "scale"), [(0.8, 0.3), (2.0, 0.05), (30.0, 1.5)])
def test_the_weibull_fit_is_the_likeliest(
    rng: np.random.Generator, shape: float, scale: float
) -> None:
    values = scale * rng.weibull(shape, size=(3, 400))
    shapes, scales = fit_weibull(values)
    for row, fitted in enumerate(zip(shapes, scales, strict=True)):
        wanted, _, wanted_scale = scipy.stats.weibull_min.fit(values[row], floc=0)
        assert fitted == pytest.approx((wanted, wanted_scale), rel=1e-3)
    assert shapes.mean() == pytest.approx(shape, rel=0.1) and scales.mean() == pytest.approx(
        scale, rel=0.1
    )


def test_margins_are_half_the_way_to_others_alone(at: At) -> None:
    # w_0 at 0 and 10, w_1 at 60, w_2 at 90. The two margins of the photo at 60 are to 90 and to 10.
    margins = open_set._margins(at(0, 10, 60, 90), np.array([0, 0, 1, 2]), 2)

    def half(degrees: float) -> float:
        return (1 - float(np.cos(np.radians(degrees)))) / 2

    np.testing.assert_allclose(np.sort(margins[2]), [half(30), half(50)], atol=1e-6)
    np.testing.assert_allclose(np.sort(margins[0]), [half(60), half(90)], atol=1e-6)


def test_extreme_values_judge_by_the_individual_s_own_surroundings(at: At) -> None:
    # w_0 lives alone; w_1 and w_2 are crowded. Five degrees away is well within w_0's margins and
    # not within w_1's.
    columns = np.array([0, 0, 1, 1, 2, 2])
    values = ExtremeValues(at(0, 4, 100, 104, 110, 114), columns, tail=2)
    lonely, crowded = values.novelty(at(357, 98), np.array([0, 1]))
    assert lonely < crowded
    near, far = values.novelty(at(2, 40), np.array([0, 0]))
    assert near < far
    assert values.novelty(at(100), np.array([1])) == pytest.approx(0, abs=1e-9)  # on a photo
    assert values.novelty(at(), np.array([], np.int64)).tolist() == []


def test_the_individual_s_best_photo_counts(at: At) -> None:
    columns = np.array([0, 0, 1, 1])
    values = ExtremeValues(at(0, 40, 150, 160), columns, tail=2)
    assert values.novelty(at(40), np.array([0])) == pytest.approx(0, abs=1e-9)


def test_equal_photos_of_two_individuals_leave_no_margin_but_no_error(at: At) -> None:
    values = ExtremeValues(at(0, 0, 0, 90), np.array([0, 1, 2, 3]), tail=2)
    assert np.isfinite(values.novelty(at(1), np.array([0]))).all()


def test_a_tail_longer_than_the_gallery_takes_what_there_is(at: At) -> None:
    vectors, columns = at(0, 4, 100, 104, 110), np.array([0, 0, 1, 1, 2])
    asked = at(30), np.array([0])
    longest = ExtremeValues(vectors, columns, tail=99).novelty(*asked)
    np.testing.assert_array_equal(longest, ExtremeValues(vectors, columns, tail=3).novelty(*asked))


@pytest.mark.parametrize(
    ("degrees", "columns", "tail"), [((0, 50, 90), [0, 1, 2], 1), ((0, 50), [0, 1], 5), ((), [], 5)]
)
def test_too_few_margins_are_refused(
    at: At, degrees: tuple[float, ...], columns: list[int], tail: int
) -> None:
    with pytest.raises(BadQuery, match="2 are needed for a margin"):
        ExtremeValues(at(*degrees), np.array(columns, np.int64), tail=tail)


def test_blocks_change_nothing(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rng.normal(size=(30, 5))
    vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    columns = np.repeat(np.arange(10), 3)
    whole = ExtremeValues(vectors, columns, tail=4).novelty(vectors, columns[::-1])
    monkeypatch.setattr(open_set, "_BLOCK_BYTES", 1)
    np.testing.assert_array_equal(
        ExtremeValues(vectors, columns, tail=4).novelty(vectors, columns[::-1]), whole
    )
