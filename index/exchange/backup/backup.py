"""Copies of a catalogue with its photos: made while it is used, checked, put back.

A backup is a folder (or a tar of one) that is a usable catalogue itself: a SQLite file, also of one
in PostgreSQL, each photo at the place that the file says, and `backup.json` with the SHA-256 of
every file. It can be put back into either.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from embedding.errors import FlukeprintError
from embedding.photos.photo import BadPhoto, content_hash, photo_bytes
from index.access.copy_access import copy_access, forget_devices
from index.catalogue.catalogue import Catalogue
from index.catalogue.raw_rows import put_paths, stored_photos
from index.exchange.backup.copy_database import copy_catalogue
from index.labels.fields import parse_file_name
from index.labels.labelled_photo import BadLabels
from index.progress import Progress, no_progress
from index.storage.address import CatalogueAddress, files_folder, resolve_links
from index.storage.connection import (
    check_catalogue,
    discard_database,
    exists,
    put_in_place,
    remove_database,
    sibling_address,
)
from index.storage.originals import fetch_originals, media_folder, media_path
from index.storage.partial_files import (
    flush_files,
    flush_folder,
    remove_unfinished,
    unfinished_suffix,
)
from index.storage.schema import DELETED
from index.storage.serving_marker import refuse_served

MANIFEST = "backup.json"
FORMAT = "flukeprint-backup-1"
_CHUNK_BYTES = 2**20
_DATABASE_NAME = "catalogue.db"  # of a backup of a database, which is no file


class BadBackup(FlukeprintError):
    """A backup that can't be made, read or put back."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds: `files` are SHA-256 by name, the `catalogue`'s own among them."""

    catalogue: str
    made_at: str
    revision: int
    fingerprint: str | None
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class BackupResult:
    """A finished backup, and the photos (name, why) that it could not take in."""

    manifest: Manifest
    left_out: tuple[tuple[str, str], ...]


def make_backup(
    catalogue: CatalogueAddress, out: Path, *, progress: Progress = no_progress
) -> BackupResult:
    """Copy a catalogue and its photos into the new folder or tar `out`, while it is in use.

    Photos from elsewhere than the catalogue's folder get a place in the backup's media folder.
    Those that are absent or changed since they were catalogued are left out and told. Raises
    BadBackup and BadCatalogue.
    """
    check_catalogue(catalogue)
    catalogue, out = resolve_links(catalogue), out.absolute()
    _refuse_target(out)
    remove_unfinished([out.parent])  # of a backup that was killed
    unfinished = out.with_name(f".{out.name}{unfinished_suffix()}")
    try:
        unfinished.mkdir()
        done = _fill(catalogue, unfinished, progress)
        if out.suffix == ".tar":
            _pack(unfinished, out)
        else:
            flush_files(unfinished)
            if out.is_dir():
                out.rmdir()
            unfinished.rename(out)
        flush_folder(out.parent)
    except OSError as error:
        raise BadBackup(f"the backup {out} can't be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return done


def restore_backup(
    backup: Path,
    catalogue: CatalogueAddress,
    *,
    is_replacing: bool = False,
    progress: Progress = no_progress,
) -> Manifest:
    """Put a backup's catalogue and photos where `catalogue` says, after checking every file of it.

    Photos first, the catalogue last: interrupted, the old one is still there. Raises BadBackup, and
    BadCatalogue when the one to be replaced is in use.
    """
    catalogue, start = resolve_links(catalogue), files_folder(catalogue)
    if not start.is_dir():
        raise BadBackup(f"there is no folder {start} to restore into; make it first")
    if exists(catalogue):
        if not is_replacing:
            raise BadBackup(
                f"there is a catalogue at {catalogue} already; give another --catalogue, or "
                "--replace"
            )
        check_catalogue(catalogue)  # what isn't a catalogue is never replaced
        refuse_served(catalogue)  # told before hours of copying
    remove_unfinished([start])  # of a try that was killed
    with _open_backup(backup, start) as folder:
        manifest = read_manifest(folder)
        remove_unfinished({(start / name).parent for name in manifest.files})
        _check_files(folder, manifest, start, progress)
        try:
            with progress(len(manifest.files), "Restoring") as advance:
                for name in manifest.files:
                    if name != manifest.catalogue:
                        _copy(folder / name, start / name)
                    advance(1)
            _put_database(folder / manifest.catalogue, catalogue)
        except OSError as error:
            raise BadBackup(
                f"{backup} can't be restored to {catalogue}: {error.strerror or error}"
            ) from error
    return manifest


def _put_database(backed_up: Path, catalogue: CatalogueAddress) -> None:
    unfinished = sibling_address(catalogue, "restoring")
    remove_database(
        unfinished
    )  # of a try that was killed: its log would be replayed into this one's file
    try:
        if isinstance(unfinished, Path):
            _copy(backed_up, unfinished)
        else:
            _copy_into_database(backed_up, unfinished)
        if exists(catalogue):
            copy_access(catalogue, unfinished)
        put_in_place(unfinished, catalogue)
    finally:
        discard_database(unfinished)


def _copy_into_database(backed_up: Path, unfinished: CatalogueAddress) -> None:
    with tempfile.TemporaryDirectory(
        prefix="flukeprint-"
    ) as folder:  # opening may alter a file, also the backup's own
        file = Path(folder) / backed_up.name
        shutil.copyfile(backed_up, file)
        Catalogue.open(file).close()  # brings an older format up to date
        copy_catalogue(file, unfinished)


def read_manifest(folder: Path) -> Manifest:
    """Read a backup's list of files. Raises BadBackup."""
    try:
        document: Any = json.loads((folder / MANIFEST).read_text("utf-8"))
        if document["format"] != FORMAT:
            raise BadBackup(
                f"{folder} is a backup of the form {document['format']}; this flukeprint reads "
                f"{FORMAT}"
            )
        files = {
            str(name): str(hashed)
            for name, hashed in cast("dict[str, str]", document["files"]).items()
        }
        for name in files:
            parse_file_name(name, str(folder / MANIFEST))
        manifest = Manifest(
            document["catalogue"],
            document["made_at"],
            document["revision"],
            document["fingerprint"],
            files,
        )
    except (
        *(OSError, ValueError, RecursionError),
        *(KeyError, TypeError, AttributeError),
    ) as error:
        raise BadBackup(
            f"{folder} is no backup of flukeprint's: no {MANIFEST} that can be read ({error})"
        ) from error
    except BadLabels as error:
        raise BadBackup(str(error)) from error
    if manifest.catalogue not in files or "/" in manifest.catalogue:
        raise BadBackup(f"{folder}/{MANIFEST} names no catalogue among its files")
    return manifest


def _fill(catalogue: CatalogueAddress, folder: Path, progress: Progress) -> BackupResult:
    start = files_folder(catalogue)
    copy = folder / (catalogue.name if isinstance(catalogue, Path) else _DATABASE_NAME)
    copy_catalogue(catalogue, copy)
    with Catalogue.open(copy) as opened:  # which also brings an older format up to date
        revision, fingerprint = opened.revision, opened.fingerprint
    forget_devices(copy)
    photos = stored_photos(copy)  # deleted ones too: their deletion may be undone
    fetch_originals(
        catalogue, lambda: (start / path for _, _, path, _, _ in photos), progress=progress
    )
    left_out: list[tuple[str, str]] = []
    files: dict[str, str] = {}
    moved: dict[int, str] = {}
    with progress(len(photos), "Copying photos") as advance:
        for key, name, path, hashed, state in photos:
            place = _place(path, hashed, name, copy)
            try:
                _keep(start / path, hashed, name, folder / place)
            except BadPhoto as error:
                left_out += (
                    [(name, str(error).removeprefix(f"{name}: "))] if state != DELETED else []
                )
            else:
                files[place] = hashed
                moved |= {key: place} if place != path else {}
            advance(1)
    put_paths(copy, moved)
    files[copy.name] = _hash_of(copy)
    made_at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    manifest = Manifest(copy.name, made_at, revision, fingerprint, files)
    _write_manifest(folder, manifest)
    return BackupResult(manifest, tuple(left_out))


def _place(path: str, hashed: str, name: str, copy: Path) -> str:
    """Where a photo goes in the backup.

    It is where it lies below the catalogue's folder, else in the media folder.
    """
    if not Path(path).is_absolute() and ".." not in Path(path).parts:
        return Path(path).as_posix()
    return (
        media_path(media_folder(copy), hashed, name).relative_to(copy.resolve().parent).as_posix()
    )


def _keep(source: Path, hashed: str, name: str, target: Path) -> None:
    """Copy one photo. Raises BadPhoto where it is absent or not what was catalogued."""
    data = photo_bytes(source, name=name)
    if content_hash(data) != hashed:
        raise BadPhoto(
            f"{name}: the file changed since it was catalogued; run `flukeprint index update`"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    document = {
        "format": FORMAT,
        "catalogue": manifest.catalogue,
        "made_at": manifest.made_at,
        "revision": manifest.revision,
        "fingerprint": manifest.fingerprint,
        "files": manifest.files,
    }
    (folder / MANIFEST).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _refuse_target(out: Path) -> None:
    if not out.parent.is_dir():
        raise BadBackup(f"there is no folder {out.parent} to write {out.name} into; make it first")
    if out.is_dir() and not any(out.iterdir()) and out.suffix != ".tar":
        return
    if out.exists():
        raise BadBackup(
            f"{out} is there already; a backup is never written over: give another --out"
        )


def _pack(folder: Path, out: Path) -> None:
    unfinished = out.with_name(f".{out.name}.tar{unfinished_suffix()}")
    try:
        with unfinished.open("wb") as file:
            with tarfile.open(fileobj=file, mode="w") as archive:
                for path in _files_below(folder):
                    archive.add(path, path.relative_to(folder).as_posix())
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _open_backup(backup: Path, folder: Path) -> Generator[Path]:
    """A backup as a folder; a tar is unpacked beside where it goes."""
    if backup.is_dir():
        yield backup
        return
    unpacked = folder / f".{backup.name}{unfinished_suffix()}"
    try:
        with tarfile.open(backup) as archive:
            archive.extractall(
                unpacked, filter="data"
            )  # no links, devices or paths that lead elsewhere
    except (OSError, tarfile.TarError) as error:
        shutil.rmtree(unpacked, ignore_errors=True)
        raise BadBackup(f"{backup}: neither a backup's folder nor its tar ({error})") from error
    try:
        yield unpacked
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)


def _check_files(folder: Path, manifest: Manifest, start: Path, progress: Progress) -> None:
    """Refuse a damaged backup, and one that would overwrite other files."""
    with progress(len(manifest.files), "Checking the backup") as advance:
        for name, hashed in manifest.files.items():
            path = folder / name
            if path.is_symlink() or not path.is_file() or _hash_of(path) != hashed:
                raise BadBackup(
                    f"the backup is damaged: {name} is absent or not what {MANIFEST} says; use "
                    "another one"
                )
            there = start / name
            if name != manifest.catalogue and there.exists() and _hash_of(there) != hashed:
                raise BadBackup(
                    f"{there} is another file than the backup's; move it away, or restore elsewhere"
                )
            advance(1)


def _copy(source: Path, target: Path) -> None:
    if target.exists() and _hash_of(target) == _hash_of(source):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}{unfinished_suffix()}")
    try:
        with source.open("rb") as read, unfinished.open("wb") as written:
            shutil.copyfileobj(read, written, _CHUNK_BYTES)
            written.flush()
            os.fsync(written.fileno())
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def _files_below(folder: Path) -> Iterator[Path]:
    yield from sorted(path for path in folder.rglob("*") if path.is_file())


def _hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
