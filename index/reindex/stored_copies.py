"""Which file is a known photo's: the copy beside the catalogue stays, whatever labels lead to.

`catalogue import` and the review queue copy originals into the media folder. Labels of a later
`index update` lead to other files of the same content, such as a card's or an export's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from embedding.photos.photo import BadPhoto, content_hash, photo_bytes, read_photo
from index.catalogue.catalogue import CataloguePhoto
from index.labels.labelled_photo import LabelledPhoto
from index.photos.embed import PhotoFile, UnreadPhoto
from index.photos.exported_copy import is_exported_copy, zip_name
from index.photos.perceptual_hash import DECODE_PX
from index.storage.originals import media_path, store_photo

ReadFile = Callable[[LabelledPhoto, CataloguePhoto], PhotoFile | UnreadPhoto | None]


@dataclass(frozen=True, slots=True)
class StoredCopies:
    """The copies in a catalogue's media folder; None where there is no such folder."""

    folder: Path | None

    @classmethod
    def next_to_catalogue(cls, folder: Path) -> StoredCopies:
        """Those of a media folder, which needn't be there."""
        return cls(folder.resolve() if folder.is_dir() else None)

    def copy_of(self, content_hash: str, name: str) -> Path | None:
        """Find the copy of a content; None where there is none."""
        if self.folder is None:
            return None
        path = media_path(self.folder, content_hash, name)
        return path if path.is_file() else None

    def copy_of_known(self, old: CataloguePhoto) -> Path | None:
        """Find the copy of a known photo's content, whatever its suffix; None without one."""
        if self.holds(old.path) and old.path.is_file():
            return old.path
        return self.copy_of(old.content_hash, old.name)

    def holds(self, path: Path) -> bool:
        """Whether a path lies in the media folder."""
        return self.folder is not None and path.is_relative_to(self.folder)

    def store(self, path: Path, name: str) -> Path | None:
        """Copy a photo's file beside the catalogue; None where it is no photo. Raises BadMedia."""
        assert self.folder is not None
        try:
            data = photo_bytes(path, name=name)
            read_photo(data, name=name, at_least_px=DECODE_PX)
        except BadPhoto:
            return None
        return store_photo(data, self.folder, name)


def known_by_content(
    labelled: Sequence[LabelledPhoto], known: Mapping[str, CataloguePhoto]
) -> list[LabelledPhoto]:
    """Give labels of an export, whose names differ, the names that the catalogue knows.

    An export as zip names photos by the folders of their individuals, with their content hashes.
    Only files count that hold that content, or are what taking the place out of it gives.
    """
    # A picture of several animals is several photos, which their boxes tell apart.
    by_hash = {photo.content_hash: photo for photo in known.values()}
    by_box = {(photo.content_hash, photo.box): photo for photo in known.values()}
    by_zip_name = {zip_name(photo.name, photo.individual): photo for photo in known.values()}
    named = {photo.name for photo in labelled}
    found: list[LabelledPhoto] = []
    for photo in labelled:
        hashed = photo.content_hash or ""
        old = by_box.get((hashed, photo.box)) or by_hash.get(hashed) or by_zip_name.get(photo.name)
        old = None if photo.name in known else old
        is_its = old is not None and old.name not in named and _is_its_file(photo.path, old)
        found.append(replace(photo, name=old.name) if old is not None and is_its else photo)
        named.add(found[-1].name)
    return found


def _is_its_file(path: Path, old: CataloguePhoto) -> bool:
    try:
        hashed = content_hash(photo_bytes(path))
    except BadPhoto:
        return False
    return hashed == old.content_hash or is_exported_copy(old.path, old.content_hash, hashed)


def choose_files(
    labelled: Sequence[LabelledPhoto],
    known: Mapping[str, CataloguePhoto],
    read: ReadFile,
    copies: StoredCopies,
) -> tuple[list[LabelledPhoto], set[str]]:
    """Lead each known photo to its file; also return the photos whose content is unchanged.

    `read` gives what was read of the file that a label leads to, where that was read. A photo with
    a copy of its content keeps the copy. Where the labelled file holds something else, that is
    copied, too. Where it can't be read, the catalogue keeps the file that it has. A file that an
    export has written without its place is no new content: the original stays. Raises BadMedia.
    """
    chosen: list[LabelledPhoto] = []
    unchanged: set[str] = set()
    for photo in labelled:
        old = known.get(photo.name)
        if old is None:
            chosen.append(photo)
            continue
        path, is_same = _file_of(photo, old, read(photo, old), copies)
        chosen.append(photo if path == photo.path else replace(photo, path=path))
        if is_same:
            unchanged.add(photo.name)
    return chosen, unchanged


def _file_of(
    photo: LabelledPhoto,
    old: CataloguePhoto,
    read: PhotoFile | UnreadPhoto | None,
    copies: StoredCopies,
) -> tuple[Path, bool]:
    copy = copies.copy_of_known(old)
    if photo.path == old.path and copy == old.path:
        return old.path, False  # what its file holds now was compared already
    if isinstance(read, UnreadPhoto):
        return copy or old.path, False
    if read is None or read.content_hash == old.content_hash:
        if copy is not None:
            return copy, read is not None
        is_export = photo.content_hash == old.content_hash and old.path.is_file()
        return (old.path if is_export else photo.path), is_export and photo.path != old.path
    if photo.path != old.path and is_exported_copy(
        copy or old.path, old.content_hash, read.content_hash
    ):
        return copy or old.path, True
    stored = copies.store(photo.path, photo.name) if copies.holds(old.path) else None
    return stored or photo.path, False
