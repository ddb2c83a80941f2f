"""Sightings are encounters, and days of photos without one; nothing private goes by itself."""

from __future__ import annotations

import pytest

from index.catalogue.catalogue import Catalogue
from index.curation.curator import Curator
from index.sightings.reading import read_sightings
from index.sightings.selection import BadSelection, Selection
from index.sightings.summary import summarise


@pytest.fixture
def season(season):
    """One animal met four times, twice in one encounter; two strangers, one of them dated."""
    dates = {"a01_0.png": "2019-07-01", "a01_1.png": "2019-07-01T10:00:00", "a01_2.png": "2020-08"}
    for name, taken_at in dates.items():
        season.rows[name]["taken_at"] = taken_at
    for take in range(2):
        name = f"a01_met_{take}.png"
        details = {"encounter": "e1", "taken_at": f"2026-05-0{take + 1}", "region": "the gulf"}
        season.draw(name, "w_01", take=3 + take, species="humpback_whale", **details)
    season.rows["stranger_1.png"]["taken_at"] = "2026-05-03"
    return season


def of_one(catalogue: Catalogue):
    return read_sightings(catalogue, "w_01", has_authors=True).sightings


def test_photos_make_sightings_by_encounter_and_by_day(catalogue: Catalogue) -> None:
    assert [(one.at, one.encounter, one.photos) for one in of_one(catalogue)] == [
        ("2019-07-01", None, ("a01_0.png", "a01_1.png")),
        ("2020-08", None, ("a01_2.png",)),
        ("2026-05-01", "e1", ("a01_met_0.png", "a01_met_1.png")),
    ]
    last = of_one(catalogue)[-1]
    assert (last.region, last.species, last.year) == ("the gulf", "humpback_whale", 2026)


def test_all_are_read_with_strangers_and_what_has_no_time_is_last(catalogue: Catalogue) -> None:
    found = read_sightings(catalogue)
    assert found.revision == 1
    assert len(found.sightings) == 3 + 11 + 2  # photos without a date are one sighting each animal
    strangers = [(one.at, one.photos) for one in found.sightings if one.individual is None]
    assert strangers == [("2026-05-03", ("stranger_1.png",)), (None, ("stranger_2.png",))]
    assert [one.at is None for one in found.sightings] == [False] * 4 + [True] * 12


def test_notes_tell_who_wrote_them_and_when(catalogue: Catalogue, curator: Curator) -> None:
    key = of_one(catalogue)[-1].encounter_key
    curator.edit_encounter(key, {"notes": "with a calf", "place": "42.3, -70.2"})
    Curator(catalogue, made_by="ben").edit_encounter(key, {"observer": "Cleo"})
    last = of_one(catalogue)[-1]
    assert (last.notes, last.notes_by, last.place) == ("with a calf", "ada", "42.3, -70.2")
    assert last.notes_at is not None
    assert last.notes_at.startswith("20")
    assert read_sightings(catalogue, "w_01").sightings[-1].notes_by is None


def test_a_summary_counts_sightings_years_and_the_days_between(catalogue: Catalogue) -> None:
    found = summarise(of_one(catalogue))
    assert (found.sightings, found.photos, found.years) == (3, 5, 3)
    assert (found.first_at, found.last_at, found.last_region) == (
        "2019-07-01",
        "2026-05-01",
        "the gulf",
    )
    assert found.days_before_last == 2496  # from 2019-07-01: of 2020 only the month is known
    assert summarise([]).days_before_last is None
    assert summarise(of_one(catalogue)[:1]).days_before_last is None


@pytest.mark.parametrize(
    ("selection", "photos"),
    [
        ({}, 16),
        ({"since": "2026"}, 2),
        ({"since": "2020-08-15", "until": "2026-05-01"}, 2),
        ({"until": "2019-07-01"}, 1),
        ({"region": "the gulf"}, 1),
        ({"species": "humpback_whale"}, 1),
        ({"individual": "w_01"}, 3),
        ({"individual": "w_01", "since": "2021"}, 1),
    ],
)
def test_a_selection_is_by_time_species_region_and_individual(
    catalogue: Catalogue, selection: dict[str, str], photos: int
) -> None:
    found = read_sightings(catalogue).selected(Selection.checked(**selection))
    assert len(found) == photos


def test_a_selection_that_can_not_be_is_refused() -> None:
    with pytest.raises(BadSelection, match=r"since: 'May' isn't a date such as 2026"):
        Selection.checked(since="May")
    with pytest.raises(BadSelection, match=r"until, 2025, is before since, 2026"):
        Selection.checked(since="2026", until="2025")
