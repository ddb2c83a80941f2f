"""What a killed process or a failing disk has left where something new is to lie."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from index.catalogue.catalogue import Catalogue
from index.curation.curator import Curator
from index.exchange.backup.backup import restore_backup
from index.labels.reader import read_labels
from index.reindex.build import build_catalogue
from index.storage.originals import store_photo
from tests.faults.scene import check_whole, embedder, snapshot, sqlite_scene


@pytest.mark.parametrize("way", ["restore", "build"])
def test_the_log_of_a_removed_catalogue_is_not_replayed_into_the_new_one(
    way: str, tmp_path: Path
) -> None:
    """Its pages overwrote those of the new file: a backup came back with later changes in it."""
    scene = sqlite_scene(tmp_path)
    assert isinstance(scene.address, Path)
    log = scene.address.with_name(scene.address.name + "-wal")
    with Catalogue.open(scene.address) as catalogue, catalogue.engine.connect() as reading:
        reading.exec_driver_sql("SELECT count(*) FROM photos").all()
        Curator(catalogue, made_by="ada").merge("w_0", "w_1")
        shutil.copy(log, tmp_path / "log")
    scene.address.unlink()
    shutil.copy(tmp_path / "log", log)
    if way == "restore":
        revision = restore_backup(scene.backup, scene.address).revision
    else:
        labels = read_labels(None, scene.new_photos)
        revision = build_catalogue(scene.address, labels, embedder()).revision
    assert snapshot(scene.address)["revision"] == revision == 1
    check_whole(scene.address)


def test_a_damaged_original_is_written_anew_when_the_photo_comes_again(tmp_path: Path) -> None:
    data = b"the bytes of a photo"
    path = store_photo(data, tmp_path, "a.jpg")
    path.write_bytes(b"the bytes of a photp")
    assert store_photo(data, tmp_path, "a.jpg") == path
    assert path.read_bytes() == data
    before = path.stat().st_mtime_ns
    store_photo(data, tmp_path, "a.jpg")
    assert path.stat().st_mtime_ns == before
