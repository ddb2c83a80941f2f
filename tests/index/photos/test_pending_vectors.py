"""Vectors that an update had made before it was killed are not made again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedding.photos.photo import Box
from index.catalogue.catalogue import Catalogue
from index.labels.reader import LabelledPhoto
from index.photos.embed import EmbeddedPhoto, PhotoFile
from index.photos.pending_vectors import (
    PendingVectors,
    pending_files,
    pending_folder,
    remove_stale_files,
)
from index.processes import this_worker
from index.reindex.build import build_catalogue
from index.reindex.update import update_catalogue
from index.storage.address import CatalogueAddress, sibling_folder

ROOT = Path(__file__).resolve().parents[3]
# Sixteen photos are a batch. In the third one the process dies, when the first is kept and the
# second may be.
DYING = """
import os, signal, sys
from pathlib import Path
from index.catalogue.catalogue import Catalogue
from index.labels.reader import read_labels
from index.reindex.build import build_catalogue
from index.reindex.update import update_catalogue
from tests.index.conftest import ColourEmbedder
import index.photos.embed, index.reindex.preparation

index.photos.embed.BATCH_PHOTOS = index.reindex.preparation.BATCH_PHOTOS = 16

class Dying(ColourEmbedder):
    def embed(self, images, boxes=None):
        if self.embedded >= 32:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().embed(images, boxes)

path, labels = Path(sys.argv[1]), read_labels(Path(sys.argv[2]), None)
if path.exists():
    with Catalogue.open(path) as catalogue:
        update_catalogue(catalogue, labels, Dying())
else:
    build_catalogue(path, labels, Dying())
"""


def made(content: int, box: Box | None, *vector: float) -> EmbeddedPhoto:
    label = LabelledPhoto(f"{content}.png", Path("x"), None, box=box)
    return EmbeddedPhoto(label, PhotoFile(f"{content:064x}", 1, None), np.array(vector, np.float32))


def killed(path: Path, csv: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DYING, path, csv], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_vectors_are_found_by_content_and_box_and_forgotten_at_the_end(tmp_path: Path) -> None:
    folder, box = tmp_path / "kept", Box(0.1, 0.2, 0.9, 0.8)
    first = PendingVectors(folder, "f")
    assert not folder.exists()
    first.append([made(1, None, 1, 0), made(2, box, 0, 1)])
    first.append([made(3, None, 0.6, 0.8)])
    first.close()
    again = PendingVectors(folder, "f")
    assert len(again) == 3
    for content, boxed, vector in (
        (1, None, [1, 0]),
        (2, box, [0, 1]),
        (3, None, np.float32([0.6, 0.8])),
    ):
        found = again.get(f"{content:064x}", boxed)
        assert found is not None
        assert np.array_equal(found.vector, vector)
    assert again.get(f"{2:064x}", None) is None
    assert len(PendingVectors(folder, "e")) == 0  # another checkpoint's
    again.forget()
    assert not folder.exists()


def test_what_is_cut_off_damaged_or_none_of_ours_is_passed_over(tmp_path: Path) -> None:
    first = PendingVectors(tmp_path, "f")
    first.append([made(at, None, 1, 0) for at in range(3)])
    first.close()
    (path,) = tmp_path.iterdir()
    data = bytearray(path.read_bytes())
    record = (len(data) - data.index(b"\n") - 1) // 3
    data[-record - 3] ^= 1  # in the second one's checksum
    path.write_bytes(data[:-5])  # and of the third the end is lacking
    (tmp_path / "other.vectors").write_text("no JSON")
    again = PendingVectors(tmp_path, "f")
    assert [again.get(f"{at:064x}", None) is not None for at in range(3)] == [True, False, False]
    again.forget()
    assert [path.name for path in tmp_path.iterdir()] == ["other.vectors"]


def test_what_ended_processes_left_of_other_checkpoints_is_dropped(tmp_path: Path) -> None:
    def left(fingerprint: str, worker: str | None) -> Path:
        before = set(tmp_path.iterdir())
        kept = PendingVectors(tmp_path, fingerprint)
        kept.append([made(1, None, 1, 0)])
        kept.close()
        (path,) = set(tmp_path.iterdir()) - before
        line, _, records = path.read_bytes().partition(b"\n")
        header = {name: value for name, value in json.loads(line).items() if name != "worker"}
        named = {} if worker is None else {"worker": worker}
        path.write_bytes(json.dumps(header | named).encode() + b"\n" + records)
        return path

    host, process, began = this_worker().rsplit(":", 2)
    ended = f"{host}:{process}:{began}0"
    wanted = {
        left("catalogue's", ended),
        left("other", this_worker()),
        left("other", f"elsewhere{host}:1:1"),
    }
    dropped = {left("other", ended), left("other", None)}
    strange = tmp_path / "strange.vectors"
    strange.write_text('{"format": "flukeprint-embedded-1"}\n')
    listed = {
        each.path: (each.fingerprint, each.is_being_written) for each in pending_files(tmp_path)
    }
    assert set(listed) == wanted | dropped
    assert {is_written for path, (_, is_written) in listed.items() if path in dropped} == {False}
    remove_stale_files(tmp_path, {"catalogue's"})
    assert set(tmp_path.iterdir()) == {*wanted, strange}
    for path in (*wanted, strange):
        path.unlink()
    remove_stale_files(tmp_path, {"catalogue's"})
    assert not tmp_path.exists()
    remove_stale_files(tmp_path, set())


def test_an_update_drops_the_vectors_of_a_checkpoint_that_was_given_up(
    tmp_path: Path, season: Any, make_embedder: Any, place: Callable[[Path], CatalogueAddress]
) -> None:
    address = place(tmp_path / "catalogue.db")
    first, beside, given_up = (make_embedder(letter * 64) for letter in "abc")
    build_catalogue(address, season.labels(), first)
    with Catalogue.open(address) as catalogue:
        update_catalogue(catalogue, None, beside)
        update_catalogue(catalogue, None, first)
        folder = pending_folder(address)
        for each in (beside, given_up):
            kept = PendingVectors(folder, each.fingerprint)
            kept.append([made(1, None, 1, 0)])
            kept.close()
        update_catalogue(catalogue, None, first)
        assert len(pending_files(folder)) == 2  # of a process that lives: this one
        _end(folder)
        update_catalogue(catalogue, None, first)
        # The catalogue has vectors of `beside`, too, and an update may go over to it.
        assert [each.fingerprint for each in pending_files(folder)] == [beside.fingerprint]
    again = tmp_path / "again.db"
    build = place(again)
    kept = PendingVectors(pending_folder(build), given_up.fingerprint)
    kept.append([made(1, None, 1, 0)])
    kept.close()
    _end(pending_folder(build))
    build_catalogue(build, season.labels(), first)
    assert not pending_folder(build).exists()


def _end(folder: Path) -> None:
    """Say of all files that their process has ended."""
    for path in folder.iterdir():
        path.write_bytes(
            path.read_bytes().replace(this_worker().encode(), (this_worker() + "0").encode())
        )


def test_a_folder_that_cannot_be_written_loses_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    kept = PendingVectors(tmp_path / "file", "f")
    kept.append([made(1, None, 1, 0)])
    kept.append([made(2, None, 1, 0)])
    kept.forget()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_build_that_was_killed_embeds_only_what_it_had_not(
    tmp_path: Path, season: Any, embedder: Any
) -> None:
    path = tmp_path / "catalogue.db"
    labels = season.labels()
    killed(path, season.csv)
    assert not path.exists()
    report = build_catalogue(path, labels, embedder)
    assert report.added == 38
    assert embedder.embedded in (6, 22)
    assert not sibling_folder(path, "embedded").exists()
    whole = tmp_path / "whole.db"
    build_catalogue(whole, labels, embedder)
    with Catalogue.open(path) as one, Catalogue.open(whole) as other:
        for found, wanted in zip(
            one.vectors(embedder.fingerprint), other.vectors(embedder.fingerprint), strict=True
        ):
            assert np.array_equal(found, wanted)


def test_an_update_that_was_killed_embeds_only_what_it_had_not(
    tmp_path: Path, make_season: Any, season: Any, embedder: Any
) -> None:
    first = make_season(tmp_path / "first")
    for take in range(3):
        first.draw(f"first_{take}.png", "w_first", take=take)
    path = tmp_path / "catalogue.db"
    build_catalogue(path, first.labels(), embedder)
    labels = season.labels()
    killed(path, season.csv)
    embedder.embedded = 0
    season.paint("a00_1.png", "somebody else", 0)  # meanwhile: its vector is of no use
    with Catalogue.open(path) as catalogue:
        assert catalogue.counts().photos == 3
        report = update_catalogue(catalogue, labels, embedder)
        assert report.added == 38
        assert embedder.embedded in (7, 23)
    assert not sibling_folder(path, "embedded").exists()


def test_an_update_that_failed_keeps_what_it_made(
    tmp_path: Path,
    season: Any,
    embedder: Any,
    place: Callable[[Path], CatalogueAddress],
    monkeypatch: Any,
) -> None:
    address = place(tmp_path / "catalogue.db")
    Catalogue.open(address, create=True).close()
    labels = season.labels()
    monkeypatch.setattr("index.reindex.preparation.BATCH_PHOTOS", 16)
    monkeypatch.setattr(
        "index.reindex.update._write_revision",
        lambda *given: (_ for _ in ()).throw(KeyboardInterrupt),
    )
    with Catalogue.open(address) as catalogue:
        with pytest.raises(KeyboardInterrupt):
            update_catalogue(catalogue, labels, embedder)
        assert len(list(sibling_folder(address, "embedded").iterdir())) == 1
        monkeypatch.undo()
        embedder.embedded = 0
        assert (update_catalogue(catalogue, labels, embedder).added, embedder.embedded) == (38, 0)
    assert not sibling_folder(address, "embedded").exists()
