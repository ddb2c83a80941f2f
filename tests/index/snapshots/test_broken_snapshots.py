"""A snapshot that is damaged, half written or of no use is noticed, and never answered from."""

import errno
import logging
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from index.catalogue.catalogue import Catalogue
from index.curation.curator import Curator
from index.reindex.build import build_catalogue
from index.snapshots.served_catalogue import read_tables
from index.snapshots.snapshot import (
    read_served,
    read_snapshot,
    snapshot_files,
    write_snapshot,
)
from index.storage.address import snapshot_folder

_WRITING = """
import sys
from index.catalogue.catalogue import Catalogue
from index.snapshots import snapshot
from index.snapshots.served_catalogue import read_tables
snapshot.FEWEST_PHOTOS = 1
with Catalogue.open(__import__("pathlib").Path(sys.argv[1])) as catalogue:
    served = read_tables(catalogue, "Flat")
    print("ready", flush=True)
    while True:
        snapshot.write_snapshot(catalogue, served)
"""


@pytest.fixture
def path(tmp_path, season, embedder):
    path = tmp_path / "catalogue.db"
    build_catalogue(path, season.labels(), embedder)
    return path


@pytest.fixture
def catalogue(path):
    with Catalogue.open(path) as catalogue:
        write_snapshot(catalogue, read_tables(catalogue, "Flat"))
        yield catalogue


def test_any_flipped_bit_is_found(catalogue, assert_same, caplog):
    (file,) = snapshot_files(catalogue.address)
    whole = file.read_bytes()
    anew = read_tables(catalogue, "Flat")
    rng = random.Random(5)
    places = [*range(16), *(rng.randrange(len(whole)) for _ in range(300)), len(whole) - 1]
    for at in places:
        data = bytearray(whole)
        data[at] ^= 1 << rng.randrange(8)
        file.write_bytes(data)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            assert read_snapshot(catalogue, "Flat") is None, at
        assert "snapshot can't be used" in caplog.text
    assert_same(read_served(catalogue, "Flat"), anew)


@pytest.mark.parametrize("share", [0, 0.0001, 0.3, 0.999])
def test_a_file_that_is_cut_off_is_found(catalogue, share):
    (file,) = snapshot_files(catalogue.address)
    whole = file.read_bytes()
    for changed in (whole[: int(share * len(whole))], whole + b"\0" * 8):
        file.write_bytes(changed)
        assert read_snapshot(catalogue, "Flat") is None
    write_snapshot(catalogue, read_served(catalogue, "Flat"))
    assert len(snapshot_files(catalogue.address)) == 1
    assert read_snapshot(catalogue, "Flat") is not None


def test_a_file_of_another_kind_or_format_is_passed_over(catalogue):
    from index.snapshots.array_file import read_arrays, write_arrays

    (file,) = snapshot_files(catalogue.address)
    arrays, about = read_arrays(file)
    for wrong in ({}, about | {"format": 2}, about | {"groups": 9}):
        file.unlink(missing_ok=True)
        file = write_arrays(file.parent, "0000000001", arrays, wrong)
        assert read_snapshot(catalogue, "Flat") is None
    file.unlink()
    (file.parent / "0000000001-00000000.safetensors").mkdir()
    assert read_snapshot(catalogue, "Flat") is None


def test_a_killed_writer_leaves_a_whole_snapshot_or_none(path, assert_same):
    for pause in (0.0, 0.004, 0.02, 0.05):
        writer = subprocess.Popen([sys.executable, "-c", _WRITING, path], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(pause)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        with Catalogue.open(path) as catalogue:
            found = read_snapshot(catalogue, "Flat")
            anew = read_tables(catalogue, "Flat")
            assert found is not None or not snapshot_files(path)
            if found is not None:
                assert_same(found, anew)
            write_snapshot(catalogue, anew)
            assert list(snapshot_folder(path).iterdir()) == snapshot_files(path)


def test_two_services_write_and_read_one_folder(path, assert_same):
    with Catalogue.open(path) as one, Catalogue.open(path) as other:
        write_snapshot(one, read_served(one, "Flat"))
        mapped = read_snapshot(other, "Flat")
        Curator(one, made_by="ada").delete("a04_0.png")
        write_snapshot(one, read_served(one, "Flat"))
        write_snapshot(other, read_served(other, "Flat"))
        assert mapped is not None
        assert mapped.gallery.size == 36  # what is mapped stays, though its name is gone
        assert mapped.gallery.rank(mapped.gallery.vectors, 1)[35][0].individual == "w_11"
        for each in (one, other):
            found = read_snapshot(each, "Flat", may_be_old=True)
            assert found is not None
            assert_same(found, read_tables(each, "Flat"))


def test_a_full_disk_leaves_nothing_and_the_old_snapshot(catalogue, monkeypatch):
    before = list(snapshot_folder(catalogue.address).iterdir())
    Curator(catalogue, made_by="ada").delete("a04_0.png")
    served = read_served(catalogue, "Flat")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_snapshot(catalogue, served)
    assert list(snapshot_folder(catalogue.address).iterdir()) == before
    assert read_snapshot(catalogue, "Flat", may_be_old=True) is not None
