"""What is offered comes in once, with its reason where it doesn't; every export read back is the
same catalogue.
"""

from __future__ import annotations

import csv
import json
import shutil
import zipfile
from dataclasses import asdict
from pathlib import Path

import pytest

from index.catalogue.catalogue import BadCatalogue, Catalogue
from index.curation.curator import Curator
from index.curation.listings import Directory
from index.curation.undo import undo
from index.exchange.exporting.formats import make_export
from index.exchange.exporting.writing import write_export
from index.exchange.importing import run
from index.exchange.importing.plan import ImportOptions
from index.exchange.importing.report import report_csv, report_json, summary, write_report
from index.exchange.importing.run import apply_import, known_photos, plan_import
from index.exchange.importing.sources import read_source
from index.labels.reader import BadLabels
from index.storage.originals import media_folder


@pytest.fixture
def bring(tmp_path, embedder):
    """Plan and carry out; returns the rows of the plan by photo, having checked that both reports
    are one.
    """

    def _bring(
        source: Path, catalogue: Path, csv: Path | None = None, *, is_dry: bool = False, **options
    ):
        staging = tmp_path / "staging"
        shutil.rmtree(staging, ignore_errors=True)
        offer = read_source(source, csv, staging)
        plan = plan_import(offer, known_photos(catalogue), catalogue, ImportOptions(**options))
        if not is_dry:
            done = apply_import(plan, catalogue, embedder)
            assert report_csv(done.plan.rows) == report_csv(plan.rows)
        return {row.photo: row for row in plan.rows}

    return _bring


def statuses(rows) -> dict[str, str]:
    return {name: row.status for name, row in rows.items()}


def export(catalogue: Path, form: str, out: Path, *, has_photos: bool = True) -> Path:
    with Catalogue.open(catalogue) as opened:
        made = make_export(form, opened.photos(), places={}, created="2026-01-02T03:04:05Z")
    assert write_export(made, out, has_photos=has_photos, has_places=False).left_out == ()
    return out


def test_a_new_catalogue_of_a_folder_with_labels(
    tmp_path, field_season, bring, knowledge, catalogue
):
    field_season.labels()
    new = tmp_path / "new.db"
    rows = bring(field_season.folder, new)
    assert set(statuses(rows).values()) == {"added"}
    assert knowledge(new) == knowledge(catalogue)
    with Catalogue.open(new) as opened:
        for photo in opened.photos():
            folder = tmp_path / "new.db.media" / photo.content_hash[:2]
            assert photo.path == folder / f"{photo.content_hash}{Path(photo.name).suffix}"
            assert photo.path.read_bytes() == (field_season.folder / photo.name).read_bytes()


def test_the_same_again_changes_nothing_and_copies_nothing(
    tmp_path, field_season, bring, monkeypatch
):
    field_season.labels()
    new = tmp_path / "new.db"
    bring(field_season.folder, new)
    before = new.read_bytes()
    monkeypatch.setattr(run, "store_photo", lambda *given: pytest.fail("copied again"))
    assert set(statuses(bring(field_season.folder, new)).values()) == {"unchanged"}
    assert new.read_bytes() == before


def test_a_photo_that_was_copied_before_a_break_is_not_copied_again(
    tmp_path, field_season, bring, embedder, monkeypatch
):
    field_season.labels()
    new = tmp_path / "new.db"
    monkeypatch.setattr(run, "build_catalogue", lambda *given, **named: pytest.fail("broken off"))
    with pytest.raises(pytest.fail.Exception):
        bring(field_season.folder, new)
    times = {path: path.stat().st_mtime_ns for path in media_folder(new).rglob("*.jpg")}
    assert len(times) == 8
    assert not new.exists()
    monkeypatch.undo()
    bring(field_season.folder, new)
    assert {path: path.stat().st_mtime_ns for path in media_folder(new).rglob("*.jpg")} == times


def test_what_a_dry_run_says_is_what_happens(
    tmp_path, catalogue, bring, make_season, draw_pattern, knowledge
):
    season = make_season(tmp_path / "season")
    whole = draw_pattern(season.folder / "new.jpg", 500)
    season.rows["new.jpg"] = {"label": "w_new"}
    (season.folder / "new_copy.jpg").write_bytes(whole)
    season.rows["new_copy.jpg"] = {"label": "w_new"}
    shutil.copy(tmp_path / "photos/a1_0.jpg", season.folder / "again.jpg")
    season.rows["again.jpg"] = {"label": "w_3"}
    draw_pattern(season.folder / "smaller.jpg", 20, width=100, quality=60)
    season.rows["smaller.jpg"] = {"label": "w_2"}
    draw_pattern(season.folder / "smaller_wrong.jpg", 20, width=90)
    season.rows["smaller_wrong.jpg"] = {"label": "w_1"}
    draw_pattern(season.folder / "a0_0.jpg", 501)
    season.rows["a0_0.jpg"] = {"label": "w_0"}
    shutil.copy(tmp_path / "photos/a3_0.jpg", season.folder / "a3_0.jpg")
    season.rows["a3_0.jpg"] = {"label": "w_2", "taken_at": "2020"}
    (season.folder / "broken.jpg").write_bytes(whole[:300])
    season.rows["broken.jpg"] = {"label": "w_1"}
    season.rows["gone.jpg"] = {"label": "w_1"}
    season.rows["stranger.png"] = {"label": "new_whale"}  # no file, but known
    draw_pattern(season.folder / "unnamed.jpg", 502)
    season.labels(absent="skip")

    before = catalogue.read_bytes()
    dry = bring(season.folder, catalogue, is_dry=True)
    assert catalogue.read_bytes() == before
    assert statuses(dry) == {
        "a0_0.jpg": "refused",
        "a3_0.jpg": "changed",
        "again.jpg": "skipped",
        "broken.jpg": "unreadable",
        "gone.jpg": "no_file",
        "new.jpg": "added",
        "new_copy.jpg": "skipped",
        "smaller.jpg": "skipped",
        "smaller_wrong.jpg": "skipped",
        "stranger.png": "unchanged",
        "unnamed.jpg": "no_label",
    }
    assert (
        dry["again.jpg"].reason
        == "the same file as a1_0.jpg, which is w_1 and not w_3: one label is wrong"
    )
    assert dry["new_copy.jpg"].reason == "the same file as new.jpg"
    assert dry["smaller.jpg"].reason.startswith("nearly the same picture as a2_0.jpg (")
    assert dry["smaller.jpg"].reason.endswith(" of 255 bits differ)")
    assert dry["smaller_wrong.jpg"].reason.endswith("which is w_2 and not w_1: one label is wrong")
    assert dry["a3_0.jpg"].reason == "individual w_3 -> w_2; taken_at none -> 2020"
    assert "give --replace-photos" in dry["a0_0.jpg"].reason
    assert dry["broken.jpg"].reason.startswith("truncated")

    known = {row[0]: row for row in knowledge(catalogue)}
    assert {name: asdict(row) for name, row in bring(season.folder, catalogue).items()} == {
        name: asdict(row) for name, row in dry.items()
    }
    now = {row[0]: row for row in knowledge(catalogue)}
    assert {name for name in now if now[name] != known.get(name)} == {"new.jpg", "a3_0.jpg"}
    assert now["a3_0.jpg"][1:5] == (
        "w_2",
        None,
        "e3",
        "2020",
    )  # the encounter that nobody spoke of is kept
    again = statuses(bring(season.folder, catalogue))
    assert (again["new.jpg"], again["a3_0.jpg"], again["smaller.jpg"]) == (
        "unchanged",
        "unchanged",
        "skipped",
    )


def test_duplicates_are_kept_on_request(tmp_path, catalogue, bring, make_season, draw_pattern):
    season = make_season(tmp_path / "season")
    shutil.copy(tmp_path / "photos/a1_0.jpg", season.folder / "again.jpg")
    draw_pattern(season.folder / "smaller.jpg", 20, width=100, quality=60)
    season.rows = {"again.jpg": {"label": "w_1"}, "smaller.jpg": {"label": "w_2"}}
    season.labels()
    near = bring(season.folder, catalogue, is_dry=True, duplicates="keep-near")
    assert statuses(near) == {"again.jpg": "skipped", "smaller.jpg": "added"}
    assert statuses(bring(season.folder, catalogue, duplicates="keep-all")) == {
        "again.jpg": "added",
        "smaller.jpg": "added",
    }


def test_a_new_file_takes_an_old_ones_place_on_request(
    tmp_path, catalogue, bring, make_season, draw_pattern, knowledge
):
    season = make_season(tmp_path / "season")
    draw_pattern(season.folder / "a1_0.jpg", 501)
    season.rows["a1_0.jpg"] = {"label": "w_1"}
    season.labels()
    before = {row[0]: row for row in knowledge(catalogue)}["a1_0.jpg"]
    rows = bring(season.folder, catalogue, is_replacing=True)
    assert rows["a1_0.jpg"].status == "changed"
    after = {row[0]: row for row in knowledge(catalogue)}["a1_0.jpg"]
    assert after[:5] == before[:5]
    assert after[5] == rows["a1_0.jpg"].content_hash != before[5]


def test_labels_alone_change_what_is_known(tmp_path, catalogue, bring, knowledge):
    (tmp_path / "sheets").mkdir()
    out = export(catalogue, "csv", tmp_path / "sheets/labels.csv", has_photos=False)
    assert str(tmp_path) not in out.read_text()
    rows = list(csv.DictReader(out.read_text().splitlines()))
    rows[0]["label"], rows[0]["taken_at"] = "w_corrected", "2019-01-01"
    with out.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    brought = bring(out, catalogue)
    assert statuses(brought) == {row["image"]: "unchanged" for row in rows} | {
        rows[0]["image"]: "changed"
    }
    assert knowledge(catalogue, "name", "individual", "encounter", "taken_at")[0] == (
        "a0_0.jpg",
        "w_corrected",
        "e0",
        "2019-01-01",
    )


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


def test_a_file_that_changes_meanwhile_is_not_taken(tmp_path, field_season, embedder, draw_pattern):
    field_season.labels()
    new = tmp_path / "new.db"
    plan = plan_import(read_source(field_season.folder, None, tmp_path / "staging"), [], new)
    draw_pattern(field_season.folder / "a0_0.jpg", 700)
    (field_season.folder / "a1_0.jpg").unlink()
    done = apply_import(plan, new, embedder)
    after = {row.photo: row for row in done.plan.rows}
    assert (after["a0_0.jpg"].status, after["a1_0.jpg"].status, after["a2_0.jpg"].status) == (
        "unreadable",
        "unreadable",
        "added",
    )
    assert "changed while it was imported" in after["a0_0.jpg"].reason
    assert (done.revision, done.is_new_revision) == (1, True)


def test_nothing_to_do_needs_no_embedder(tmp_path, catalogue, field_season):
    field_season.labels()
    plan = plan_import(
        read_source(field_season.folder, None, tmp_path / "s"), known_photos(catalogue), catalogue
    )
    assert apply_import(plan, catalogue, None).revision == 1


def test_the_reports(tmp_path, field_season):
    field_season.rows["gone.jpg"] = {"label": "w_1"}
    shutil.copy(field_season.folder / "a0_0.jpg", field_season.folder / "b.jpg")
    field_season.rows["b.jpg"] = {"label": "w_1"}
    field_season.labels(absent="skip")
    plan = plan_import(
        read_source(field_season.folder, None, tmp_path / "s"), [], tmp_path / "new.db"
    )
    said = summary(plan, is_dry_run=True)
    assert said == (
        "11 files and labels: 9 added, 1 skipped as duplicates, 1 named by a label but absent. "
        "1 photo of the "
        "duplicates has another label than what it is like: one of the two is wrong. Nothing "
        "was changed: this was a "
        "dry run."
    )
    assert summary(plan, is_dry_run=False) == said.removesuffix(
        " Nothing was changed: this was a dry run."
    )
    write_report(plan, tmp_path / "r.csv")
    rows = list(csv.DictReader((tmp_path / "r.csv").read_text().splitlines()))
    assert (len(rows), rows[4]["photo"], rows[4]["like"]) == (11, "b.jpg", "a0_0.jpg")
    write_report(plan, tmp_path / "r.json", source="x")
    document = json.loads((tmp_path / "r.json").read_text())
    assert document == json.loads(json.dumps(report_json(plan, source="x")))
    assert document["counts"] == {"added": 9, "skipped": 1, "no_file": 1}


def test_sources_that_are_none(tmp_path, draw_pattern):
    with pytest.raises(BadLabels, match="there is no such file or folder"):
        read_source(tmp_path / "gone", None, tmp_path / "s")
    draw_pattern(tmp_path / "f/a.jpg", 1)
    for name in ("one.csv", "two.csv"):
        (tmp_path / "f" / name).write_text("image,label\na.jpg,w_1\n")
    with pytest.raises(
        BadLabels, match=r"several label files, one.csv, two.csv; say which one with --csv"
    ):
        read_source(tmp_path / "f", None, tmp_path / "s")
    assert len(read_source(tmp_path / "f", tmp_path / "f/one.csv", tmp_path / "s").photos) == 1
    assert len(read_source(tmp_path / "f/one.csv", None, tmp_path / "s").photos) == 1
    with pytest.raises(BadLabels, match="is a label file itself"):
        read_source(tmp_path / "f/one.csv", tmp_path / "f/two.csv", tmp_path / "s")
    with pytest.raises(BadCatalogue, match="there is no folder"):
        known_photos(tmp_path / "nowhere/c.db")


def test_a_photo_that_a_curator_deleted_is_refused_and_not_said_to_be_added(
    field_season, bring, catalogue
):
    with Catalogue.open(catalogue) as opened:
        Curator(opened, made_by="ada").delete("a0_0.jpg")
    field_season.labels()
    rows = bring(field_season.folder, catalogue)
    assert statuses(rows) == {
        name: "refused" if name == "a0_0.jpg" else "unchanged" for name in rows
    }
    assert rows["a0_0.jpg"].reason.startswith("a curator deleted the photo of this name")
    assert not list(media_folder(catalogue).rglob("*.jpg")), "and it is not copied"


def test_an_older_label_file_undoes_nothing_that_a_curator_decided(
    catalogue, field_season, bring, embedder
):
    field_season.labels()
    with Catalogue.open(catalogue) as opened:
        curator = Curator(opened, made_by="ada")
        curator.move(["a0_0.jpg"], "w_1")
        curator.merge("w_2", "w_3")
        curator.edit_photo("a3_0.jpg", {"taken_at": "2020"})
        before = opened.revision
    rows = bring(field_season.folder, catalogue)
    assert set(statuses(rows).values()) == {"unchanged"}
    assert (
        rows["a0_0.jpg"].reason
        == "known already; a curator changed individual w_0 -> w_1, which stands"
    )
    assert (rows["a2_0.jpg"].individual, rows["a2_0.jpg"].reason) == ("w_3", "known already")
    with Catalogue.open(catalogue) as opened:
        assert opened.revision == before
    field_season.rows["a0_0.jpg"] |= {"taken_at": "2021"}
    field_season.labels()
    rows = bring(field_season.folder, catalogue)
    assert rows["a0_0.jpg"].reason == (
        "taken_at 2018 -> 2021; a curator changed individual w_0 -> w_1, which stands"
    )
    assert {photo.name: photo.individual for photo in known_photos(catalogue)}["a0_0.jpg"] == "w_1"
