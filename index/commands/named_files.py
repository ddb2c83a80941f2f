"""The photo files that a command line names, and what they are called; loads nothing, so that it is
there at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from embedding.photos.photo_files import BadPhoto, find_photos, photo_names


class NamedFile(NamedTuple):
    """A photo's file, and the name that it goes by."""

    name: str
    path: Path


def files_by_path(paths: Sequence[Path]) -> list[NamedFile]:
    """Files as they are, also absent ones, and all photos of folders; each is called by its
    path.
    """
    found = [photo for path in paths for photo in (_photos_in(path) if path.is_dir() else [path])]
    return [NamedFile(str(path), path) for path in dict.fromkeys(found)]


def files_by_unique_name(paths: Sequence[Path]) -> list[NamedFile]:
    """Photos of files and folders, called by file name or by their path below the folder given.

    Raises BadPhoto when there is none, and for two of one name.
    """
    named: list[NamedFile] = []
    for path in paths:
        if path.is_dir():
            named += [NamedFile(name, path / name) for name in photo_names(path)]
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


def _photos_in(folder: Path) -> list[Path]:
    found = find_photos([folder])
    if not found:
        raise BadPhoto(f"there is no photo in the folder {folder}")
    return found
