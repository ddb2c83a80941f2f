"""Thumbnails of catalogue photos: small JPEGs, stored in a folder next to the catalogue."""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from starlette.applications import Starlette

from embedding.photos.photo import (
    Image,
    PhotoLimits,
    content_hash,
    photo_bytes,
    read_photo,
    thumbnail,
)
from index.snapshots.served_photo import ServedPhoto
from index.storage.address import CatalogueAddress, sibling_folder
from index.storage.originals import fetch_originals, write_whole
from service.catalogue.writer import CatalogueWriter

STORED_PX = (256, 512, 1024)
"""The sizes that are stored; larger ones are rarely requested and would fill the disk."""
_JPEG_QUALITY = 85


class Thumbnail(NamedTuple):
    """A JPEG, and whether its photo's file holds what was catalogued."""

    jpeg: bytes
    is_as_catalogued: bool


class Thumbnails:
    """Makes thumbnails, and stores those of a few sizes.

    With a folder, each photo is decoded once for each of these sizes.

    The folder may be deleted at any time, and one that can't be written only costs time.
    """

    def __init__(
        self, folder: Path | None, fetch: Callable[[Path], None] = lambda path: None
    ) -> None:
        """`fetch` brings an original that lies in an object store."""
        self._folder = folder
        self._fetch = fetch
        self._writing = (
            threading.Lock()
        )  # a file that is being written has one hidden name in a process

    def of(self, photo: ServedPhoto, size_px: int, limits: PhotoLimits) -> Thumbnail:
        """An upright JPEG without EXIF whose longer side is `size_px` at most. Raises BadPhoto."""
        stored_px = next((each for each in STORED_PX if each >= size_px), None)
        if self._folder is None or stored_px is None:
            data = self._original(photo, limits)
            return Thumbnail(
                _encoded(_small(data, size_px, limits)), content_hash(data) == photo.content_hash
            )
        stored = self._stored_thumbnail(photo, self._folder, stored_px, limits)
        return (
            stored
            if stored_px == size_px
            else stored._replace(jpeg=_encoded(_small(stored.jpeg, size_px, limits)))
        )

    def _stored_thumbnail(
        self, photo: ServedPhoto, folder: Path, size_px: int, limits: PhotoLimits
    ) -> Thumbnail:
        path = folder / photo.content_hash[:2] / f"{photo.content_hash}-{size_px}.jpg"
        with contextlib.suppress(OSError):
            return Thumbnail(path.read_bytes(), is_as_catalogued=True)
        data = self._original(photo, limits)
        made = _encoded(_small(data, size_px, limits))
        if (
            content_hash(data) != photo.content_hash
        ):  # what was put in the file's place is not kept under its hash
            return Thumbnail(made, is_as_catalogued=False)
        with contextlib.suppress(OSError), self._writing:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, made)
        return Thumbnail(made, is_as_catalogued=True)

    def _original(self, photo: ServedPhoto, limits: PhotoLimits) -> bytes:
        path = Path(photo.path)
        self._fetch(path)
        return photo_bytes(path, limits)


def thumbnails_folder(catalogue: CatalogueAddress) -> Path:
    """The folder of a catalogue's thumbnails: `catalogue.db.thumbnails` next to `catalogue.db`."""
    return sibling_folder(catalogue, "thumbnails")


def thumbnails_of(app: Starlette) -> Thumbnails:
    """An application's thumbnails; kept where it has a catalogue of its own."""
    made = getattr(app.state, "thumbnails", None)
    if not isinstance(made, Thumbnails):
        writer = getattr(app.state, "writer", None)
        if isinstance(writer, CatalogueWriter):
            address = writer.catalogue.address
            made = Thumbnails(
                thumbnails_folder(address), lambda path: fetch_originals(address, lambda: [path])
            )
        else:
            made = Thumbnails(None)
        app.state.thumbnails = made
    return made


def _small(source: Path | bytes, size_px: int, limits: PhotoLimits) -> Image:
    return thumbnail(read_photo(source, limits=limits, at_least_px=size_px), size_px)


def _encoded(image: Image) -> bytes:
    jpeg = io.BytesIO()
    image.save(jpeg, "JPEG", quality=_JPEG_QUALITY)
    return jpeg.getvalue()
