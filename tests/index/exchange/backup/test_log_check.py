"""index/exchange/backup/log_check.py: rows that were altered beside the log are found and named."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from index.catalogue.catalogue import Catalogue
from index.curation.curator import Curator
from index.curation.undo import undo
from index.exchange.backup.backup import make_backup
from index.exchange.backup.log_check import record_faults
from index.exchange.backup.verify import verify_catalogue
from index.exchange.importing.run import apply_import, known_photos, plan_import
from index.exchange.importing.sources import read_source


@pytest.fixture
def curated(living: Path) -> Path:
    """A catalogue with a merge, a rename, an edit, a deletion and an undoing in its log."""
    with Catalogue.open(living) as catalogue:
        curator = Curator(catalogue, made_by="ada")
        curator.merge("w_0", "w_1")
        renamed = curator.rename("w_2", "w_two")
        curator.edit("w_1", {"notes": "a notch", "species": "humpback"})
        curator.delete("a3_0.jpg")
        undo(catalogue, renamed.revision, made_by="ada")
    return living


@pytest.fixture
def noted(living: Path) -> Path:
    """A catalogue whose photos nobody has edited since they were imported."""
    return living


def alter(path: Path, statement: str) -> None:
    raw = sqlite3.connect(path)
    with raw:
        raw.execute(statement)
    raw.close()


def test_a_whole_catalogue_and_its_backup_agree_with_their_log(
    curated: Path, tmp_path: Path
) -> None:
    assert record_faults(curated) == []
    make_backup(curated, tmp_path / "backup")
    assert record_faults(tmp_path / "backup" / curated.name) == []


@pytest.mark.parametrize(
    ("statement", "subject", "says"),
    [
        ("UPDATE individuals SET notes = 'a notcj' WHERE name = 'w_1'", "w_1", "its notes is"),
        ("UPDATE individuals SET merged_into = NULL", "w_0", "its merged_into is None"),
        ("UPDATE photos SET state = 'rejected' WHERE name = 'a3_0.jpg'", "a3_0.jpg", "'deleted'"),
        ("UPDATE photos SET name = 'b0_0.jpg' WHERE name = 'a0_0.jpg'", "b0_0.jpg", "'a0_0.jpg'"),
    ],
)
def test_a_row_that_was_altered_is_named(
    curated: Path, statement: str, subject: str, says: str
) -> None:
    alter(curated, statement)
    faults = [fault for fault in verify_catalogue(curated).faults if fault.kind == "record"]
    assert subject in [fault.photo for fault in faults]
    assert says in " ".join(fault.reason for fault in faults)


@pytest.mark.parametrize(
    "detail", ['{"rows": [{"tablf": 1}]}', '{"rows": [', "[1, 2]"], ids=["words", "cut", "a list"]
)
def test_a_log_that_was_altered_is_a_fault(curated: Path, detail: str) -> None:
    alter(curated, "DROP TRIGGER changes_refuse_update")
    alter(curated, f"UPDATE changes SET detail = '{detail}' WHERE id = 3")
    reasons = " ".join(fault.reason for fault in verify_catalogue(curated).faults)
    assert "log of changes" in reasons


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE photos SET species = 'humpbacl' WHERE name = 'a0_0.jpg'", "its species is"),
        ("UPDATE photos SET taken_at = '2019-05-09' WHERE name = 'a0_0.jpg'", "its taken_at is"),
        ("UPDATE photos SET individual_id = 3 WHERE name = 'a0_0.jpg'", "its individual_id is 3"),
        ("UPDATE photos SET encounter_id = NULL WHERE name = 'a0_0.jpg'", "its encounter_id is"),
        ("UPDATE photos SET box = '[0,0,1,0.5]' WHERE name = 'a0_0.jpg'", "its box is"),
        ("UPDATE photos SET state = 'catalogud' WHERE name = 'a0_0.jpg'", "which there is not"),
        ("UPDATE photos SET perceptual_hash = 'zz' WHERE name = 'a0_0.jpg'", "which is none"),
    ],
)
def test_a_new_photos_row_is_compared_with_the_words_of_its_line(
    noted: Path, statement: str, says: str
) -> None:
    """Before, only the name and the content of a photo that was never edited were compared."""
    assert record_faults(noted) == []
    alter(noted, statement)
    (fault,) = record_faults(noted)
    assert fault.subject == "a0_0.jpg"
    assert says in fault.reason


def test_a_damaged_perceptual_hash_keeps_nothing_from_being_searched(noted: Path) -> None:
    """A flipped bit in it ended searching, and so the service's start, with a ValueError."""
    with Catalogue.open(noted) as catalogue:
        before, _ = catalogue.searchable()
    alter(noted, "UPDATE photos SET perceptual_hash = 'zz' WHERE name = 'a0_0.jpg'")
    with Catalogue.open(noted) as catalogue:
        after, _ = catalogue.searchable()
    assert after.photo_names == before.photo_names


def test_names_that_were_given_on_are_no_fault(
    noted: Path, field_season: Any, draw_pattern: Any, embedder: Any, tmp_path: Path
) -> None:
    """A photo that comes under a former name belongs to whom that name leads to."""
    with Catalogue.open(noted) as catalogue:
        curator = Curator(catalogue, made_by="ada")
        curator.merge("w_0", "w_1")
        curator.rename("w_2", "w_two")
    for number, label in enumerate(("w_0", "w_2", "w_1", "w_9")):
        draw_pattern(field_season.folder / f"later_{number}.jpg", 500 + number)
        field_season.rows[f"later_{number}.jpg"] = {"label": label, "encounter": "e9"}
    field_season.labels()
    source = read_source(field_season.folder, None, tmp_path / "staging")
    apply_import(plan_import(source, known_photos(noted), noted), noted, embedder)
    assert record_faults(noted) == []
    with Catalogue.open(noted) as catalogue:
        whose = {photo.name: photo.individual for photo in catalogue.photos()}
    assert [whose[f"later_{number}.jpg"] for number in range(4)] == ["w_1", "w_two", "w_1", "w_9"]
