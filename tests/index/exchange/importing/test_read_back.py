"""Exports in every format, imported again: the same catalogue."""

from __future__ import annotations

import shutil
import zipfile

import pytest

from index.catalogue.catalogue import Catalogue
from index.curation.curator import Curator
from index.curation.listings import Directory
from index.curation.undo import undo
from index.exchange.importing.run import known_photos
from index.tables.workbooks import read_workbook
from tests.index.exchange.importing.statuses import export, statuses


@pytest.mark.parametrize("form", ["csv", "coco", "camtrap-dp"])
@pytest.mark.parametrize("suffix", ["", ".zip"])
def test_an_export_read_back_is_the_same_catalogue(
    tmp_path, catalogue, bring, knowledge, form, suffix
):
    out = export(catalogue, form, tmp_path / f"export{suffix}")
    new = tmp_path / "new.db"
    assert set(statuses(bring(out, new)).values()) == {"added"}
    assert knowledge(new) == knowledge(catalogue)
    # And into the catalogue itself it changes nothing.
    assert set(statuses(bring(out, catalogue)).values()) == {"unchanged"}


def test_a_region_of_a_label_is_its_encounters_and_stands_where_a_label_says_none(
    catalogue, field_season, bring, tmp_path
):
    regions = {photo.name: photo.region for photo in known_photos(catalogue)}
    assert (regions["a0_0.jpg"], regions["a1_0.jpg"], regions["stranger.png"]) == (
        "Gulf of Maine",
        None,
        "Gulf of Maine",
    )
    for row in field_season.rows.values():
        row.pop("region", None)
    field_season.labels()
    assert set(statuses(bring(field_season.folder, catalogue)).values()) == {"unchanged"}
    field_season.rows["a1_0.jpg"] |= {"region": "Massachusetts Bay"}  # and so of all photos of e1
    field_season.labels()
    rows = bring(field_season.folder, catalogue)
    assert (
        rows["a1_0.jpg"].reason
        == rows["trip/a1_1.jpg"].reason
        == "region none -> Massachusetts Bay"
    )
    with Catalogue.open(catalogue) as opened:
        told = {each.name: each.region for each in Directory(opened).encounters()}
        assert told["e1"] == "Massachusetts Bay"
        undo(opened, opened.revision, made_by="ada")
        assert {each.name: each.region for each in Directory(opened).encounters()}["e1"] is None


def test_a_zip_of_folders_read_back_is_the_same_but_for_the_names(
    tmp_path, catalogue, bring, knowledge
):
    out = export(catalogue, "zip", tmp_path / "export.zip")
    with zipfile.ZipFile(out) as archive:
        assert sorted(archive.namelist())[:3] == [
            "labels.csv",
            "new_whale/stranger.png",
            "w_0/a0_0.jpg",
        ]
    new = tmp_path / "new.db"
    assert set(statuses(bring(out, new)).values()) == {"added"}
    facts = ("individual", "species", "encounter", "taken_at", "content_hash", "box")
    assert knowledge(new, *facts) == knowledge(catalogue, *facts)
    assert set(statuses(bring(out, catalogue)).values()) == {"skipped"}


def test_kaggles_form_keeps_individuals_and_photos(tmp_path, catalogue, bring, knowledge):
    out = export(catalogue, "kaggle", tmp_path / "export")
    assert (out / "train.csv").read_text().splitlines()[:2] == ["Image,Id", "a0_0.jpg,w_0"]
    new = tmp_path / "new.db"
    bring(out, new)
    facts = ("name", "individual", "content_hash")
    assert knowledge(new, *facts) == knowledge(catalogue, *facts)


@pytest.mark.parametrize("suffix", ["", ".zip"])
def test_wildlife_datasets_table_keeps_all(tmp_path, catalogue, bring, knowledge, suffix):
    note_more(catalogue)
    out = export(catalogue, "wildlife-datasets", tmp_path / f"export{suffix}")
    new = tmp_path / "new.db"
    assert set(statuses(bring(out, new)).values()) == {"added"}
    assert knowledge(new) == knowledge(catalogue)
    more = ("name", "viewpoint", "sex")
    assert knowledge(new, *more) == knowledge(catalogue, *more)
    assert set(statuses(bring(out, catalogue)).values()) == {"unchanged"}


def test_wildbooks_workbook_keeps_encounters_and_all_that_it_has_columns_for(
    tmp_path, catalogue, bring, knowledge
):
    note_more(catalogue)
    out = export(catalogue, "wildbook", tmp_path / "export.zip", has_places=True)
    with zipfile.ZipFile(out) as archive:
        assert "wildbook.xlsx" in archive.namelist()
    new = tmp_path / "new.db"
    assert set(statuses(bring(out, new)).values()) == {"added"}
    facts = ("name", "individual", "species", "encounter", "region", "sex", "place", "content_hash")
    assert knowledge(new, *facts) == knowledge(catalogue, *facts)
    # A row has one date, to the minute; boxes and sides have no column.
    taken = dict(knowledge(new, "name", "taken_at"))
    assert (taken["a0_0.jpg"], taken["a2_0.jpg"]) == ("2018", "2018-06-01T12:30")
    assert [fact for row in knowledge(new, "viewpoint", "box") for fact in row] == [None] * 18
    place = dict(knowledge(new, "name", "place"))["a0_0.jpg"]
    assert place == "Stellwagen Bank (42.36, -70.31)"


def test_without_places_wildbooks_workbook_has_none(tmp_path, catalogue, bring, knowledge):
    note_more(catalogue)
    out = export(catalogue, "wildbook", tmp_path / "out.xlsx", has_photos=False)
    (sheet,) = read_workbook(out)
    text = str(sheet.rows)
    assert "Encounter.locationID" in text
    assert "Stellwagen" not in text and "42.36" not in text and "verbatimLocality" not in text


def test_happywhales_form_keeps_species_too(tmp_path, catalogue, bring, knowledge):
    out = export(catalogue, "happywhale", tmp_path / "export")
    assert (out / "train.csv").read_text().splitlines()[0] == "image,species,individual_id"
    assert "stranger.png,,new_individual" in (out / "train.csv").read_text()
    new = tmp_path / "new.db"
    bring(out, new)
    facts = ("name", "individual", "species", "content_hash")
    assert knowledge(new, *facts) == knowledge(catalogue, *facts)


def test_a_label_fills_in_a_place_a_side_and_a_sex_and_replaces_none(
    tmp_path, catalogue, bring, knowledge
):
    table = tmp_path / "table" / "labels.csv"
    table.parent.mkdir()
    table.write_text(
        "image,label,encounter,place,viewpoint,sex\na0_0.jpg,w_0,e0,Cove,left,F\n"
        "stranger.png,unknown,e9,Bay,,male\n"
    )
    rows = bring(table, catalogue)
    assert rows["a0_0.jpg"].reason == (
        "its place, which was none; viewpoint none -> left; sex none -> female"
    )
    assert "Cove" not in str(rows)  # reports are shown to many, and places are private
    facts = ("place", "viewpoint", "sex")
    told = {name: facts for name, *facts in knowledge(catalogue, "name", *facts)}
    assert told["a0_0.jpg"] == ["Cove", "left", "female"]
    assert told["trip/a0_1.jpg"] == ["Cove", None, "female"]  # of its encounter and its animal
    assert told["stranger.png"] == ["Bay", None, None]
    assert set(statuses(bring(table, catalogue)).values()) == {"unchanged"}
    table.write_text("image,label,encounter,place,viewpoint,sex\na0_0.jpg,w_0,e0,X,right,M\n")
    assert set(statuses(bring(table, catalogue)).values()) == {"unchanged"}
    with Catalogue.open(catalogue) as opened:
        undo(opened, opened.revision, made_by="ada")
    assert dict(knowledge(catalogue, "name", "place"))["a0_0.jpg"] is None


def note_more(catalogue) -> None:
    """Note a place, a side and a sex."""
    with Catalogue.open(catalogue) as opened:
        directory = Directory(opened)
        (photo,) = [one for one in directory.photos() if one.name == "a0_0.jpg"]
        (met,) = [one for one in directory.encounters() if one.name == "e0"]
        curator = Curator(opened, made_by="ada")
        curator.edit_encounter(met.key, {"place": "Stellwagen Bank (42.36, -70.31)"})
        curator.edit_photo(photo.name, {"viewpoint": "left"})
        curator.edit("w_0", {"sex": "female"})


def test_a_folder_for_each_individual_and_a_zip_around_it(tmp_path, bring, draw_pattern, knowledge):
    for number, name in enumerate(("ada/1.jpg", "ada/2.jpg", "rex/1.jpg", "loose.jpg")):
        draw_pattern(tmp_path / "dogs" / name, number)
    shutil.make_archive(str(tmp_path / "dogs"), "zip", tmp_path, "dogs")
    for source in ("dogs", "dogs.zip"):
        new = tmp_path / f"{source}.db"
        rows = bring(tmp_path / source, new)
        assert rows["loose.jpg"].status == "no_label"
        assert knowledge(new, "name", "individual") == [
            ("ada/1.jpg", "ada"),
            ("ada/2.jpg", "ada"),
            ("rex/1.jpg", "rex"),
        ]


def test_what_a_zip_leaves_out_is_told(tmp_path, bring, draw_pattern):
    draw_pattern(tmp_path / "a.jpg", 1)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "a.jpg", "ada/a.jpg")
        archive.writestr("../evil.jpg", b"x")
    rows = bring(tmp_path / "a.zip", tmp_path / "new.db")
    assert statuses(rows) == {"../evil.jpg": "left_out", "ada/a.jpg": "added"}
