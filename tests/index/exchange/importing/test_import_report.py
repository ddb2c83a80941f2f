"""What an import reports and refuses, and what curators decided before."""

from __future__ import annotations

import csv
import json
import shutil

import pytest

from index.catalogue.catalogue import BadCatalogue, Catalogue
from index.curation.curator import Curator
from index.exchange.importing.report import report_json, summary, write_report
from index.exchange.importing.run import apply_import, known_photos, plan_import
from index.exchange.importing.sources import read_source
from index.labels.reader import BadLabels
from index.storage.originals import media_folder
from tests.index.exchange.importing.statuses import statuses


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
