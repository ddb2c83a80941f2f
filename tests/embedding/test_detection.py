"""embedding/detection.py: cells to animals, with known answers."""

from __future__ import annotations

import numpy as np
import pytest

from embedding.detection import (
    animals_of,
    box_within,
    is_elsewhere,
    overlaps_with,
    window_around,
)
from embedding.photos.box import WHOLE, Animal, as_rows
from embedding.photos.photo import Box

LEFT, RIGHT = (0.0, 0.0, 0.4, 0.5), (0.5, 0.5, 0.9, 1.0)


def cells(*rows: tuple[float, tuple[float, ...]]) -> np.ndarray:
    return np.array([(score, *box) for score, box in rows], np.float32)


def test_cells_of_one_animal_become_one_box_each_counting_by_its_score() -> None:
    wider = (0.0, 0.0, 0.5, 0.5)  # overlaps by 4 / 5
    (animal,) = animals_of(cells((0.3, wider), (0.9, LEFT)))
    assert animal.score == pytest.approx(0.9)
    np.testing.assert_allclose(animal.box, (0, 0, (0.9 * 0.4 + 0.3 * 0.5) / 1.2, 0.5), atol=1e-6)


def test_two_animals_come_surest_first() -> None:
    found = animals_of(cells((0.5, LEFT), (0.8, RIGHT), (0.45, RIGHT)))
    np.testing.assert_allclose([animal.box for animal in found], [RIGHT, LEFT], atol=1e-6)
    np.testing.assert_allclose([animal.score for animal in found], [0.8, 0.5], atol=1e-6)


def test_nothing_is_found_where_no_cell_is_sure() -> None:
    assert animals_of(cells((0.2, LEFT), (0.1, RIGHT))) == []
    assert len(animals_of(cells((0.2, LEFT)), least_score=0.1)) == 1
    assert animals_of(np.zeros((0, 5), np.float32)) == []


def test_a_box_without_an_area_ends() -> None:
    flat = (0.5, 0.5, 0.5, 0.5)
    assert [animal.box for animal in animals_of(cells((0.9, flat)))] == [Box(*flat)]


def test_overlaps_are_those_of_the_definition() -> None:
    boxes = np.array([LEFT, RIGHT, (0.2, 0.0, 0.6, 0.5)], np.float32)
    np.testing.assert_allclose(overlaps_with(boxes[0], boxes), [1, 0, 1 / 3], atol=1e-6)


def test_rows_are_plain_numbers() -> None:
    assert as_rows([Animal(Box(*LEFT), 0.5)]) == [{"box": [*LEFT], "score": 0.5}]


def test_a_box_is_elsewhere_where_it_hardly_overlaps() -> None:
    assert not is_elsewhere(Box(*LEFT), Box(0.05, 0, 0.4, 0.5))
    assert is_elsewhere(Box(*LEFT), Box(*RIGHT))
    assert is_elsewhere(WHOLE, Box(0.4, 0.4, 0.6, 0.6))  # far too large


def test_a_window_is_a_bit_larger_and_within_the_photo() -> None:
    assert window_around(Box(0.4, 0.0, 0.8, 0.4)) == pytest.approx((0.35, 0, 0.85, 0.45))
    assert box_within(Box(0.2, 0.4, 0.6, 0.8), Box(0.5, 0, 1, 0.5)) == pytest.approx(
        (0.4, 0.4, 0.6, 0.6)
    )
