"""The photos of one identify job: below a folder of this machine, or in an uploaded zip."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from embedding.errors import FlukeprintError
from embedding.photos.photo import PHOTO_SUFFIXES
from index.exchange.importing.archive import ArchiveLimits, BadArchive, unpack
from index.jobs.records import FileFault
from index.progress import Advance

_NO_PHOTO = f"not a photo by its name; photos end in {', '.join(sorted(PHOTO_SUFFIXES))}"


class BadSource(FlukeprintError):
    """A folder that a job may not read, or that isn't there."""


class JobPhotos(NamedTuple):
    """Names of photos below `folder`, sorted, and the files that are none."""

    folder: Path
    names: list[str]
    faults: list[FileFault]


def allowed_folder(name: str, root: Path) -> Path:
    """A folder that a client named, as it lies below `root`. Raises BadSource for any other."""
    root = root.resolve()
    if "\0" in name:
        raise BadSource("the folder's name holds a NUL character")
    folder = (root / name).resolve()
    if not folder.is_relative_to(root):
        raise BadSource(
            f"the folder {name} is not below the one that jobs may read; the service's operator "
            "sets it with --job-photos"
        )
    if not folder.is_dir():
        raise BadSource(f"there is no folder {name} below the one that jobs may read")
    return folder


def folder_photos(folder: Path) -> JobPhotos:
    """List the photos below a folder; other files are faults, hidden ones are ignored."""
    names: list[str] = []
    faults: list[FileFault] = []
    for parent, folders, files in os.walk(folder, onerror=_listing_failed):
        folders[:] = [name for name in folders if not name.startswith((".", "__MACOSX"))]
        below = Path(parent).relative_to(folder)
        for file in files:
            name = (below / file).as_posix()
            reason = None if file.startswith(".") else _why_not(folder, name)
            if reason is not None:
                faults.append(FileFault(ascii(name)[1:-1] if not _is_text(name) else name, reason))
            elif not file.startswith("."):
                names.append(name)
    return JobPhotos(folder, sorted(names), sorted(faults, key=lambda fault: fault.file))


def zip_photos(
    archive: Path, folder: Path, limits: ArchiveLimits, between: Callable[[], None] = lambda: None
) -> JobPhotos:
    """Unpack a zip into `folder` and list its photos and what it left out.

    `between` is called after each entry and may raise to stop. Raises BadArchive.
    """

    @contextmanager
    def progress(total: int | None, description: str) -> Generator[Advance]:
        del total, description
        yield lambda steps: between()

    shutil.rmtree(folder, ignore_errors=True)
    try:
        unpacked = unpack(archive, folder, limits=limits, progress=progress)
    except BadArchive as error:  # whose message names a file that its sender doesn't know
        raise BadArchive(
            str(error).replace(str(archive), "the zip").replace(str(folder), "the service")
        ) from error
    names = [name for name in unpacked.names if Path(name).suffix.lower() in PHOTO_SUFFIXES]
    others = sorted(set(unpacked.names) - set(names))
    faults = [FileFault(name, _NO_PHOTO) for name in others]
    return JobPhotos(
        folder, names, faults + [FileFault(one.name, one.reason) for one in unpacked.left_out]
    )


def unpacked_photos(folder: Path) -> JobPhotos:
    """List the photos that `zip_photos` found, in a folder that it has filled."""
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return JobPhotos(
        folder, sorted(name for name in names if Path(name).suffix.lower() in PHOTO_SUFFIXES), []
    )


def _why_not(folder: Path, name: str) -> str | None:
    if not _is_text(name):
        return "the file's name is not UTF-8; rename it"
    if Path(name).suffix.lower() not in PHOTO_SUFFIXES:
        return _NO_PHOTO
    # A link may lead to what this service may read but its clients may not.
    if not (folder / name).resolve().is_relative_to(folder.resolve()):
        return "a link that leads out of the folder"
    return None


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _listing_failed(error: OSError) -> None:
    raise BadSource(f"{error.filename}: the folder can't be listed ({error.strerror})")
