"""What is offered comes in once, with its reason where it doesn't; every export read back is the
same catalogue.
"""

from __future__ import annotations

import csv
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

from index.catalogue.catalogue import Catalogue
from index.exchange.importing import run
from index.storage.originals import media_folder
from tests.index.exchange.importing.statuses import export, statuses


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
