"""Telling individuals apart is an event: kept, undone, redone, and followed through what happens to
either.
"""

from __future__ import annotations

import pytest

from index.catalogue.catalogue import Catalogue
from index.catalogue.status import catalogue_status
from index.commands.tables import status_table
from index.curation.curator import BadCuration, CurationConflict, Curator, UnknownSubject
from index.curation.listings import Directory
from index.curation.not_same import mark_not_same, not_same_pairs
from index.curation.undo import undo


def test_it_is_an_event_that_tells_who_and_whom(catalogue: Catalogue) -> None:
    assert not_same_pairs(catalogue) == frozenset()
    event = mark_not_same(catalogue, "w_03", "w_01", made_by="ada")
    assert (event.revision, event.kind, event.photos) == (2, "tell apart", ())
    assert not_same_pairs(catalogue) == {("w_01", "w_03")}
    for name in ("w_01", "w_03"):
        (act,) = Directory(catalogue).history(subject=name)
        assert (act.revision, act.made_by, act.detail) == (
            2,
            "ada",
            {"individual": "w_03", "other": "w_01"},
        )
    assert Directory(catalogue).history(subject="w_02") == []


def test_the_calibration_before_it_still_stands(catalogue: Catalogue) -> None:
    before = catalogue.calibration().to_json()
    mark_not_same(catalogue, "w_03", "w_01", made_by="ada")
    assert catalogue.calibration().to_json() == before


def test_undone_it_is_as_if_never_said_and_redone_it_stands(catalogue: Catalogue) -> None:
    mark_not_same(catalogue, "w_03", "w_01", made_by="ada")
    undo(catalogue, 2, made_by="ada")
    assert not_same_pairs(catalogue) == frozenset()
    undo(catalogue, 3, made_by="ada")
    assert not_same_pairs(catalogue) == {("w_01", "w_03")}


def test_it_follows_renaming_and_merging(catalogue: Catalogue, curator: Curator) -> None:
    mark_not_same(catalogue, "w_01", "w_03", made_by="ada")
    curator.rename("w_01", "z_01")
    assert not_same_pairs(catalogue) == {("w_03", "z_01")}
    merge = curator.merge("w_03", "w_00")
    assert not_same_pairs(catalogue) == {("w_00", "z_01")}
    again = curator.merge("z_01", "w_00")
    assert not_same_pairs(catalogue) == frozenset()  # they turned out to be one after all
    undo(catalogue, again.revision, made_by="ada")
    undo(catalogue, merge.revision, made_by="ada")
    assert not_same_pairs(catalogue) == {("w_03", "z_01")}


def test_an_individual_that_undoing_took_out_is_in_no_pair(
    catalogue: Catalogue, curator: Curator
) -> None:
    moved = curator.move(["a00_0.png"], "w_50")
    mark_not_same(catalogue, "w_50", "w_00", made_by="ada")
    taken_back = undo(catalogue, moved.revision, made_by="ada")
    assert not_same_pairs(catalogue) == frozenset()
    curator.move(["a01_0.png"], "w_51")  # never has the other's key
    assert not_same_pairs(catalogue) == frozenset()
    undo(catalogue, taken_back.revision, made_by="ada")
    assert not_same_pairs(catalogue) == {("w_00", "w_50")}


def test_what_can_t_be_told_apart_changes_nothing(catalogue: Catalogue, curator: Curator) -> None:
    curator.merge("w_05", "w_04")
    mark_not_same(catalogue, "w_01", "w_03", made_by="ada")
    for one, other, error, said in [
        ("w_01", "w_01", BadCuration, "name two different individuals"),
        ("w_01", "nobody", UnknownSubject, "no individual 'nobody'"),
        ("w_05", "w_01", CurationConflict, "was merged into w_04"),
        ("w_03", "w_01", CurationConflict, "told apart already"),
    ]:
        with pytest.raises(error, match=said):
            mark_not_same(catalogue, one, other, made_by="ada")
    assert catalogue.revision == 3


def test_the_status_tells_such_an_act_by_its_name(catalogue: Catalogue) -> None:
    mark_not_same(catalogue, "w_03", "w_01", made_by="ada")
    told = catalogue_status(catalogue.address, None)
    table = status_table(told.to_json())
    lines = dict(zip(*(column.cells for column in table.columns), strict=True))
    assert str(lines["revision 2"]).endswith("Z: tell apart of 2")
    assert str(lines["revision 1"]).endswith("Z: 38 added")
