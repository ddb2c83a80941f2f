"""Write an export as one file, a folder or a zip: it appears when it is complete."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from embedding.photos.photo import BadPhoto, content_hash, photo_bytes
from index.catalogue.catalogue import CataloguePhoto
from index.exchange.exporting.export import BadExport, Export
from index.labels.fields import parse_file_name
from index.photos.location import has_place, without_place
from index.progress import Progress, no_progress
from index.storage.originals import write_whole
from index.storage.partial_files import flush_files, remove_unfinished, unfinished_suffix


@dataclass(frozen=True, slots=True)
class ExportResult:
    """How many photos were written, and which were not.

    `without_place`: how many lost the place in their file.
    """

    photos: int
    without_place: int
    left_out: tuple[tuple[str, str], ...]


def write_export(
    export: Export,
    out: Path,
    *,
    has_photos: bool,
    has_places: bool,
    is_replacing: bool = False,
    progress: Progress = no_progress,
) -> ExportResult:
    """Write an export to `out`: a zip, one file or a folder.

    It is a zip where `out` ends in .zip, and one file where there is only one text. Photos are
    written as they are, but without `has_places` all that may tell a place is taken out of their
    files. Left out are photos that are absent, that changed since they were catalogued, or whose
    place can't be taken out. Raises BadExport.
    """
    is_zip = out.suffix.lower() == ".zip"
    is_file = not is_zip and not has_photos and len(export.texts) == 1 and not out.is_dir()
    refuse_taken(out, is_replacing=is_replacing)
    remove_unfinished([out.parent])  # of an export that was killed
    unfinished = out.with_name(f".{out.name}{unfinished_suffix()}")
    pieces = _Pieces(export, has_photos, has_places, progress)
    try:
        if is_file:
            write_whole(out, _bytes(next(iter(export.texts.values()))))
        elif is_zip:
            _write_zip(pieces, unfinished)
            unfinished.replace(out)
        else:
            _write_folder(pieces, unfinished)
            flush_files(unfinished)
            if out.is_dir():
                out.rmdir()  # empty: it was checked
            unfinished.rename(out)
    except OSError as error:
        raise BadExport(
            f"{out} can't be written: {error.strerror or error}; give another --out"
        ) from error
    finally:
        if unfinished.is_dir():
            shutil.rmtree(unfinished, ignore_errors=True)
        else:
            with suppress(OSError):  # of a disk that fails somebody hears by the error above
                unfinished.unlink(missing_ok=True)
    return ExportResult(pieces.photos, pieces.without_place, (*export.left_out, *pieces.left_out))


def refuse_taken(out: Path, *, is_replacing: bool) -> None:
    """Raise BadExport where an export can't be written at `out`, before it is made."""
    if not out.parent.is_dir():
        raise BadExport(f"there is no folder {out.parent} to write {out.name} into; make it first")
    if out.is_dir():
        if any(out.iterdir()):
            raise BadExport(f"{out} holds files already; give the name of a new folder")
    elif out.exists() and not is_replacing:
        raise BadExport(f"{out} is there already; give another --out, or --replace")


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


class _Pieces:
    """The export's files one by one; remembers what was left out."""

    def __init__(
        self, export: Export, has_photos: bool, has_places: bool, progress: Progress
    ) -> None:
        self.photos = 0
        self.without_place = 0
        self.left_out: list[tuple[str, str]] = []
        self._export = export
        self._has_photos = has_photos
        self._has_places = has_places
        self._progress = progress

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        for name, text in self._export.texts.items():
            yield name, _bytes(text)
        if not self._has_photos:
            return
        with self._progress(len(self._export.photos), "Writing photos") as advance:
            for name, photo in self._export.photos.items():
                data = self._data(
                    parse_file_name(name, "the catalogue"), photo
                )  # none may lead out of the export
                if data is not None:
                    self.photos += 1
                    yield name, data
                advance(1)

    def _data(self, name: str, photo: CataloguePhoto) -> bytes | None:
        try:
            data = photo_bytes(photo.path, name=name)
        except BadPhoto as error:
            self.left_out.append((name, str(error).removeprefix(f"{name}: ")))
            return None
        if content_hash(data) != photo.content_hash:
            self.left_out.append(
                (name, "the file changed since it was catalogued; run `flukeprint index update`")
            )
            return None
        if self._has_places:
            return data
        cleaned = without_place(data)
        if cleaned is None:
            self.left_out.append(
                (
                    name,
                    "its file says, or may say, where it was taken, and that can't be taken out "
                    "with certainty",
                )
            )
        elif cleaned is not data and has_place(data):
            self.without_place += 1
        return cleaned


def _write_folder(pieces: _Pieces, folder: Path) -> None:
    folder.mkdir()
    for name, data in pieces:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _write_zip(pieces: _Pieces, path: Path) -> None:
    with path.open("wb") as file:
        with zipfile.ZipFile(file, "w") as archive:
            for name, data in pieces:
                is_text = name.endswith((".csv", ".json"))  # photos are packed already
                entry = zipfile.ZipInfo(
                    name
                )  # with no time and no owner: the same export is the same file
                entry.external_attr = 0o644 << 16
                archive.writestr(
                    entry, data, zipfile.ZIP_DEFLATED if is_text else zipfile.ZIP_STORED
                )
        file.flush()
        os.fsync(file.fileno())
