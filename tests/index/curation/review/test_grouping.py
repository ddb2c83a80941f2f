"""Encounters that are proposed: one series, a quarter of an hour, never two known animals."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice

import pytest

from index.curation.review.grouping import (
    NewSighting,
    ProposedEncounter,
    free_names,
    parse_clock,
    propose_encounters,
    spans_around,
)

START = datetime(2026, 5, 28, 9, 40)
BAY = ("bay", "camera 1")


def at(
    minutes: float, individual: str | None = None, *, known: bool = False, series: object = BAY
) -> NewSighting:
    return NewSighting(series, START + timedelta(minutes=minutes), individual, known)  # type: ignore[arg-type]


def grouped(*sightings: NewSighting | None) -> list[list[int]]:
    return sorted(sorted(one.photos) for one in propose_encounters(sightings))


def test_photos_of_a_quarter_of_an_hour_are_one_encounter_and_later_ones_another() -> None:
    assert grouped(at(0), at(7), at(15), at(15.1), at(40)) == [[0, 1, 2], [3], [4]]
    assert grouped(at(15), at(0), at(7)) == [[0, 1, 2]]  # in whichever order they come


def test_another_folder_or_camera_is_another_encounter() -> None:
    other_camera, other_folder = ("bay", "camera 2"), ("north", "camera 1")
    found = grouped(at(0), at(1, series=other_camera), at(2), at(3, series=other_folder))
    assert found == [[0, 2], [1], [3]]


def test_a_photo_without_a_time_stays_alone() -> None:
    assert grouped(at(0), None, at(1)) == [[0, 2]]


def test_two_known_animals_are_never_one_encounter() -> None:
    found = grouped(
        at(0, "w_1", known=True),
        at(1, "w_2", known=True),
        at(2, "w_1"),  # not sure, but nearest to w_1
        at(3, "w_2"),
        at(4, "w_1", known=True),
    )
    assert found == [[0, 2, 4], [1, 3]]


def test_an_unsure_photo_goes_to_the_nearest_in_time_where_nobody_on_it_is_known() -> None:
    assert grouped(at(0, "w_1", known=True), at(9, "w_2", known=True), at(7, "w_3")) == [
        [0],
        [1, 2],
    ]


def test_an_encounter_that_is_there_gets_more_photos() -> None:
    there = ProposedEncounter(BAY, START, START, "2026-05-28 09:40")
    there.add(at(0, "w_1", known=True))
    one, other = propose_encounters([at(2), at(6, "w_2", known=True)], [there])
    assert (one.name, one.photos) == ("2026-05-28 09:40", [0])
    assert (other.name, other.photos) == (None, [1])


def test_an_encounter_that_gets_nothing_is_not_proposed_again() -> None:
    there = ProposedEncounter(BAY, START, START, "2026-05-28 09:40")
    assert propose_encounters([None, at(30)], [there])[0].name is None


def test_names_of_one_minute_differ_by_a_letter() -> None:
    names = free_names("2026-05-28 09:40", {"2026-05-28 09:40", "2026-05-28 09:40 c"})
    assert list(islice(names, 2)) == ["2026-05-28 09:40 b", "2026-05-28 09:40 d"]
    assert list(islice(free_names("e", ()), 25, 28)) == ["e z", "e 27", "e 28"]


@pytest.mark.parametrize("text", [None, "", "2026-05-28", "yesterday Thursday"])
def test_a_day_alone_is_no_time(text: str | None) -> None:
    assert parse_clock(text) is None


def test_a_clock_is_read_without_its_offset() -> None:
    assert parse_clock("2026-05-28T09:40:00-07:00") == START
    assert parse_clock("2026-05-28T09:40:00Z") == START


def test_spans_hold_every_photo_of_an_encounter_that_a_new_one_may_come_to() -> None:
    times = [START + timedelta(minutes=minutes) for minutes in (0, 200, 50)]
    assert spans_around(times) == [
        ("2026-05-28T09:10:00", "2026-05-28T11:00:00"),
        ("2026-05-28T12:30:00", "2026-05-28T13:30:00"),
    ]
    assert spans_around([]) == []
