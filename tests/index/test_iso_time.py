"""Times as people and programs write them become one form, or are refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.labels.camtrap import camtrap_texts
from index.labels.labelled_photo import LabelledPhoto
from index.timestamps import iso_time


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("2021", "2021"),
        (" 2021-04 ", "2021-04"),
        ("2021-04-03", "2021-04-03"),
        ("20210403", "2021-04-03"),
        ("2021:04:03", "2021-04-03"),
        ("2021-W13-6", "2021-04-03"),
        ("2021W136", "2021-04-03"),
        ("2021-04-03T14", "2021-04-03T14:00"),
        ("2021-04-03T1405", "2021-04-03T14:05"),
        ("2021-04-03 00:00", "2021-04-03T00:00"),
        ("20210403T140500", "2021-04-03T14:05:00"),
        ("2021:04:03 14:05:00", "2021-04-03T14:05:00"),
        ("2021-04-03   14:05:00", "2021-04-03T14:05:00"),
        ("2021-04-03t14:05:00z", "2021-04-03T14:05:00Z"),
        ("2021-04-03T14:05:00 +02:00", "2021-04-03T14:05:00+02:00"),
        ("2021-04-03T14:05:00+0200", "2021-04-03T14:05:00+02:00"),
        ("2021-04-03T14:05+02", "2021-04-03T14:05+02:00"),
        ("2021-04-03T14:05:00\u221207:30", "2021-04-03T14:05:00-07:30"),
        ("2021-04-03T14:05:00+00:00", "2021-04-03T14:05:00Z"),
        ("2021-04-03T14:05:00,5", "2021-04-03T14:05:00.5"),
        ("2021-04-03T14:05:00.500000Z", "2021-04-03T14:05:00.500000Z"),
        ("2021-04-03T14:05:00.123456789", "2021-04-03T14:05:00.123456"),
        ("2021/04/03 14:05:00", "2021-04-03T14:05:00"),
        ("2021/4/3", "2021-04-03"),
        ("2021.04.03", "2021-04-03"),
        ("2021-4-3", "2021-04-03"),
        ("2021-093", "2021-04-03"),
        ("2020-366", "2020-12-31"),
        ("2021-04-03 14:05:00 UTC", "2021-04-03T14:05:00Z"),
        ("2021\u201104\u201103", "2021-04-03"),
        ("2021-04-03T24:00:00Z", "2021-04-04T00:00:00Z"),
        ("2021:12:31 24:00:00", "2022-01-01T00:00:00"),
    ],
)
def test_each_way_to_write_a_time_becomes_one_form(written: str, stored: str) -> None:
    assert iso_time(written) == stored
    assert iso_time(stored) == stored


@pytest.mark.parametrize(
    "written",
    [
        *(" ", "0000", "0000:00:00 00:00:00", "2021-13", "2021-02-30", "2021/4-3", "03/04/2021"),
        *(
            "3.4.2021",
            "210403",
            "2021-W13",
            "2021-W54-1",
            "2021-366",
            "9999-12-31T24:00",
            "44289",
            "44289.5",
        ),
        *("2021-04-03x14:05", "2021-04-03T24:01", "2021-04-03T14:5", "2021-04-03T14:05 pm"),
        *("2021-04-03T14:05:00+25:00", "2021-04-03T14:05:00+02:00:30", "2021-04-03+02:00"),
        *("2021-04T14:05", "٢٠٢١-٠٤-٠٣", "14:05", "summer 2021", "2021-04-03T14:05:00 CET"),
    ],
)
def test_what_is_no_time_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        iso_time(written)


@given(st.datetimes(), st.sampled_from(["", "Z", "+02:00", "-11:30"]))
def test_what_python_writes_is_read_and_a_second_time_the_same(at, offset: str) -> None:
    stored = iso_time(at.isoformat() + offset)
    assert stored.startswith(at.isoformat(timespec="seconds"))
    assert stored.endswith(offset)
    assert iso_time(stored) == stored


def test_camtrap_dp_writes_times_that_its_readers_take_also_of_older_catalogues(tmp_path) -> None:
    photos = [
        LabelledPhoto(f"{taken_at}.jpg", tmp_path, "A", taken_at=taken_at)
        for taken_at in ("20210403", "2021-W13-6", "2021-04-03T14", "2021-04-03T14:05:00,5", "soon")
    ]
    texts = camtrap_texts(photos, {}, created="2026-01-01T00:00:00Z")
    written = [line.split(",")[3] for line in texts["media.csv"].splitlines()[1:4]]
    assert written == ["2021-04-03T00:00:00Z"] * 2 + ["2021-04-03T14:00:00Z"]
    assert texts["media.csv"].splitlines()[5].split(",")[3] == ""
    assert json.loads(texts["datapackage.json"])["temporal"]["end"] == "2021-04-03"
