"""The folder of original photos: each under its content hash, whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from embedding.errors import FlukeprintError
from embedding.photos.photo import PHOTO_SUFFIXES, content_hash
from index.objects.photo_store import fetch_photos, keep_in_store
from index.progress import Progress, no_progress
from index.storage.address import CatalogueAddress, sibling_folder
from index.storage.partial_files import unfinished_suffix


class BadMedia(FlukeprintError):
    """The media folder can't be written."""


def media_folder(catalogue: CatalogueAddress) -> Path:
    """Find the folder of a catalogue's original photos.

    It is `catalogue.db.media` beside `catalogue.db`, a database's `media`.
    """
    return sibling_folder(catalogue, "media")


def media_path(folder: Path, hashed: str, name: str) -> Path:
    """Where a photo belongs: `ab/abcd....jpg`, with the suffix of `name` if it is a photo's."""
    suffix = Path(name).suffix.lower()
    return folder / hashed[:2] / (hashed + (suffix if suffix in PHOTO_SUFFIXES else ""))


def store_photo(data: bytes, folder: Path, name: str) -> Path:
    """Keep a photo's bytes under their content hash; what is there already is not written again.

    A file of that name with another content, as a failing disk leaves it, is written anew. Where
    the folder is an object store's cache, they are kept there first. Raises BadMedia and BadStore.
    """
    path = media_path(folder, content_hash(data), name)
    with contextlib.suppress(OSError):
        if path.stat().st_size == len(data) and path.read_bytes() == data:
            return path
    keep_in_store(folder, path, data)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)
    except OSError as error:
        raise BadMedia(
            f"{path}: can't be written ({error.strerror}); mend that and run the same command again"
        ) from error
    return path


def fetch_originals(
    catalogue: CatalogueAddress,
    paths: Callable[[], Iterable[Path]],
    *,
    progress: Progress = no_progress,
) -> None:
    """Fetch the originals that lack in the media folder, where it is an object store's cache.

    `paths` gives those that are needed. Raises BadStore.
    """
    fetch_photos(media_folder(catalogue), paths, progress=progress)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under a hidden name and rename it, so that it is never there in part."""
    unfinished = path.with_name(f".{path.name}{unfinished_suffix()}")
    try:
        with unfinished.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
