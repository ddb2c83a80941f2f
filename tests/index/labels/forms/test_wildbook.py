"""Wildbook's bulk-import table, with the columns of its documentation."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.labels.labelled_photo import BadLabels
from index.labels.reader import read_labels
from tests.index.labels.forms.conftest import WriteTable

PHOTO, WHO = "Encounter.mediaAsset0", "MarkedIndividual.individualID"
DATE = [f"Encounter.{part}" for part in ("year", "month", "day", "hour", "minutes")]
PLACE = ["Encounter.verbatimLocality", "Encounter.decimalLatitude", "Encounter.decimalLongitude"]


def test_a_row_is_an_encounter_of_one_animal_with_its_photos(workbook: WriteTable):
    columns = [
        *(PHOTO, "Encounter.mediaAsset1", WHO, "Encounter.genus", "Encounter.specificEpithet"),
        *(*DATE, *PLACE, "Encounter.locationID", "Encounter.sex", "Encounter.occurrenceID"),
        "Encounter.photographer0.fullName",
    ]
    row = ["a.jpg", "sub/d.jpg", "001", "Megaptera", "novaeangliae", 2020, 4, 3, 14, 5]
    row += ["Bank", 42.5, -70, "Gulf of Maine", "Female", "trip7", "Jo"]
    labels = read_labels(workbook(columns, [row]), None)
    assert [photo.name for photo in labels.photos] == ["a.jpg", "sub/d.jpg"]
    for photo in labels.photos:
        assert (photo.individual, photo.species) == ("001", "Megaptera novaeangliae")
        assert (photo.taken_at, photo.encounter) == ("2020-04-03T14:05", "trip7")
        assert (photo.place, photo.region) == ("Bank (42.5, -70.0)", "Gulf of Maine")
        assert photo.sex == "female"
    told = labels.warnings[0]
    assert told.startswith("columns of table.xlsx: Encounter.mediaAsset0 -> photo, ")
    assert f"{WHO} -> individual" in told
    assert "Encounter.decimalLatitude -> place" in told
    assert told.endswith("; not read: Encounter.photographer0.fullName")


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([2020, None, None, None, None], "2020"),
        ([2020, 4, None, 12, None], "2020-04"),  # an hour of no day says nothing
        ([2020, 4, 3, None, None], "2020-04-03"),
        ([2020, 4, 3, 24, 60], "2020-04-03T00:00"),
        ([2020, 4, 3, 9, None], "2020-04-03T09:00"),
        ([None, None, None, None, None], None),
    ],
)
def test_a_date_is_as_exact_as_the_row_says(
    workbook: WriteTable, numbers: list[int | None], expected: str | None
):
    (photo,) = read_labels(workbook([PHOTO, WHO, *DATE], [["a.jpg", "w", *numbers]]), None).photos
    assert photo.taken_at == expected


def test_milliseconds_are_a_moment(workbook: WriteTable):
    columns = [PHOTO, WHO, "Encounter.dateInMilliseconds"]
    (photo,) = read_labels(workbook(columns, [["a.jpg", "w", 1516685992499]]), None).photos
    assert photo.taken_at == "2018-01-23T05:39:52Z"


def test_nobody_and_a_row_without_a_photo(workbook: WriteTable):
    columns = [PHOTO, WHO, "Encounter.occurrenceID"]
    rows = [
        ["a.jpg", None, "t"],
        ["b.jpg", "unknown", "t"],
        ["c.jpg", None, None],
        [None, "w", "t"],
    ]
    labels = read_labels(workbook(columns, rows), None)
    # Two animals that nobody knows are never one encounter.
    assert [(one.individual, one.encounter) for one in labels.photos] == [
        (None, "t"),
        (None, "t (2)"),
        (None, "c.jpg"),
    ]
    told = "\n".join(labels.warnings)
    assert "left out, as they name no photo: 1 row" in told
    assert "in 1 encounter, get an encounter each, such as 't' and 't (2)'" in told
    assert "read as new_whale, an animal that nobody knows: '' (2 photos), 'unknown'" in told


@pytest.mark.parametrize(
    ("columns", "cells", "said"),
    [
        ([WHO, "Encounter.individualID"], ["w", "v"], "individualID differ, v and w; keep"),
        ([WHO, "Encounter.year", "Encounter.month"], ["w", 2020, 13], "month '13' isn't a number"),
        ([WHO, *PLACE], ["w", "x", 95, 1], "decimalLatitude and decimalLongitude must be degrees"),
        ([WHO, *PLACE], ["w", "x", 5, None], "both or none"),
        ([WHO, WHO], ["w", "w"], "is there twice; keep one"),
    ],
)
def test_what_makes_no_sense_is_refused(
    workbook: WriteTable, columns: list[str], cells: list[object], said: str
):
    with pytest.raises(BadLabels, match=said):
        read_labels(workbook([PHOTO, *columns], [["a.jpg", *cells]]), None)


def test_the_same_as_csv_and_in_another_letter_case(photos: Path):
    csv = photos / "bulk.csv"
    csv.write_text("Encounter.MediaAsset.0,Encounter.individualID,Encounter.year\na.jpg,w,2020.0\n")
    (photo,) = read_labels(csv, None).photos
    assert (photo.individual, photo.taken_at) == ("w", "2020")
