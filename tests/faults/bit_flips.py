"""One bit flips in a file: it is found and named, or what is derived is made again.

For each kind of file a function flips a bit and says what came of it.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import torch
from sqlalchemy.exc import SQLAlchemyError

from embedding.checkpoint import fingerprint_of
from embedding.errors import FlukeprintError
from index.catalogue.catalogue import Catalogue
from index.exchange.backup.backup import make_backup, restore_backup
from index.exchange.backup.verify import verify_catalogue
from index.exchange.importing.archive import unpack
from index.exchange.importing.hash_cache import known_perceptual
from index.photos.embed import EmbeddedPhoto, PhotoFile
from index.photos.pending_vectors import PendingVectors, pending_folder
from index.storage.originals import media_folder
from tests.faults.copies import Copies
from tests.faults.corpus import archives
from tests.faults.scene import Scene, embedder, snapshot
from tests.faults.value_flips import FOUND, REFUSED, SILENT, columns_with_values, flip_value
from training.learning.resume import Position, load_state, save_state

HARMLESS = "without effect"


def flip(path: Path, rng: random.Random) -> int:
    """Flip one bit of a file; returns which byte it was in."""
    data = bytearray(path.read_bytes())
    at = rng.randrange(len(data))
    data[at] ^= 1 << rng.randrange(8)
    path.write_bytes(data)
    return at


def _flip_original(scene: Scene, rng: random.Random) -> str:
    """An original: `catalogue verify` names the photo."""
    with Catalogue.open(scene.address) as catalogue:
        photo = rng.choice(catalogue.photos())
    flip(photo.path, rng)
    faults = verify_catalogue(scene.address).faults
    return FOUND if [fault.photo for fault in faults] == [photo.name] else SILENT


def _flip_database(scene: Scene, rng: random.Random) -> str:
    """The SQLite file: it is refused, or `catalogue verify` lists a fault."""
    before = snapshot(scene.address)
    assert isinstance(scene.address, Path)
    flip(scene.address, rng)
    try:
        if verify_catalogue(scene.address).faults:
            return FOUND
        with Catalogue.open(scene.address) as catalogue:
            catalogue.searchable()
        return HARMLESS if snapshot(scene.address) == before else SILENT
    except (SQLAlchemyError, ValueError):  # of the snapshot: verify has found nothing
        return SILENT
    except FlukeprintError as error:
        # A calibration is derived: its error names the command that fits it again.
        is_clear = scene.address.name in str(error) or "index update" in str(error)
        return FOUND if is_clear else f"unclear: {error}"


def _flip_cell(scene: Scene, rng: random.Random) -> str:
    """One value of the catalogue, behind SQLite's back and so within its own checks."""
    column = rng.choice(columns_with_values(scene))
    outcome = flip_value(scene, column, rng)
    return outcome if outcome in (FOUND, REFUSED) else f"{outcome}: {column}"


def _flip_pending_vectors(scene: Scene, rng: random.Random) -> str:
    """Vectors of a broken-off update: a damaged one is passed over, and made again."""
    with Catalogue.open(scene.address) as catalogue:
        photos = catalogue.photos()
        _, vectors = catalogue.vectors(catalogue.fingerprint or "")
    model, folder = embedder(), pending_folder(scene.address)
    pending = PendingVectors(folder, model.fingerprint)
    for photo, vector in zip(photos, vectors, strict=True):
        file = PhotoFile(photo.content_hash, photo.size_bytes, None)
        pending.append([EmbeddedPhoto(_Labelled(photo.name), file, vector)])
    pending.close()
    flip(next(folder.iterdir()), rng)
    read = PendingVectors(folder, model.fingerprint)
    stored = [read.get(photo.content_hash, None) for photo in photos]
    same = [
        found is None or bool((found.vector == vector).all())
        for found, vector in zip(stored, vectors, strict=True)
    ]
    if not all(same):
        return SILENT
    return FOUND if None in [found if found is None else 0 for found in stored] else HARMLESS


class _Labelled:
    """What a pending vector needs of a labelled photo."""

    box = None

    def __init__(self, name: str) -> None:
        self.name = name


def _flip_hash_cache(scene: Scene, rng: random.Random) -> str:
    """The cache of perceptual hashes: damaged, it is made again."""
    with Catalogue.open(scene.address) as catalogue:
        photos = catalogue.photos()
    folder = media_folder(scene.address)
    before = known_perceptual(photos, folder)
    flip(folder / "perceptual.npz", rng)
    return FOUND if known_perceptual(photos, folder) == before else SILENT


def _flip_backup_folder(scene: Scene, rng: random.Random) -> str:
    """A backup's folder: it is refused, and the damaged file is named."""
    files = [path for path in scene.backup.rglob("*") if path.is_file()]
    path = rng.choice(files)
    flip(path, rng)
    return _restored(scene.backup, scene, named=path.name)


def _flip_backup_tar(scene: Scene, rng: random.Random) -> str:
    """A backup's tar: it is refused, or what comes out is whole."""
    tar = scene.folder / "backup.tar"
    make_backup(scene.address, tar)
    flip(tar, rng)
    return _restored(tar, scene, named="")


def _restored(backup: Path, scene: Scene, *, named: str) -> str:
    place = scene.folder / "restored"
    place.mkdir()
    before = snapshot(scene.address)
    try:
        restore_backup(backup, place / "catalogue.db")
    except FlukeprintError as error:
        return FOUND if named in str(error) or "backup.json" in str(error) else f"unclear: {error}"
    if verify_catalogue(place / "catalogue.db").faults:
        return SILENT
    now = snapshot(place / "catalogue.db")
    return HARMLESS if now["photos"] == before["photos"] else SILENT


def _flip_upload(scene: Scene, rng: random.Random) -> str:
    """A zip in the jobs' folder: a damaged entry is listed, all others are unpacked."""
    path = scene.folder / "upload.zip"
    path.write_bytes(archives()["folders"])
    whole = unpack(path, scene.folder / "whole")
    flip(path, rng)
    try:
        found = unpack(path, scene.folder / "damaged")
    except FlukeprintError:
        return FOUND
    contents = {(found.folder / name).read_bytes() for name in found.names}
    if not contents <= {(whole.folder / name).read_bytes() for name in whole.names}:
        return SILENT
    return FOUND if found.left_out else HARMLESS


def _network() -> tuple[dict[str, torch.nn.Module], torch.optim.Optimizer]:
    torch.manual_seed(20180601)
    network = torch.nn.Linear(16, 8)
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.01)
    network(torch.ones(1, 16)).sum().backward()
    optimiser.step()
    return {"network": network}, optimiser


def _slots(optimiser: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    state = optimiser.state_dict()["state"]
    return {f"{key} {name}": value for key in state for name, value in state[key].items()}


def _flip_training_state(scene: Scene, rng: random.Random) -> str:
    """The checkpoint of a training: it is refused."""
    path = scene.folder / "resume.safetensors"
    save_state(path, Position(step=3, best=0.5), *_network(), "digest")
    flip(path, rng)
    modules, optimiser = _network()
    try:
        position = load_state(path, modules, optimiser, "digest")
    except FlukeprintError as error:
        return FOUND if path.name in str(error) else f"unclear: {error}"
    same_modules, same_optimiser = _network()
    expected = {**same_modules["network"].state_dict(), **_slots(same_optimiser)}
    now = {**modules["network"].state_dict(), **_slots(optimiser)}
    is_same = all(torch.equal(now[name], expected[name]) for name in expected)
    return HARMLESS if is_same and position == Position(step=3, best=0.5) else SILENT


def _flip_checkpoint(scene: Scene, rng: random.Random) -> str:
    """A checkpoint: its fingerprint is another, so that a catalogue refuses it."""
    path = scene.folder / "checkpoint.safetensors"
    path.write_bytes(rng.randbytes(5000))
    before = fingerprint_of(path)
    flip(path, rng)
    return FOUND if fingerprint_of(path) != before else SILENT


KINDS: dict[str, Callable[[Scene, random.Random], str]] = {
    "original photo": _flip_original,
    "database": _flip_database,
    "database, a value": _flip_cell,
    "pending vectors": _flip_pending_vectors,
    "cache of hashes": _flip_hash_cache,
    "backup, folder": _flip_backup_folder,
    "backup, tar": _flip_backup_tar,
    "upload of a job": _flip_upload,
    "training checkpoint": _flip_training_state,
    "checkpoint": _flip_checkpoint,
}


def flip_bits(copies: Copies, kind: str, count: int, seed: int) -> Counter[str]:
    """Flip one bit in each of so many files of a kind; what came of each."""
    rng = random.Random(f"{kind} {seed}")
    outcomes: Counter[str] = Counter()
    for _ in range(count):
        with copies() as scene:
            outcomes[KINDS[kind](scene, rng)] += 1
            shutil.rmtree(scene.folder / "restored", ignore_errors=True)
    return outcomes
