"""A small catalogue that a harness hurts: made once, copied for each trial, compared afterwards."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from index.catalogue.catalogue import Catalogue
from index.curation.curator import Curator
from index.exchange.backup.backup import make_backup
from index.exchange.backup.verify import verify_catalogue
from index.exchange.importing.run import apply_import, known_photos, plan_import
from index.exchange.importing.sources import read_source
from index.storage.address import CatalogueAddress, PostgresAddress
from index.storage.connection import open_engine
from index.storage.folder_owner import MARK
from index.storage.schema import ChangeRow, IndividualRow, PhotoRow, RevisionRow, VectorRow
from tests.index.conftest import ColourEmbedder

ANIMALS, TAKES, NEW_PHOTOS = 6, 2, 4
OTHER_CHECKPOINT = "e" * 64


@dataclass(frozen=True)
class Scene:
    """One copy of the catalogue with what acts on it need: new photos, labels, a backup."""

    folder: Path
    address: CatalogueAddress

    @property
    def new_photos(self) -> Path:
        """A folder of photos that the catalogue doesn't know, with their labels."""
        return self.folder / "new"

    @property
    def backup(self) -> Path:
        """A backup that was made before the catalogue's last revision."""
        return self.folder / "backup"


def draw(path: Path, seed: int) -> None:
    """Draw a small picture that no other seed's resembles."""
    cells = np.random.default_rng(seed).integers(0, 256, (2, 4, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(cells).resize((32, 16), Image.Resampling.NEAREST).save(path)


def embedder(*, is_other: bool = False) -> ColourEmbedder:
    """The embedder of the catalogue's checkpoint, or of the one that it goes over to."""
    return ColourEmbedder(OTHER_CHECKPOINT, shift=90) if is_other else ColourEmbedder()


def import_folder(scene: Scene, source: Path) -> int:
    """Import a folder of photos as `flukeprint catalogue import` does; returns the revision."""
    offer = read_source(source, None, scene.folder / "staging")
    plan = plan_import(offer, known_photos(scene.address), scene.address)
    return apply_import(plan, scene.address, embedder()).revision


def make_scene(folder: Path, address: CatalogueAddress) -> Scene:
    """Fill a folder and an address with a catalogue of a few animals, and what acts need."""
    scene = Scene(folder, address)
    (folder / "home").mkdir(parents=True)
    for animal in range(ANIMALS):
        for take in range(TAKES):
            draw(folder / "season" / f"w_{animal}" / f"{animal}_{take}.png", 10 * animal + take)
    import_folder(scene, folder / "season")
    shutil.rmtree(folder / "season")
    for number in range(NEW_PHOTOS):
        draw(scene.new_photos / f"w_{number % 3}" / f"new_{number}.png", 500 + number)
    make_backup(address, scene.backup)
    with Catalogue.open(address) as catalogue:
        Curator(catalogue, made_by="ada").rename("w_5", "w_five")
    return scene


def sqlite_scene(folder: Path) -> Scene:
    """A scene whose catalogue is a SQLite file."""
    return make_scene(folder, folder / "home" / "catalogue.db")


def copy_scene(scene: Scene, folder: Path, *, database: str | None = None) -> Scene:
    """Copy a scene into a folder that isn't there; `database`: the copy's own, in PostgreSQL."""
    shutil.copytree(scene.folder, folder)
    if isinstance(scene.address, PostgresAddress):
        assert database is not None
        (folder / "home" / MARK).unlink(missing_ok=True)  # it names the other database
        address = replace(scene.address, database=database, files=folder / "home")
        return Scene(folder, address)
    return Scene(folder, folder / "home" / scene.address.name)


def snapshot(address: CatalogueAddress) -> dict[str, Any]:
    """All that a catalogue holds but times and file places, for comparing; vectors by hash."""
    engine = open_engine(address)
    try:
        with Session(engine) as session:
            last = session.scalar(select(RevisionRow).order_by(RevisionRow.revision.desc()))
            fingerprint = last.fingerprint if last else ""
            return {
                "revision": last.revision if last else 0,
                "fingerprint": fingerprint,
                "revisions": [
                    (row.revision, row.kind, row.undoes)
                    for row in session.scalars(select(RevisionRow).order_by(RevisionRow.revision))
                ],
                "photos": [
                    (row.name, row.content_hash, row.individual_id, row.encounter_id, row.state)
                    for row in session.scalars(select(PhotoRow).order_by(PhotoRow.name))
                ],
                "individuals": [
                    (row.id, row.name, row.merged_into, row.other_names)
                    for row in session.scalars(select(IndividualRow).order_by(IndividualRow.id))
                ],
                "vectors": _vectors_hash(session, fingerprint),
                "changes": [
                    (row.revision, row.kind, row.photo)
                    for row in session.scalars(select(ChangeRow).order_by(ChangeRow.id))
                ],
            }
    finally:
        engine.dispose()


def _vectors_hash(session: Session, fingerprint: str) -> str:
    rows = session.execute(
        select(PhotoRow.name, VectorRow.embedding)
        .join(VectorRow, VectorRow.photo_id == PhotoRow.id)
        .where(VectorRow.fingerprint == fingerprint)
        .order_by(PhotoRow.name)
    )
    digest = hashlib.sha256()
    for name, embedding in rows:
        digest.update(name.encode() + bytes(embedding))
    return digest.hexdigest()


def check_whole(address: CatalogueAddress) -> None:
    """Assert that `catalogue verify` finds no fault and that the catalogue can be searched."""
    verification = verify_catalogue(address)
    assert verification.faults == (), verification.faults
    with Catalogue.open(address) as catalogue:
        gallery, _ = catalogue.searchable()
        assert gallery.revision == catalogue.revision
        assert gallery.size > 0


def remnants(scene: Scene) -> list[str]:
    """Files that an act has begun and not finished: hidden ones, and what stands in for them."""
    return sorted(
        path.relative_to(scene.folder).as_posix()
        for path in scene.folder.rglob("*")
        if path.name.startswith(".") or path.name.endswith("-journal")
    )


class Acknowledger:
    """Writes what is done to a pipe, line by line, so that a killed process's acts are known."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __call__(self, **facts: Any) -> None:
        os.write(self._descriptor, (json.dumps(facts) + "\n").encode())


Do = Callable[[Scene, Acknowledger], None]
