"""index/exchange/backup/log_check.py: rows that were altered beside the log are found and named."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from index.catalogue.catalogue import Catalogue
from index.curation.curator import Curator
from index.curation.undo import undo
from index.exchange.backup.backup import make_backup
from index.exchange.backup.log_check import record_faults
from index.exchange.backup.verify import verify_catalogue


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
