"""training/splits/by_time.py: what a date leaves open, and the moments that part photos."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from index.labels.reader import LabelledPhoto
from training.splits.by_time import cuts_of, moments
from training.splits.groups import Unit, units_of
from training.splits.protocol import BadSplit
from training.splits.stratified import Shares

LAST = {"hour": 23, "minute": 59, "second": 59, "microsecond": 999_999}


@pytest.mark.parametrize(
    ("told", "first", "last"),
    [
        ("2019", datetime(2019, 1, 1), datetime(2019, 12, 31, **LAST)),
        ("2019-12", datetime(2019, 12, 1), datetime(2019, 12, 31, **LAST)),
        ("2020-02", datetime(2020, 2, 1), datetime(2020, 2, 29, **LAST)),
        ("2019-05-07", datetime(2019, 5, 7), datetime(2019, 5, 7, **LAST)),
        ("2019-05-07T10:20:30", datetime(2019, 5, 7, 10, 20, 30), datetime(2019, 5, 7, 10, 20, 30)),
        ("2019-05-07T00:00:00+02:00", datetime(2019, 5, 6, 22), datetime(2019, 5, 6, 22)),
    ],
)
def test_a_date_may_be_any_moment_of_it(told: str, first: datetime, last: datetime) -> None:
    assert moments(told) == (first.replace(tzinfo=UTC), last.replace(tzinfo=UTC))


def taken(*days: str, encounter: str | None = None) -> list[Unit]:
    photos = [
        LabelledPhoto(f"{day}-{at}", Path(), "w", None, encounter, day)
        for at, day in enumerate(days)
    ]
    return units_of(photos, by_encounter=True)


def test_the_shares_are_found_among_the_dates() -> None:
    units = taken(*(f"2020-01-{day:02}" for day in range(1, 11)))
    cuts = cuts_of(units, Shares(validation=0.3, test=0.2))
    assert [cuts.part(unit) for unit in units] == ["train"] * 5 + ["validation"] * 3 + ["test"] * 2


def test_photos_of_one_day_are_not_parted() -> None:
    units = taken(*["2020-01-01"] * 5, *["2020-01-02"] * 5)
    cuts = cuts_of(units, Shares(validation=0, test=0.1))
    assert [cuts.part(unit) for unit in units] == ["train"] * 5 + ["test"] * 5


def test_what_lies_across_a_cut_belongs_nowhere() -> None:
    units = [*taken(*(f"2020-01-{day:02}" for day in range(1, 11))), *taken("2020")]
    assert cuts_of(units, Shares(validation=0, test=0.2)).part(units[-1]) is None


def test_an_undated_photo_is_early() -> None:
    units = taken("2020-01-01", "2020-01-02")
    undated = Unit("photo x", (LabelledPhoto("x", Path(), "w"),))
    assert cuts_of([*units, undated], Shares(0, 0.5)).part(undated) == "train"


def test_an_encounter_of_all_days_cannot_be_parted() -> None:
    with pytest.raises(BadSplit, match="no moment parts the photos"):
        cuts_of(taken("2020-01-01", "2020-02-01", encounter="one"), Shares())
