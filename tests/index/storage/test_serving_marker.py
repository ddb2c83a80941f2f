"""A catalogue that is served isn't replaced; what a killed service left behind stands in nobody's
way.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from index.exchange.backup.backup import make_backup, restore_backup
from index.processes import this_worker
from index.reindex.build import build_catalogue
from index.storage.address import CatalogueBusy
from index.storage.serving_marker import ServedMark, is_served_elsewhere, refuse_served


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalogue.db"


def marks(path: Path) -> list[Path]:
    folder = path.with_name("catalogue.db.serving")
    return sorted(folder.iterdir()) if folder.exists() else []


def test_nobody_serves_it_at_first(path: Path) -> None:
    refuse_served(path)
    assert marks(path) == []


def test_each_service_has_its_own_mark(path: Path) -> None:
    one, other = ServedMark(path), ServedMark(path)
    assert len(marks(path)) == 2
    with pytest.raises(CatalogueBusy, match=r"is served by process \d+ on .*: stop it first"):
        refuse_served(path)
    one.remove()
    with pytest.raises(CatalogueBusy):
        refuse_served(path)
    other.remove()
    other.remove()
    refuse_served(path)
    assert not path.with_name("catalogue.db.serving").exists()


def test_the_mark_of_a_process_that_is_gone_is_removed(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from index.storage.serving_marker import "
        "ServedMark; ServedMark(Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=120)
    assert len(marks(path)) == 1
    refuse_served(path)
    assert marks(path) == []


def test_of_another_machine_nobody_can_tell_and_the_message_says_what_to_do(path: Path) -> None:
    ServedMark(path)
    (mark,) = marks(path)
    mark.write_text(f"elsewhere{this_worker()}")
    with pytest.raises(CatalogueBusy, match=f"on elsewhere.*remove {mark}"):
        refuse_served(path)
    mark.write_text("nonsense")
    refuse_served(path)


def test_a_folder_that_can_t_be_written_goes_without(tmp_path: Path) -> None:
    (tmp_path / "catalogue.db.serving").write_text("a file stands here")
    ServedMark(tmp_path / "catalogue.db").remove()
    refuse_served(tmp_path / "catalogue.db")


def test_neither_build_nor_restore_replaces_what_is_served(
    path: Path, season: Any, embedder: Any
) -> None:
    build_catalogue(path, season.labels(), embedder)
    make_backup(path, path.with_name("backup"))
    before = path.read_bytes()
    mark = ServedMark(path)
    with pytest.raises(CatalogueBusy, match="stop it first"):
        build_catalogue(path, season.labels(), embedder, overwrite=True)
    with pytest.raises(CatalogueBusy, match="stop it first"):
        restore_backup(path.with_name("backup"), path, is_replacing=True)
    assert path.read_bytes() == before
    mark.remove()
    restore_backup(path.with_name("backup"), path, is_replacing=True)
    build_catalogue(path, season.labels(), embedder, overwrite=True)


def test_another_machine_s_mark_is_told_from_ours(path: Path) -> None:
    assert not is_served_elsewhere(path)
    mark = ServedMark(path)
    assert not is_served_elsewhere(path)
    (marks(path)[0].parent / "theirs").write_text("elsewhere:1:1", "utf-8")
    (marks(path)[0].parent / "neither").write_text("no mark", "utf-8")
    assert is_served_elsewhere(path)
    mark.remove()
