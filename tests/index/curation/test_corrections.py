"""What curators decided stands against label files that were written before."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from index.catalogue.catalogue import Catalogue
from index.curation.corrections import Corrections, read_corrections_within
from index.curation.curator import Curator
from index.curation.listings import Directory
from index.curation.undo import undo
from index.reindex.options import UpdateOptions
from index.reindex.update import update_catalogue


def decided(catalogue: Catalogue) -> Corrections:
    with Session(catalogue.engine) as session:
        return read_corrections_within(session)


def names(catalogue: Catalogue) -> set[str]:
    return {photo.name for photo in catalogue.photos()}


def test_nothing_is_decided_at_first(catalogue: Catalogue) -> None:
    assert decided(catalogue) == Corrections({}, frozenset())
    assert decided(catalogue).name_now("w_01") == "w_01"
    assert decided(catalogue).name_now(None) is None


def test_a_deleted_photo_stays_away_until_it_is_asked_for(
    catalogue: Catalogue, curator: Curator, season: Any, embedder: Any
) -> None:
    curator.delete("a00_0.png")
    assert decided(catalogue).deleted == {"a00_0.png"}
    report = update_catalogue(catalogue, season.labels(), embedder)
    assert (report.is_new_revision, report.added, report.kept_away) == (False, 0, 1)
    assert "a00_0.png" not in names(catalogue)
    report = update_catalogue(catalogue, season.labels(), embedder, UpdateOptions(bring_back=True))
    assert (report.added, report.kept_away) == (1, 0)
    assert "a00_0.png" in names(catalogue)
    assert decided(catalogue).deleted == frozenset()


def test_an_undone_deletion_and_an_undone_addition_keep_nothing_away(
    catalogue: Catalogue, curator: Curator, season: Any, embedder: Any
) -> None:
    gone = curator.delete("a00_0.png")
    back = undo(catalogue, gone.revision, made_by="ada")
    assert decided(catalogue).deleted == frozenset()
    undo(catalogue, back.revision, made_by="ada")
    assert decided(catalogue).deleted == {"a00_0.png"}
    season.draw("new_0.png", "w_01", take=7)
    added = update_catalogue(catalogue, season.labels(), embedder)
    assert (added.added, added.kept_away) == (1, 1)
    undo(catalogue, added.revision, made_by="ada")
    assert "new_0.png" not in names(catalogue)
    assert decided(catalogue).deleted == {"a00_0.png"}


def test_what_an_update_took_out_may_come_again(
    catalogue: Catalogue, season: Any, embedder: Any
) -> None:
    row = season.rows.pop("a00_0.png")
    assert (
        update_catalogue(catalogue, season.labels(), embedder, UpdateOptions(prune=True)).removed
        == 1
    )
    assert decided(catalogue).deleted == frozenset()
    season.rows["a00_0.png"] = row
    assert update_catalogue(catalogue, season.labels(), embedder).added == 1


def test_labels_with_a_merged_name_make_no_new_revision(
    catalogue: Catalogue, curator: Curator, season: Any, embedder: Any
) -> None:
    curator.merge("w_01", "w_00")
    before = catalogue.revision
    report = update_catalogue(catalogue, season.labels(), embedder)
    assert (report.is_new_revision, report.relabelled, catalogue.revision) == (False, 0, before)
    assert {photo.individual for photo in catalogue.photos() if photo.name.startswith("a01")} == {
        "w_00"
    }


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


def test_names_that_are_another_ones_are_told(
    catalogue: Catalogue, curator: Curator, season: Any, embedder: Any
) -> None:
    curator.edit("w_05", {"other_names": ["HB-12"]})
    season.draw("late_0.png", "HB-12")
    season.draw("late_1.png", "HB-12", take=1)
    report = update_catalogue(catalogue, season.labels(), embedder)
    assert (report.added, whose(catalogue, "late_0.png")) == (2, "w_05")
    assert report.warnings == (
        "2 photos labelled HB-12 count as w_05's, who has or had that name too",
    )


def whose(catalogue: Catalogue, photo: str) -> str | None:
    return next(each.individual for each in catalogue.photos() if each.name == photo)


def test_older_labels_undo_neither_a_move_nor_a_split(
    catalogue: Catalogue, curator: Curator, season: Any, embedder: Any
) -> None:
    curator.move(["a00_0.png"], "w_01")
    curator.split("w_02", ["a02_0.png", "a02_1.png"], "w_99")
    curator.move(["stranger_1.png"], "w_03")
    curator.move(["a04_0.png"], None)
    before = catalogue.revision
    report = update_catalogue(catalogue, season.labels(), embedder)
    assert (report.is_new_revision, report.relabelled, report.kept_curated) == (False, 0, 5)
    assert (catalogue.revision, whose(catalogue, "a00_0.png"), whose(catalogue, "a02_0.png")) == (
        before,
        "w_01",
        "w_99",
    )
    assert (whose(catalogue, "stranger_1.png"), whose(catalogue, "a04_0.png")) == ("w_03", None)
    report = update_catalogue(catalogue, season.labels(), embedder, UpdateOptions(labels_win=True))
    assert (report.relabelled, report.kept_curated) == (5, 0)
    assert (whose(catalogue, "a00_0.png"), whose(catalogue, "a02_0.png")) == ("w_00", "w_02")


def test_labels_that_say_a_third_thing_are_newer(
    catalogue: Catalogue, curator: Curator, season: Any, embedder: Any
) -> None:
    curator.move(["a00_0.png"], "w_01")
    season.rows["a00_0.png"] = {"label": "w_05"}
    report = update_catalogue(catalogue, season.labels(), embedder)
    assert (report.relabelled, report.kept_curated, whose(catalogue, "a00_0.png")) == (1, 0, "w_05")
    season.rows["a00_0.png"] = {"label": "w_00"}
    assert update_catalogue(catalogue, season.labels(), embedder).kept_curated == 1
    assert whose(catalogue, "a00_0.png") == "w_05"


def test_an_undone_move_stands_no_more_and_a_merged_name_is_followed(
    catalogue: Catalogue, curator: Curator, season: Any, embedder: Any
) -> None:
    moved = curator.move(["a00_0.png"], "w_01")
    back = undo(catalogue, moved.revision, made_by="ada")
    assert decided(catalogue).replaced == {}
    undo(catalogue, back.revision, made_by="ada")
    curator.merge("w_00", "w_05")
    curator.rename("w_05", "Salt")
    # Its labels say w_00, who is Salt now, from whom it was moved away.
    assert decided(catalogue).replaced == {"a00_0.png": {"individual": frozenset({"Salt"})}}
    report = update_catalogue(catalogue, season.labels(), embedder)
    assert (report.is_new_revision, report.kept_curated) == (False, 1)
    assert whose(catalogue, "a00_0.png") == "w_01"


def test_older_labels_leave_what_a_curator_noted(
    catalogue: Catalogue, curator: Curator, season: Any, embedder: Any
) -> None:
    season.rows["a00_0.png"] |= {
        "encounter": "e 1",
        "region": "the sea",
        "species": "fin whale",
        "taken_at": "2018",
    }
    update_catalogue(catalogue, season.labels(), embedder)
    curator.edit_photo("a00_0.png", {"species": "humpback", "taken_at": "2018-06-01"})
    (meeting,) = Directory(catalogue).encounters()
    curator.edit_encounter(
        meeting.key, {"name": "Monday", "place": "off the point", "region": "the bay"}
    )
    report = update_catalogue(catalogue, season.labels(), embedder)
    assert (report.is_new_revision, report.kept_curated) == (False, 1)
    photo = next(each for each in catalogue.photos() if each.name == "a00_0.png")
    assert (photo.species, photo.taken_at, photo.encounter) == ("humpback", "2018-06-01", "Monday")
    assert [(each.place, each.region) for each in Directory(catalogue).encounters()] == [
        ("off the point", "the bay")
    ]
