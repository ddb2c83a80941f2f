"""Exports that people edit and send back: their edits come in, and no photo comes in twice."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from index.catalogue.catalogue import Catalogue
from index.curation.curator import Curator
from index.exchange.importing.run import known_photos
from tests.index.exchange.importing.statuses import export, statuses


@pytest.fixture
def placed(tmp_path, make_season, bring):
    """A catalogue of six photos whose files say where they were taken."""
    season = make_season(tmp_path / "cards")
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (44.0, 30.0, 1.0)}
    for number in range(6):
        name = f"day {number % 2}/p{number}.jpg"
        (season.folder / name).parent.mkdir(exist_ok=True)
        noise = Image.effect_noise((24, 16), 90).resize((240, 160), Image.Resampling.BICUBIC)
        noise.convert("RGB").save(season.folder / name, exif=exif)
        season.rows[name] = {"label": f"w_{number // 2}", "species": "humpback", "encounter": "e1"}
    season.labels()
    catalogue = tmp_path / "placed.db"
    assert set(statuses(bring(season.folder, catalogue)).values()) == {"added"}
    return catalogue


def edited_zip(path: Path, edit) -> Path:
    """The zip with its spreadsheet edited."""
    new = path.with_name("edited.zip")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(new, "w") as archive:
        for name in old.namelist():
            data = old.read(name)
            is_table = name in ("labels.csv", "annotations.json", "observations.csv", "train.csv")
            archive.writestr(name, edit(data.decode("utf-8-sig")) if is_table else data)
    return new


def facts(catalogue, fact: str) -> list[tuple]:
    return [(photo.name, getattr(photo, fact)) for photo in known_photos(catalogue)]


@pytest.mark.parametrize(
    ("before", "after", "fact"),
    [
        (",humpback,", ",fin,", "species"),
        (",e1,", ",e2,", "encounter"),
        (",w_0,", ",w_9,", "individual"),
    ],
)
def test_edits_of_an_exported_zip_are_taken(tmp_path, placed, bring, before, after, fact):
    out = export(placed, "zip", tmp_path / "export.zip")
    names, old = [name for name, _ in facts(placed, fact)], facts(placed, fact)
    rows = bring(edited_zip(out, lambda text: text.replace(before, after)), placed)
    new = after.strip(",")
    assert facts(placed, fact) == [
        (name, new if value == before.strip(",") else value) for name, value in old
    ]
    assert [photo.name for photo in known_photos(placed)] == names
    row = next(row for row in rows.values() if row.status == "changed")
    assert row.like in names
    assert row.reason == f"{row.like}: {fact} {before.strip(',')} -> {new}"
    again = bring(edited_zip(out, lambda text: text.replace(before, after)), placed)
    assert set(statuses(again).values()) == {"skipped"}


@pytest.mark.parametrize("form", ["csv", "coco", "camtrap-dp", "kaggle"])
def test_an_export_without_places_is_known_and_its_edits_are_taken(tmp_path, placed, bring, form):
    out = export(placed, form, tmp_path / "export.zip")
    hashes = facts(placed, "content_hash")
    assert set(statuses(bring(out, placed)).values()) == {"unchanged"}
    rows = bring(edited_zip(out, lambda text: text.replace("w_0", "w_9")), placed)
    assert list(statuses(rows).values()).count("changed") == 2
    assert [who for _, who in facts(placed, "individual")].count("w_9") == 2
    assert facts(placed, "content_hash") == hashes


def test_an_export_never_replaces_originals(tmp_path, placed, bring):
    out = export(placed, "csv", tmp_path / "export.zip")
    hashes = facts(placed, "content_hash")
    rows = bring(out, placed, is_replacing=True)
    assert set(statuses(rows).values()) == {"unchanged"}
    assert facts(placed, "content_hash") == hashes


def test_an_edited_zip_without_its_column_of_hashes_is_known_by_its_names(tmp_path, placed, bring):
    out = export(placed, "zip", tmp_path / "export.zip")

    def edit(text: str) -> str:
        rows = [line.rpartition(",")[0] for line in text.splitlines()]
        return "\n".join(rows).replace(",w_0,", ",w_9,").replace(",humpback,", ",fin,")

    rows = bring(edited_zip(out, edit), placed)
    assert set(statuses(rows).values()) == {"changed"}
    assert {species for _, species in facts(placed, "species")} == {"fin"}
    assert [who for _, who in facts(placed, "individual")].count("w_9") == 2
    assert len(known_photos(placed)) == 6


def test_a_spreadsheet_without_its_photos_is_matched_by_content(tmp_path, placed, bring):
    out = export(placed, "zip", tmp_path / "export.zip")
    with zipfile.ZipFile(out) as archive:
        text = archive.read("labels.csv").decode("utf-8-sig")
    (tmp_path / "sent").mkdir()
    table = tmp_path / "sent" / "labels.csv"
    table.write_text(text.replace(",humpback,", ",fin,"))
    assert set(statuses(bring(table, placed)).values()) == {"changed"}
    assert {species for _, species in facts(placed, "species")} == {"fin"}


def test_another_picture_beside_a_hash_is_no_exported_photo(tmp_path, placed, bring, draw_pattern):
    out = export(placed, "csv", tmp_path / "export")
    shutil.copytree(out, tmp_path / "edited")
    draw_pattern(tmp_path / "edited" / "day 0" / "p0.jpg", 900)
    row = bring(tmp_path / "edited", placed)["day 0/p0.jpg"]
    assert (row.status, row.reason.split(";")[0]) == (
        "refused",
        "another file is catalogued under this name",
    )


def test_pictures_saved_again_by_another_program_are_matched_by_their_hash(tmp_path, placed, bring):
    out = export(placed, "coco", tmp_path / "export")
    for path in out.rglob("*.jpg"):
        Image.open(path).save(path, quality=60)
    document = json.loads((out / "annotations.json").read_text())
    document["annotations"][0]["individual_id"] = "w_9"
    (out / "annotations.json").write_text(json.dumps(document))
    counts = list(statuses(bring(out, placed)).values())
    assert (counts.count("changed"), counts.count("unchanged")) == (1, 5)


def test_what_a_duplicates_label_says_otherwise_is_told(tmp_path, placed, bring, make_season):
    season = make_season(tmp_path / "again")
    shutil.copy(tmp_path / "cards" / "day 0" / "p0.jpg", season.folder / "copy.jpg")
    season.rows["copy.jpg"] = {"label": "w_0", "species": "fin"}
    season.labels()
    row = bring(season.folder, placed)["copy.jpg"]
    assert (row.status, row.reason) == (
        "skipped",
        "the same file as day 0/p0.jpg; not taken: species humpback -> fin",
    )


def test_what_a_curator_decided_stands_against_an_older_export(tmp_path, placed, bring):
    out = export(placed, "zip", tmp_path / "export.zip")
    with Catalogue.open(placed) as opened:
        curator = Curator(opened, made_by="ada")
        curator.delete("day 0/p0.jpg")
        curator.move(["day 1/p1.jpg"], "w_8")
    rows = bring(out, placed)
    deleted, moved = rows["w_0/day 0_p0.jpg"], rows["w_0/day 1_p1.jpg"]
    assert (deleted.status, moved.status) == ("refused", "skipped")
    assert "a curator deleted" in deleted.reason
    assert moved.reason.endswith("a curator changed individual w_0 -> w_8, which stands")
    assert len(known_photos(placed)) == 5
