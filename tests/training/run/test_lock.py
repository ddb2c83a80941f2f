"""training/run/lock.py: one training in each folder, and none over another's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.run.conftest import Train
from training.run.lock import LOCK, exclusive_folder
from training.run.run import BadRun


def test_a_folder_in_use_is_refused(run: Train, begun: Path, tmp_path: Path) -> None:
    with pytest.raises(BadRun, match="begun is not empty; give --resume"):
        run(begun)
    (tmp_path / "file").touch()
    with pytest.raises(BadRun, match="file is not empty"):
        run(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / "empty", "schedule.epochs=0").exists()


def test_two_never_train_in_one_folder(run: Train, begun: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in begun.iterdir()}
    with (
        exclusive_folder(begun),
        pytest.raises(
            BadRun, match=r"another process is training in .*; wait until it has finished"
        ),
    ):
        run(begun, resume=True)
    assert {path.name: path.read_bytes() for path in begun.iterdir()} == before
    with pytest.raises(RuntimeError), exclusive_folder(tmp_path / "nothing came of it"):
        raise RuntimeError
    assert not (tmp_path / "nothing came of it").exists()
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed" / LOCK).touch()  # what a process leaves that is killed at once
    assert run(tmp_path / "killed").exists()
    assert not (tmp_path / "killed" / LOCK).exists()
