"""What a killed process left is cleared away; what a living one is writing, and what is nobody's,
stays.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from index.storage.originals import write_whole
from index.storage.partial_files import remove_unfinished, unfinished_suffix

_SAY = (
    "from index.storage.partial_files import unfinished_suffix; print(unfinished_suffix(), end='')"
)


def test_only_what_ended_processes_of_this_machine_left_is_removed(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _SAY], capture_output=True, text=True, check=True
    ).stdout
    staying = {
        f".mine{unfinished_suffix()}",
        ".theirs.unfinished~another-machine~1~1",
        ".hidden",
        "photo.jpg",
        f"not-hidden{ended}",
    }
    for name in (*staying, f".a.jpg{ended}"):
        (tmp_path / name).write_text("half")
    (tmp_path / f".importing-x{ended}" / "deep").mkdir(parents=True)
    (tmp_path / f".importing-x{ended}" / "deep" / "photo.jpg").write_text("half")
    remove_unfinished([tmp_path, tmp_path / "nowhere", tmp_path / "photo.jpg"])
    assert {path.name for path in tmp_path.iterdir()} == staying


def test_a_file_that_is_being_written_has_such_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(
        "index.storage.originals.os.fsync",
        lambda _: seen.append([p.name for p in tmp_path.iterdir()]),
    )
    write_whole(tmp_path / "a.jpg", b"photo")
    assert seen == [[f".a.jpg{unfinished_suffix()}"]]
    assert [path.name for path in tmp_path.iterdir()] == ["a.jpg"]
