"""What curators decided stands against label files that were written before."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from index.catalogue import Catalogue
from index.curation import Curator
from index.decided import Decided, read_decided
from index.reindex import build_catalogue, update_catalogue
from index.undoing import undo


@pytest.fixture
def catalogue(tmp_path: Path, season: Any, embedder: Any) -> Generator[Catalogue]:
    path = tmp_path / "catalogue.db"
    build_catalogue(path, season.labels(), embedder)
    with Catalogue.open(path) as opened:
        yield opened


@pytest.fixture
def curator(catalogue: Catalogue) -> Curator:
    return Curator(catalogue, made_by="ada")


def decided(catalogue: Catalogue) -> Decided:
    with Session(catalogue.engine) as session:
        return read_decided(session)


def names(catalogue: Catalogue) -> set[str]:
    return {photo.name for photo in catalogue.photos()}


def test_nothing_is_decided_at_first(catalogue: Catalogue) -> None:
    assert decided(catalogue) == Decided({}, frozenset())
    assert decided(catalogue).name_now("w_01") == "w_01"
    assert decided(catalogue).name_now(None) is None


def test_a_deleted_photo_stays_away_until_it_is_asked_for(
    catalogue: Catalogue, curator: Curator, season: Any, embedder: Any
) -> None:
    curator.delete("a00_0.png")
    assert decided(catalogue).away == {"a00_0.png"}
    report = update_catalogue(catalogue, season.labels(), embedder)
    assert (report.is_new_revision, report.added, report.kept_away) == (False, 0, 1)
    assert "a00_0.png" not in names(catalogue)
    report = update_catalogue(catalogue, season.labels(), embedder, bring_back=True)
    assert (report.added, report.kept_away) == (1, 0)
    assert "a00_0.png" in names(catalogue)
    assert decided(catalogue).away == frozenset()


def test_an_undone_deletion_and_an_undone_addition_keep_nothing_away(
    catalogue: Catalogue, curator: Curator, season: Any, embedder: Any
) -> None:
    gone = curator.delete("a00_0.png")
    back = undo(catalogue, gone.revision, made_by="ada")
    assert decided(catalogue).away == frozenset()
    undo(catalogue, back.revision, made_by="ada")
    assert decided(catalogue).away == {"a00_0.png"}
    season.draw("new_0.png", "w_01", take=7)
    added = update_catalogue(catalogue, season.labels(), embedder)
    assert (added.added, added.kept_away) == (1, 1)
    undo(catalogue, added.revision, made_by="ada")
    assert "new_0.png" not in names(catalogue)
    assert decided(catalogue).away == {"a00_0.png"}


def test_what_an_update_took_out_may_come_again(catalogue: Catalogue, season: Any, embedder: Any) -> None:
    row = season.rows.pop("a00_0.png")
    assert update_catalogue(catalogue, season.labels(), embedder, prune=True).removed == 1
    assert decided(catalogue).away == frozenset()
    season.rows["a00_0.png"] = row
    assert update_catalogue(catalogue, season.labels(), embedder).added == 1


def test_labels_with_a_merged_name_make_no_new_revision(
    catalogue: Catalogue, curator: Curator, season: Any, embedder: Any
) -> None:
    curator.merge("w_01", "w_00")
    before = catalogue.revision
    report = update_catalogue(catalogue, season.labels(), embedder)
    assert (report.is_new_revision, report.relabelled, catalogue.revision) == (False, 0, before)
    assert {photo.individual for photo in catalogue.photos() if photo.name.startswith("a01")} == {"w_00"}


def test_names_of_renamed_and_then_merged_individuals_lead_to_who_is_left(
    catalogue: Catalogue, curator: Curator
) -> None:
    curator.rename("w_01", "Salt")
    curator.merge("Salt", "w_00")
    assert decided(catalogue).names == {"Salt": "w_00", "w_01": "w_00"}
    curator.rename("w_00", "Pepper")
    assert decided(catalogue).names == {"Salt": "Pepper", "w_01": "Pepper", "w_00": "Pepper"}
    curator.edit("w_05", {"other_names": ["Old", "w_02"]})
    curator.edit("w_06", {"other_names": ["Old"]})
    # What two were called leads to neither, and w_02 is somebody's own name.
    assert decided(catalogue).name_now("Old") == "Old"
    assert decided(catalogue).name_now("w_02") == "w_02"
