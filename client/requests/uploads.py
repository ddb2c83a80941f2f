"""Files as they go out: from a path, from bytes, from an open file, each with a name."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, NamedTuple

from client.errors import CannotSend

Content = bytes | IO[bytes]
PhotoSource = str | os.PathLike[str] | Content | tuple[str, Content]
"""A photo to send: its path, its bytes, an open binary file, or a name with one of the latter
two."""


class SentFile(NamedTuple):
    """One file of a form: the field that it is sent in, its name, and its content, opened when it
    is sent.
    """

    field: str
    name: str
    content: bytes | Path | IO[bytes]


def sent_photos(
    photos: PhotoSource | Iterable[PhotoSource], field: str = "photos"
) -> tuple[SentFile, ...]:
    """Read one photo or several. Raises CannotSend naming the one that can't be read, or that there
    is none.
    """
    # A tuple is one photo with its name, never several: those come as a list.
    several = (
        [photos]
        if isinstance(photos, (str, bytes, os.PathLike, tuple)) or _is_open(photos)
        else photos
    )
    sent = tuple(_sent(photo, at, field) for at, photo in enumerate(several))  # pyright: ignore[reportArgumentType]
    if not sent:
        raise CannotSend("no photo was given; give one photo, or a list of photos")
    return sent


def sent_photo(source: PhotoSource, field: str) -> SentFile:
    """Read one photo. Raises CannotSend."""
    return _sent(source, 0, field)


def sent_archive(source: PhotoSource, field: str) -> SentFile:
    """Name a file that is too large to be read at once: it goes out piece by piece.

    Raises CannotSend.
    """
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        if not path.is_file():
            raise CannotSend(f"{path}: there is no such file")
        return SentFile(field, path.name, path)
    if isinstance(source, tuple):
        return SentFile(field, source[0], source[1])
    named = getattr(source, "name", None)
    return SentFile(field, Path(named).name if isinstance(named, str) else field, source)


def _sent(source: PhotoSource, at: int, field: str) -> SentFile:
    if isinstance(source, tuple):
        name, content = source
        return SentFile(field, name, _bytes_of(content, name))
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        return SentFile(field, path.name, _read(path))
    named = getattr(source, "name", None)
    name = Path(named).name if isinstance(named, str) else f"photo {at + 1}"
    return SentFile(field, name, _bytes_of(source, name))


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
