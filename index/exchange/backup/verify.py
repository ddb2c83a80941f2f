"""Is a catalogue whole?

Every photo's content hash, every vector's checksum and length, the database's own check, every row
against the log of changes, and the checksums of what is derived for a start.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from embedding.photos.photo import BadPhoto, content_hash, photo_bytes
from index.catalogue.catalogue import Catalogue, CataloguePhoto
from index.catalogue.raw_rows import stored_photos, stored_vectors
from index.exchange.backup.log_check import record_faults
from index.photos.embed import BATCH_PHOTOS
from index.photos.pending_vectors import pending_files, pending_folder
from index.prefetch import decoding_threads, prefetch
from index.progress import Progress, no_progress
from index.reindex.staged_vectors import checkpoints_of
from index.reindex.stored_copies import StoredCopies
from index.snapshots.array_file import BadArrays, read_arrays
from index.snapshots.snapshot import snapshot_files
from index.storage.address import CatalogueAddress, files_folder
from index.storage.connection import database_faults
from index.storage.originals import fetch_originals, media_folder

FaultKind = Literal[
    "database", "record", "photo_absent", "photo_changed", "vector", "no_vector", "snapshot"
]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: its kind, its photo (empty: the file as a whole), and what to do."""

    kind: FaultKind
    photo: str
    reason: str


@dataclass(frozen=True, slots=True)
class WaitingVectors:
    """A file of vectors that aren't stored.

    `is_of_use` where the catalogue has its checkpoint's or is getting them.
    """

    file: str
    fingerprint: str
    size_bytes: int
    is_of_use: bool


@dataclass(frozen=True, slots=True)
class Verification:
    """What was looked at and what is wrong.

    `stray` are files of the media folder that no photo needs.

    `waiting` are vectors that commands which were broken off have left.
    """

    revision: int
    photos: int
    vectors: int
    faults: tuple[Fault, ...]
    stray: tuple[str, ...]
    waiting: tuple[WaitingVectors, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values for `flukeprint catalogue verify --json`."""
        return asdict(self) | {"is_whole": not self.faults}


def verify_catalogue(
    address: CatalogueAddress, *, progress: Progress = no_progress
) -> Verification:
    """Read everything that a catalogue stands on, and list every fault.

    Raises BadCatalogue when it can't be opened.
    """
    with Catalogue.open(address) as opened:
        photos, revision, checkpoints = opened.photos(), opened.revision, checkpoints_of(opened)
    faults = [Fault("database", "", said) for said in database_faults(address)]
    fetch_originals(address, lambda: (photo.path for photo in photos), progress=progress)
    copies = StoredCopies.next_to_catalogue(media_folder(address))

    def photo_fault(photo: CataloguePhoto) -> Fault | None:
        return _photo_fault(photo, copies)

    faults += [Fault("record", *fault) for fault in record_faults(address)]
    with progress(len(photos), "Reading photos") as advance:
        for fault in prefetch(photos, photo_fault, threads=decoding_threads(), most=BATCH_PHOTOS):
            faults += [fault] if fault else []
            advance(1)
    vectors = 0
    for vector in stored_vectors(address):
        vectors += 1
        if vector.fault:
            faults.append(
                Fault(
                    "vector",
                    vector.photo,
                    f"the vector of checkpoint {vector.fingerprint[:12]} {vector.fault}; embed it "
                    "again with `flukeprint index update`",
                )
            )
    faults += [
        Fault(
            "no_vector",
            photo.name,
            "has no vector of the catalogue's checkpoint; run `flukeprint index update`",
        )
        for photo in photos
        if photo.state == "catalogued" and photo.fingerprint is None
    ]
    faults += _snapshot_faults(address)
    return Verification(
        revision,
        len(photos),
        vectors,
        tuple(faults),
        _stray(address),
        _waiting(address, checkpoints),
    )


def _snapshot_faults(address: CatalogueAddress) -> list[Fault]:
    """List the snapshots that are damaged. No answer comes from them, but their disk fails."""
    faults: list[Fault] = []
    for path in snapshot_files(address):
        try:
            read_arrays(path)
        except (BadArrays, OSError) as error:
            reason = f"{error}; it is passed over, and may be deleted"
            faults.append(Fault("snapshot", "", reason))
    return faults


def _photo_fault(photo: CataloguePhoto, copies: StoredCopies) -> Fault | None:
    try:
        data = photo_bytes(photo.path, name=photo.name)
    except BadPhoto as error:
        return Fault(
            "photo_absent",
            photo.name,
            f"{_bare(error, photo.name)}; {_way_back(photo, copies)}",
        )
    if content_hash(data) != photo.content_hash:
        return Fault(
            "photo_changed",
            photo.name,
            f"{photo.path} is not what was catalogued; restore it from a backup",
        )
    if len(data) != photo.size_bytes:
        return Fault(
            "record",
            photo.name,
            f"its size_bytes is {photo.size_bytes}, and its file has {len(data)}; correct it with "
            "`flukeprint index update --rehash`, or restore a copy",
        )
    return None


def _way_back(photo: CataloguePhoto, copies: StoredCopies) -> str:
    """How a photo whose file is absent is found again."""
    copy = copies.copy_of(photo.content_hash, photo.name)
    if copy is not None:
        return f"a copy lies beside the catalogue at {copy}: `flukeprint index update` leads to it"
    return (
        f"restore {photo.path} from a backup or, where its folder was moved, run `flukeprint "
        "catalogue move-photos`"
    )


def _bare(error: BadPhoto, name: str) -> str:
    """What an error says without the photo's name, which is told beside it."""
    return str(error).removeprefix(f"{name}: ")


def _waiting(address: CatalogueAddress, checkpoints: set[str]) -> tuple[WaitingVectors, ...]:
    return tuple(
        WaitingVectors(
            f"{each.path.parent.name}/{each.path.name}",
            each.fingerprint,
            each.size_bytes,
            is_of_use=each.is_being_written or each.fingerprint in checkpoints,
        )
        for each in pending_files(pending_folder(address))
    )


def _stray(address: CatalogueAddress) -> tuple[str, ...]:
    folder, start = media_folder(address), files_folder(address)
    known = {(start / place).resolve() for _, _, place, _, _ in stored_photos(address)}
    found = (each for each in folder.rglob("*") if each.is_file() and each.suffix != ".npz")
    return tuple(sorted(each.relative_to(folder).as_posix() for each in found if each not in known))
