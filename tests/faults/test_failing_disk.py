"""The short form of tests/faults/failing_disk.py, and the faults that the long one has found."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import flukeprint
from index.catalogue.catalogue import BadCatalogue, Catalogue
from index.curation.curator import Curator
from index.exchange.importing.hash_cache import known_perceptual
from index.labels.reader import read_labels
from index.reindex.build import build_catalogue
from index.storage import originals, sqlite
from index.storage.originals import media_folder
from tests.faults.failing_disk import VARIABLE, compile_shim
from tests.faults.scene import embedder, sqlite_scene

ROOT = Path(__file__).resolve().parents[2]
SHORT = "12"  # failures of each act


@pytest.mark.parametrize("act", ["import", "swap", "restore"])
def test_on_a_failing_disk_an_act_is_refused_or_done(act: str, tmp_path: Path) -> None:
    shim = compile_shim(tmp_path)
    if shim is None:
        pytest.skip("there is no C compiler (cc)")
    words = ("disk", "--act", act, "--count", SHORT, "--folder", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.run", *words],
        cwd=ROOT,
        env={**os.environ, "LD_PRELOAD": str(shim), VARIABLE: str(shim)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{act}: {SHORT} of" in done.stdout
    assert "disk: no fault" in done.stdout


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = sqlite_scene(tmp_path)
    with Catalogue.open(scene.address) as catalogue:
        photos = catalogue.photos()
    folder = media_folder(scene.address)
    (folder / "perceptual.npz").unlink(missing_ok=True)

    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("index.exchange.importing.hash_cache.write_whole", full)
    assert len(known_perceptual(photos, folder)) == len(photos)
    monkeypatch.setattr("index.exchange.importing.hash_cache.write_whole", originals.write_whole)
    assert len(known_perceptual(photos, folder)) == len(photos)
    assert (folder / "perceptual.npz").exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_a_command_on_a_failing_disk_ends_with_one_line(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise OSError(number, os.strerror(number), "/disk/file")

    monkeypatch.setattr(flukeprint, "build_app", lambda: fail)
    with pytest.raises(SystemExit) as ended:
        flukeprint.main()
    assert ended.value.code == 2
    text = capsys.readouterr().err
    assert text.startswith(f"error: the disk of /disk/file can't be written ({os.strerror(number)}")


def test_a_build_on_a_disk_that_became_read_only_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tidying up fails there, too; that error says nothing to anybody."""
    scene = sqlite_scene(tmp_path)
    labels = read_labels(None, scene.new_photos)

    def fail(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("index.reindex.build.put_in_place", fail)
    monkeypatch.setattr("index.storage.connection.remove_database", fail)
    with pytest.raises(BadCatalogue, match=os.strerror(errno.EROFS)):
        build_catalogue(scene.address, labels, embedder(), overwrite=True)


@pytest.mark.parametrize("words", ["database or disk is full", "unable to open database file"])
def test_where_no_log_can_be_made_reading_goes_on(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = sqlite_scene(tmp_path)
    connected = sqlite._connected

    class Full(sqlite3.Connection):
        def execute(self, statement: str, *more: Any) -> sqlite3.Cursor:
            if "journal_mode" in statement:
                raise sqlite3.OperationalError(words)
            return super().execute(statement, *more)

    def full(path: Path, mode: str, seconds: float, kind: Any) -> sqlite3.Connection:
        return connected(path, mode, seconds, Full if mode == "mode=rw" else kind)

    monkeypatch.setattr(sqlite, "_connected", full)
    with Catalogue.open(scene.address) as catalogue:
        assert catalogue.searchable()[0].size == 12
        with pytest.raises(BadCatalogue, match=r"is full|unable to open"):
            Curator(catalogue, made_by="ada").merge("w_0", "w_1")
    monkeypatch.setattr(sqlite, "_connected", connected)
    with Catalogue.open(scene.address) as catalogue:
        Curator(catalogue, made_by="ada").merge("w_0", "w_1")
