"""Files to send: from a path, from bytes or from an open file, each with a name."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, NamedTuple

from client.errors import CannotSend

Content = bytes | IO[bytes]
PhotoSource = str | os.PathLike[str] | Content | tuple[str, Content]
"""A photo to send: its path, its bytes, an open binary file, or a pair of a name and one of the
latter two."""


class Upload(NamedTuple):
    """One file of a form: its field, its name and its content; a path is opened when sent."""

    field: str
    name: str
    content: bytes | Path | IO[bytes]


def photo_uploads(
    photos: PhotoSource | Iterable[PhotoSource], field: str = "photos"
) -> tuple[Upload, ...]:
    """Read one photo or several.

    Raises CannotSend, naming the photo that can't be read, and where there is no photo.
    """
    # A tuple is one photo with its name, never several photos: those come as a list.
    sources = (
        [photos]
        if isinstance(photos, (str, bytes, os.PathLike, tuple)) or _is_open(photos)
        else photos
    )
    uploads = tuple(_upload(photo, at, field) for at, photo in enumerate(sources))  # pyright: ignore[reportArgumentType]
    if not uploads:
        raise CannotSend("there is no photo to send; give one photo, or a list of photos")
    return uploads


def photo_upload(source: PhotoSource, field: str) -> Upload:
    """Read one photo. Raises CannotSend."""
    return _upload(source, 0, field)


def archive_upload(source: PhotoSource, field: str) -> Upload:
    """Prepare a file that is too large to be read at once: it is sent piece by piece.

    Raises CannotSend.
    """
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        if not path.is_file():
            raise CannotSend(f"{path}: there is no such file")
        return Upload(field, path.name, path)
    if isinstance(source, tuple):
        return Upload(field, source[0], source[1])
    path = getattr(source, "name", None)
    return Upload(field, Path(path).name if isinstance(path, str) else field, source)


def _upload(source: PhotoSource, at: int, field: str) -> Upload:
    if isinstance(source, tuple):
        name, content = source
        return Upload(field, name, _bytes_of(content, name))
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        return Upload(field, path.name, _read(path))
    path = getattr(source, "name", None)
    name = Path(path).name if isinstance(path, str) else f"photo {at + 1}"
    return Upload(field, name, _bytes_of(source, name))


def _is_open(source: object) -> bool:
    return hasattr(source, "read")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CannotSend(f"{path}: can't be read ({error.strerror})") from error


def _bytes_of(content: object, name: str) -> bytes:
    read: Any = getattr(content, "read", lambda: content)()
    if not isinstance(read, bytes):
        kind = type(read).__name__
        raise CannotSend(f"{name}: is {kind}; give a path, bytes, or a file opened in binary mode")
    return read
