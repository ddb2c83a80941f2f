"""Whom a search finds: by names, regions, years, and places where these may be seen."""

from __future__ import annotations

import pytest

from index.curation.curator import Curator
from index.curation.listings import Directory


@pytest.fixture
def directory(catalogue, season):
    curator = Curator(catalogue, made_by="ada")
    curator.edit("w_03", {"display_name": "Salt", "other_names": ["GOM-0104"]})
    (met,) = Directory(catalogue).encounters(individual="w_00")
    curator.edit_encounter(met.key, {"region": "Gulf of Maine", "place": "Secret Cove"})
    return Directory(catalogue)


@pytest.fixture
def season(season):
    season.rows["a00_0.png"] |= {"encounter": "e1", "taken_at": "2018-06-01"}
    season.rows["a01_0.png"] |= {"taken_at": "2019-06-01"}
    return season


def found(directory, search, **more):
    return [one.name for one in directory.individuals(search=search, limit=9, **more)]


def test_every_word_is_found_somewhere(directory):
    assert found(directory, "gulf") == ["w_00"]
    assert found(directory, "MAINE 2018") == ["w_00"]
    assert found(directory, "maine 2019") == []
    assert found(directory, "2019") == ["w_01"]
    assert "w_00" not in found(directory, "01")  # part of a year is no year
    assert found(directory, "gom-0104 salt") == ["w_03"]


def test_a_place_is_found_only_by_who_may_see_it(directory):
    assert found(directory, "cove") == []
    assert found(directory, "secret cove", has_places=True) == ["w_00"]
