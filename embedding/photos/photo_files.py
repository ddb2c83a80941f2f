"""Find photos on disk and read their bytes within limits; imported by the rest through
`embedding.photos.photo`.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from embedding.errors import FlukeprintError

PHOTO_SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".jfi", ".jif", ".pjpeg", ".pjp", ".mpo"),
        *(".png", ".apng", ".webp", ".tif", ".tiff", ".bmp", ".dib", ".gif"),
        *(".heic", ".heif", ".hif", ".avif"),
    }
)
# What cameras write before a picture is made of it; each holds a small preview.
RAW_SUFFIXES = frozenset(
    {
        *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".gpr", ".iiq"),
        *(".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".ptx", ".raf", ".raw"),
        *(".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
    }
)
_SYSTEM_NAMES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini"})
_MOST_SUFFIXES = 12


class BadPhoto(FlukeprintError):
    """A photo that can't be read; the message names it and says what is wrong."""


@dataclass(frozen=True, slots=True)
class PhotoLimits:
    """The most that one photo may be: bytes of its file, pixels by its header."""

    max_bytes: int = 64 * 2**20
    max_pixels: int = 120_000_000


@dataclass(frozen=True, slots=True)
class FolderFiles:
    """The files under a folder as `sub/a.jpg`, sorted: photos by their names, and the others.

    Links to folders, which aren't followed, are among the others with a slash at their end.
    """

    photos: tuple[str, ...]
    others: tuple[str, ...]


def list_folder(folder: Path) -> FolderFiles:
    """List the files under a folder; what is hidden or the operating system's is passed over."""
    photos: list[str] = []
    others: list[str] = []
    for parent, folders, files in os.walk(folder, onerror=_listing_failed):
        folders[:] = [name for name in folders if not name.startswith((".", "__MACOSX"))]
        below = Path(parent).relative_to(folder).as_posix()
        prefix = "" if below == "." else below + "/"
        others += [f"{prefix}{name}/" for name in folders if Path(parent, name).is_symlink()]
        for name in files:
            if _suffix_of(name) in PHOTO_SUFFIXES:
                if not name.startswith("."):
                    photos.append(prefix + name)
            elif not name.startswith(".") and name.lower() not in _SYSTEM_NAMES:
                others.append(prefix + name)
    return FolderFiles(tuple(sorted(photos)), tuple(sorted(others)))


def photo_names(folder: Path) -> list[str]:
    """List the photos under a folder as `sub/a.jpg`, sorted; what is hidden is passed over."""
    return list(list_folder(folder).photos)


def count_suffixes(names: Iterable[str]) -> dict[str, int]:
    """Count names by their suffix in small letters, most first; `no suffix` where there is none."""
    counts = Counter(
        "link to a folder"
        if name.endswith("/")
        else _suffix_of(name.rpartition("/")[2]) or "no suffix"
        for name in names
    )
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


def describe_others(names: Sequence[str], folder: Path) -> list[str]:
    """Write how many files of a folder are no photos by their names; nothing without any."""
    if not names:
        return []
    counts = count_suffixes(names)
    listed = [f"{suffix} {count:,}" for suffix, count in counts.items()]
    more = len(listed) - _MOST_SUFFIXES
    rest = f" and {more:,} more suffixes" if more > 0 else ""
    what = "1 file is" if len(names) == 1 else f"{len(names):,} files are"
    advice = "; export raw files as JPEG" if RAW_SUFFIXES & counts.keys() else ""
    return [
        f"{folder}: {what} not looked at, having no photo's suffix: "
        f"{', '.join(listed[:_MOST_SUFFIXES])}{rest}{advice}"
    ]


def _suffix_of(name: str) -> str:
    stem, dot, suffix = name.rpartition(
        "."
    )  # thrice as fast as Path.suffix, which tells on 50,000 photos
    return (dot + suffix).lower() if stem else ""


def _listing_failed(error: OSError) -> None:
    raise BadPhoto(f"{error.filename}: the folder can't be listed ({error.strerror})")


def find_photos(paths: Sequence[Path]) -> list[Path]:
    """Find the photos of files (taken as they are) and folders (searched recursively), sorted, each
    once.
    """
    found: set[Path] = set()
    for path in paths:
        if path.is_dir():
            found.update(path / name for name in photo_names(path))
        elif path.exists():
            found.add(path)
        else:
            raise BadPhoto(f"{path}: there is no such file or folder")
    return sorted(found)


def photo_bytes(
    path: Path, limits: PhotoLimits = PhotoLimits(), *, name: str | None = None
) -> bytes:
    """Read a photo's file; BadPhoto when it is absent, not a file, not readable, empty or too big.

    `name` is what errors call the photo: its path, if not given.
    """
    name = name or str(path)
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):  # asked before opening: opening a pipe would wait for ever
            raise BadPhoto(
                f"{name}: is a {'folder' if stat.S_ISDIR(mode) else 'device or pipe'}, not a photo"
            )
        with path.open("rb") as file:
            most = limits.max_bytes + 1  # one more byte than allowed tells that there are more
            # A read makes room for all that is asked for, so no more is than the file has, or has
            # grown to meanwhile.
            asked = min(os.fstat(file.fileno()).st_size + 1, most)
            data = file.read(asked)
            while len(data) == asked < most:
                asked = min(2 * asked, most)
                data += file.read(asked - len(data))
    except FileNotFoundError:
        raise BadPhoto(f"{name}: there is no such file") from None
    except PermissionError:
        raise BadPhoto(f"{name}: no permission to read it") from None
    except OSError as error:
        raise BadPhoto(f"{name}: can't be read ({error.strerror})") from error
    check_bytes(data, name, limits)
    return data


def check_bytes(data: bytes, name: str, limits: PhotoLimits) -> None:
    """Refuse an empty file and one larger than allowed."""
    if not data:
        raise BadPhoto(f"{name}: the file is empty (0 bytes); copy or download it again")
    if len(data) > limits.max_bytes:
        raise BadPhoto(
            f"{name}: the file is larger than the {limits.max_bytes:,} bytes allowed; send a "
            "smaller copy"
        )


def content_hash(data: bytes) -> str:
    """Name bytes by their SHA-256, in hex."""
    return hashlib.sha256(data).hexdigest()
