"""The photo files that a command line names, and what they are called.

Loads nothing, so that it is there at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from embedding.errors import FlukeprintError
from embedding.photos.photo_files import BadPhoto, describe_others, list_folder
from index.messages import print_message


class AbsentPath(FlukeprintError):
    """A file or folder that the command line names and that isn't there."""


class NamedFile(NamedTuple):
    """A photo's file, and the name that it goes by."""

    name: str
    path: Path


def files_by_path(paths: Sequence[Path]) -> list[NamedFile]:
    """Files as they are, also absent ones, and all photos of folders.

    Each is called by its path. Which are absent is told. Raises AbsentPath when all are, and
    BadPhoto for a folder without a photo.
    """
    _note_absent(paths)
    found = [photo for path in paths for photo in (_photos_in(path) if path.is_dir() else [path])]
    return [NamedFile(str(path), path) for path in dict.fromkeys(found)]


def files_by_unique_name(paths: Sequence[Path]) -> list[NamedFile]:
    """Photos of files and folders, called by file name or by their path below the folder given.

    Which are absent is told. Raises AbsentPath when all are, and BadPhoto when there is no photo
    and for two of one name.
    """
    _note_absent(paths)
    named: list[NamedFile] = []
    for path in paths:
        if path.is_dir():
            named += [NamedFile(name, path / name) for name in _listed(path)]
        else:
            named.append(NamedFile(path.name, path))
    if not named:
        raise BadPhoto(f"there is no photo in {', '.join(map(str, paths))}")
    name, count = Counter(photo.name for photo in named).most_common(1)[0]
    if count > 1:
        raise BadPhoto(
            f"{count} of the photos are called {name}; give one folder that holds them all in "
            "sub-folders"
        )
    return named


def refuse_absent(*paths: Path | None) -> None:
    """Raise AbsentPath, before any work, when a file or folder that was named isn't there."""
    absent = [str(path) for path in paths if path is not None and not path.exists()]
    if absent:
        raise AbsentPath(
            f"{', '.join(absent)}: there is no such file or folder; look at how it is spelled, and "
            "from which folder"
        )


def _note_absent(paths: Sequence[Path]) -> None:
    """Say which paths are absent before anything is loaded for the others."""
    if not any(path.exists() for path in paths):
        refuse_absent(*paths)
    for path in paths:
        if not path.exists():
            print_message(f"note: there is no file or folder {path}; the others are read")


def _photos_in(folder: Path) -> list[Path]:
    found = [folder / name for name in _listed(folder)]
    if not found:
        raise BadPhoto(f"there is no photo in the folder {folder}")
    return sorted(found)


def _listed(folder: Path) -> tuple[str, ...]:
    """The photos of a folder; which of its files aren't looked at is told."""
    found = list_folder(folder)
    for text in describe_others(found.others, folder):
        print_message(f"note: {text}")
    return found.photos
