"""Lead a catalogue to photos whose folder has been moved or renamed; every content is compared."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from embedding.errors import FlukeprintError
from embedding.photos.photo import BadPhoto
from index.catalogue.catalogue import Catalogue
from index.catalogue.raw_rows import stored_photos
from index.catalogue.revision import open_revision
from index.photos.embed import BATCH_PHOTOS, PhotoFile, photo_file
from index.prefetch import decoding_threads, prefetch
from index.progress import Progress, no_progress
from index.storage.address import files_folder
from index.storage.schema import DELETED, PhotoRow


class BadMove(FlukeprintError):
    """Folders between which no photo can be moved."""


@dataclass(frozen=True, slots=True)
class MovedPhotos:
    """What became of the photos below a folder.

    `moved` lists names; `not_moved` pairs names with reasons. `revision` None: nothing was changed.
    """

    moved: tuple[str, ...]
    not_moved: tuple[tuple[str, str], ...]
    revision: int | None


@dataclass(frozen=True, slots=True)
class _Stored:
    key: int
    name: str
    before: str
    path: Path
    content_hash: str
    is_deleted: bool


def move_photos(
    catalogue: Catalogue,
    old: Path,
    new: Path,
    *,
    is_dry_run: bool = False,
    made_by: str | None = None,
    progress: Progress = no_progress,
) -> MovedPhotos:
    """Lead the photos that were below `old` to the files of the same names below `new`.

    A file that is absent or holds something else is listed, and its photo keeps its path. The whole
    move is one revision. Raises BadMove where `new` is no folder or no photo is below `old`.
    """
    old, new = _absolute(old), _absolute(new)
    if not new.is_dir():
        raise BadMove(f"{new}: there is no such folder; give the one that the photos are in now")
    if old == new:
        raise BadMove(f"{old} is given twice; give the folder that was and the one that is now")
    found = _photos_below(catalogue, old, new)
    if not found:
        raise BadMove(
            f"no photo of {catalogue.address} lies below {old}; `flukeprint catalogue verify` "
            "lists the files that are absent"
        )
    moved: list[tuple[_Stored, PhotoFile]] = []
    not_moved: list[tuple[str, str]] = []
    files = prefetch(found, _read, threads=decoding_threads(), most=BATCH_PHOTOS)
    with progress(len(found), "Comparing files") as advance:
        for stored, file in zip(found, files, strict=True):
            if isinstance(file, PhotoFile):
                moved.append((stored, file))
            elif not stored.is_deleted:
                not_moved.append((stored.name, file))
            advance(1)
    revision = None if is_dry_run or not moved else _write(catalogue, moved, made_by)
    names = tuple(stored.name for stored, _ in moved if not stored.is_deleted)
    return MovedPhotos(names, tuple(not_moved), revision)


def _absolute(folder: Path) -> Path:
    """The folder as paths name it, and not what links in it lead to: photos are stored so."""
    return Path(os.path.normpath(folder.absolute()))


def _photos_below(catalogue: Catalogue, old: Path, new: Path) -> list[_Stored]:
    """The photos below the old folder, deleted ones too, with the files that they may have now."""
    start = files_folder(catalogue.address)
    olds = {old, old.resolve()}
    found: list[_Stored] = []
    for key, name, before, hashed, state in stored_photos(catalogue.address):
        path = start / before
        top = next((one for one in olds if path.is_relative_to(one)), None)
        if top is not None:
            now = new / path.relative_to(top)
            found.append(_Stored(key, name, before, now, hashed, state == DELETED))
    return found


def _read(stored: _Stored) -> PhotoFile | str:
    """The file that is there now, or why it isn't the photo's."""
    try:
        file, _ = photo_file(stored.path)
    except BadPhoto as error:
        return str(error)
    if file.content_hash != stored.content_hash:
        return f"{stored.path} holds something else than what was catalogued"
    return file


def _write(
    catalogue: Catalogue, moved: Sequence[tuple[_Stored, PhotoFile]], made_by: str | None
) -> int:
    start = files_folder(catalogue.address)
    with open_revision(catalogue, kind="update", made_by=made_by) as revision:
        for stored, file in moved:
            is_inside = stored.path.is_relative_to(start)
            path = str(stored.path.relative_to(start) if is_inside else stored.path)
            revision.update(
                PhotoRow,
                stored.key,
                {"path": path, "size_bytes": file.size_bytes, "mtime_ns": file.mtime_ns},
            )
            revision.log("relabel", stored.name, {"path": stored.before}, {"path": path})
        revision.finish(revision.last_fingerprint or "")
        return revision.number
