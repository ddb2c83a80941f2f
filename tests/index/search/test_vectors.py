"""Vectors that cannot be compared are named, with the row and what is wrong."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from index.search.vectors import BadVectors, check_vectors

At = Callable[..., np.ndarray]


def test_unit_rows_pass_as_contiguous_float32(at: At) -> None:
    rows = np.asfortranarray(at(0, 60, 90).astype(np.float64))
    checked = check_vectors(rows, dimension=2, named="queries")
    assert checked.dtype == np.float32 and checked.flags.c_contiguous
    np.testing.assert_array_equal(checked, at(0, 60, 90))


def test_no_rows_are_fine() -> None:
    assert check_vectors(np.zeros((0, 4), np.float32), dimension=4, named="queries").shape == (0, 4)


def test_a_vector_stored_as_fp16_is_still_a_unit_vector(rng: np.random.Generator) -> None:
    rows = rng.normal(size=(50, 256))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)
    assert check_vectors(rows, named="queries").shape == (50, 256)


def test_a_single_vector_must_be_a_row(at: At) -> None:
    with pytest.raises(BadVectors, match=r"queries have shape \(2,\); give rows of shape \(n, d\)"):
        check_vectors(at(0)[0], named="queries")


def test_a_wrong_dimension_names_both(at: At) -> None:
    with pytest.raises(BadVectors, match=r"queries have dimension 2, but .* dimension 256"):
        check_vectors(at(0), dimension=256, named="queries")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_a_number_names_its_row(at: At, value: float) -> None:
    rows = at(0, 60, 90)
    rows[1, 0] = value
    with pytest.raises(BadVectors, match="row 1 of the queries holds NaN or infinity"):
        check_vectors(rows, named="queries")


@pytest.mark.parametrize("scale", [0.0, 0.5, 1.02])
def test_a_length_that_is_not_one_names_its_row(at: At, scale: float) -> None:
    rows = at(0, 60)
    rows[1] *= scale
    with pytest.raises(BadVectors, match="row 1 of the catalogue vectors has length"):
        check_vectors(rows, named="catalogue vectors")
