"""Coordinates are read out of places as people write them, and nothing else is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.places.coordinates import (
    COARSE_DEGREES,
    Position,
    coarse,
    coarse_uncertainty_m,
    position_in,
)


@pytest.mark.parametrize(
    ("text", "latitude", "longitude"),
    [
        ("44.1, -68.2", 44.1, -68.2),
        ("44.1 -68.2", 44.1, -68.2),
        ("52, 23", 52, 23),
        ("(52.70442; 23.84995)", 52.70442, 23.84995),
        ("-33.5, 151.3", -33.5, 151.3),
        ("Stellwagen Bank (42.36, -70.31)", 42.36, -70.31),
        ("off Stellwagen Bank, 42.36, -70.31", 42.36, -70.31),
        ("44°06'N 68°12'W", 44.1, -68.2),
        ("44°06′30″N, 68°12′00″W", 44.108333, -68.2),
        ("44 06.5 N, 68 12 W", 44.108333, -68.2),
        ("N44 06.5, W68 12", 44.108333, -68.2),
        ("N44.1 W68.2", 44.1, -68.2),
        ("44.1°N 68.2°W", 44.1, -68.2),
        ("44.1N 68.2W", 44.1, -68.2),
        ("33°30'S 151°18'E", -33.5, 151.3),
        ("the north bay, 44:06:00N 68:12:00W", 44.1, -68.2),
        ("Baleal, 39°22'N 9°20'O", 39.366667, -9.333333),
    ],
)
def test_a_position_is_read(text: str, latitude: float, longitude: float) -> None:
    assert position_in(text) == Position(latitude, longitude)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "Stellwagen Bank",
        "Secret Cove, 12",
        "Route 44, 68",
        "buoy 3, 4 nm out",
        "95.0, 12.0",
        "44.1, -190.5",
        "44°75'N 68°12'W",
        "2026-05-28",
        "12",
        "1.5 km S of the light",
    ],
)
def test_what_is_no_position_is_not_taken_for_one(text: str | None) -> None:
    assert position_in(text) is None


@given(st.text(max_size=60))
def test_any_text_is_read_or_not(text: str) -> None:
    found = position_in(text)
    assert found is None or (abs(found.latitude) <= 90 and abs(found.longitude) <= 180)


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_a_coarse_position_is_the_middle_of_its_cell(latitude: float, longitude: float) -> None:
    made = coarse(Position(latitude, longitude))
    assert abs(made.latitude - latitude) <= COARSE_DEGREES / 2 + 1e-6
    assert abs(made.longitude - longitude) <= COARSE_DEGREES / 2 + 1e-6
    assert coarse(made) == made
    steps = (made.latitude / COARSE_DEGREES - 0.5, made.longitude / COARSE_DEGREES - 0.5)
    assert all(step == round(step) for step in steps)


def test_the_uncertainty_is_half_a_diagonal() -> None:
    at_equator, far_north = (
        coarse_uncertainty_m(Position(latitude, 0.25)) for latitude in (0.25, 60)
    )
    assert 39_000 < at_equator < 39_700
    assert 30_000 < far_north < 32_000
