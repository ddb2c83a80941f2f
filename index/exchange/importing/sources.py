"""Read what is to be imported: labels and photos of a folder, a zip or a label file."""

from __future__ import annotations

from collections.abc import Generator, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from embedding.photos.damage import read_checked
from embedding.photos.photo import BadPhoto, list_folder, photo_names
from index.exchange.importing.archive import (
    ArchiveLimits,
    SkippedEntry,
    not_a_photo,
    unpack,
)
from index.labels.camtrap import PACKAGE
from index.labels.csv_labels import has_known_header
from index.labels.fields import list_some
from index.labels.forms.columns import Columns, ColumnUse, UnknownColumns
from index.labels.labelled_photo import BoxOrientation, DisputedPhoto
from index.labels.near_names import LikelyFile, describe_likely_files, likely_files
from index.labels.photo_files import names_on_disk, other_files
from index.labels.reader import (
    BadLabels,
    LabelledPhoto,
    describe_labels,
    read_labels,
    unread_labels_in,
)
from index.labels.reading.any_format import match_labels
from index.photos.embed import BATCH_PHOTOS, photo_file
from index.photos.perceptual_hash import DECODE_PX, perceptual_hash
from index.prefetch import decoding_threads, prefetch
from index.progress import Progress, no_progress
from index.tables.text import describe_spreadsheet, is_spreadsheet
from index.tables.workbooks import WORKBOOK_SUFFIXES, is_workbook

_LABEL_FILES = (PACKAGE, "labels.csv", "annotations.json", "train.csv")
_SUFFIXES = frozenset({".csv", ".json"})


@dataclass(frozen=True, slots=True)
class Saying:
    """What a person says of labels that they don't say themselves.

    `boxes`: which picture the boxes were measured on; None: as
    `index.labels.reading.stored_boxes.turn_boxes` tells it. `columns`: which column of a table is
    what; None: as its columns are called.
    """

    boxes: BoxOrientation | None = None
    columns: Columns | None = None


@dataclass(frozen=True, slots=True)
class ImportSource:
    """Labelled photos, sorted by name, and what has no partner.

    `no_file` are labels, `no_label` names of photos.
    """

    source: Path
    photos: tuple[LabelledPhoto, ...]
    no_file: tuple[LabelledPhoto, ...] = ()
    no_label: tuple[str, ...] = ()
    left_out: tuple[SkippedEntry, ...] = ()
    warnings: tuple[str, ...] = ()
    likely_files: tuple[
        LikelyFile, ...
    ] = ()  # of `no_file`, with the `no_label` that they may mean
    disputed: tuple[DisputedPhoto, ...] = ()  # whose labels disagree
    boxes: BoxOrientation | None = None  # which picture the boxes were measured on, where it's said
    columns: tuple[ColumnUse, ...] = ()  # of a table, and what each became


@dataclass(frozen=True, slots=True)
class SourcePhoto:
    """A labelled photo and what its file holds.

    `fault`: why it can't be read; then the rest is empty.

    `taken_at`: when the file itself says that it was taken (EXIF). `damage`: which pixels are
    missing or damaged, though it could be read. `original` names the catalogue's photo that an
    export made it of.

    `perceptual` is None for a picture without a pattern, and where nobody asked for it.
    """

    photo: LabelledPhoto
    content_hash: str = ""
    perceptual: bytes | None = None
    fault: str | None = None
    taken_at: str | None = None
    damage: str | None = None
    original: str | None = None


def read_source(
    source: Path,
    csv: Path | None,
    staging: Path,
    *,
    limits: ArchiveLimits = ArchiveLimits(),
    progress: Progress = no_progress,
    saying: Saying = Saying(),
) -> ImportSource:
    """Read what a folder, a zip (unpacked into `staging`) or a label file offers.

    `csv`: the label file; None: the one in the folder that is called `datapackage.json`,
    `labels.csv`, `annotations.json` or `train.csv`, else its only .csv, .json or .xlsx file, else
    every sub-folder is a label. A workbook beside such sub-folders counts only where its columns
    are known or said. `saying`: what a person says of the labels. Raises BadLabels and BadArchive.
    """
    if source.is_dir():
        return _folder_source(source, source, csv, saying)
    if not source.is_file():
        raise BadLabels(
            f"{source}: there is no such file or folder; give a folder of photos, a zip or a "
            "label file"
        )
    if source.suffix.lower() in _SUFFIXES | WORKBOOK_SUFFIXES:
        if csv is not None:
            raise BadLabels(
                f"{source} is a label file itself: give it as --csv, and the folder of its "
                "photos before it"
            )
        return _folder_source(source, source.parent, source, saying)
    if is_workbook(source):
        raise BadLabels(
            f"{source} is a workbook by itself; put it and its photos into one zip, or give it a "
            "name that ends in .xlsx"
        )
    if is_spreadsheet(source):
        raise BadLabels(describe_spreadsheet(str(source)))
    unpacked = unpack(source, staging, limits=limits, progress=progress)
    if csv is not None and csv.is_file() and is_spreadsheet(csv) and not is_workbook(csv):
        raise BadLabels(describe_spreadsheet(str(csv)))
    names = [one.name for one in unpacked.left_out]
    try:
        offer = _folder_source(source, _top(staging), csv, saying)
    except UnknownColumns as error:
        raise UnknownColumns(_of_zip(str(error), source, staging), error.preview) from None
    except BadLabels as error:
        hints = "".join(f"; {one}" for one in unread_labels_in(names))
        raise BadLabels(f"{_of_zip(str(error), source, staging)}{hints}") from None
    warnings = (*offer.warnings, *unread_labels_in(names))
    return replace(
        offer,
        left_out=tuple(sorted((*offer.left_out, *unpacked.left_out), key=lambda one: one.name)),
        warnings=tuple(_of_zip(one, source, staging) for one in warnings),
    )


def read_source_photos(
    photos: tuple[LabelledPhoto, ...], known_hashes: Set[str], *, is_hashed: bool
) -> Generator[SourcePhoto]:
    """Read photos in their order, some decoded ahead. Those of `known_hashes` are not decoded.

    `is_hashed`: whether to make perceptual hashes of all photos, and not of an export's alone.
    """

    def read(photo: LabelledPhoto) -> SourcePhoto:
        try:
            file, data = photo_file(photo.path)
            if file.content_hash in known_hashes:
                return SourcePhoto(photo, file.content_hash, taken_at=file.taken_at)
            image, damage = read_checked(data, name=photo.name, at_least_px=DECODE_PX)
        except BadPhoto as error:
            fault = str(error).removeprefix(f"{photo.path}: ").removeprefix(f"{photo.name}: ")
            return SourcePhoto(photo, fault=fault)
        is_needed = is_hashed or photo.content_hash is not None
        return SourcePhoto(
            photo,
            file.content_hash,
            perceptual_hash(image) if is_needed else None,
            taken_at=file.taken_at,
            damage=damage,
        )

    return prefetch(photos, read, threads=decoding_threads(), most=BATCH_PHOTOS)


def _of_zip(message: str, source: Path, staging: Path) -> str:
    """Name the zip instead of the hidden folder that it was unpacked into."""
    return message.replace(str(_top(staging)), str(source)).replace(str(staging), str(source))


def _folder_source(source: Path, folder: Path, csv: Path | None, saying: Saying) -> ImportSource:
    labels = csv or _label_file(folder, saying)
    if labels is None:
        if saying.columns is not None:
            raise BadLabels(
                f"{folder}: holds no table whose columns could be what was said; give it with --csv"
            )
        read = read_labels(None, folder)
        named = {photo.name for photo in read.photos}
        no_label = tuple(name for name in names_on_disk(folder) if name not in named)
        others = other_files(folder)
        return ImportSource(
            source,
            read.photos,
            no_label=no_label,
            left_out=_unread_entries(others),
            warnings=(*describe_labels(read.photos), *unread_labels_in(list_folder(folder).others)),
        )
    found = match_labels(labels, folder, saying.boxes, saying.columns)
    named, matched = found.named, found.matched
    likely = likely_files([photo.name for photo in matched.absent], matched.unlabelled)
    counted = f"{len(matched.absent):,} of the {len(named):,} photos in {labels} are not there"
    near = [f"{counted}; {describe_likely_files(likely)}"] if likely else []
    return ImportSource(
        source,
        photos=matched.present,
        no_file=matched.absent,
        no_label=matched.unlabelled,
        left_out=_unread_entries(matched.others),
        warnings=(*found.warnings, *describe_labels(named), *near),
        likely_files=tuple(likely),
        disputed=found.disputed,
        boxes=saying.boxes,
        columns=found.columns,
    )


def _unread_entries(others: Sequence[str]) -> tuple[SkippedEntry, ...]:
    return tuple(SkippedEntry(name, not_a_photo(name)) for name in others)


def _label_file(folder: Path, saying: Saying) -> Path | None:
    found = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    for name in _LABEL_FILES:
        if name in found:
            return folder / name
    if not found:
        return _workbook(folder, saying)
    if len(found) > 1:
        raise BadLabels(
            f"{folder} has several label files, {list_some(found)}; say which one with --csv"
        )
    return folder / found[0]


def _workbook(folder: Path, saying: Saying) -> Path | None:
    """The workbook that holds the labels.

    Beside folders of labels it may be anything, so its columns must be known or said.
    """
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in WORKBOOK_SUFFIXES)
    has_folders = any("/" in name for name in photo_names(folder))
    if has_folders and saying.columns is None:
        found = [path for path in found if is_workbook(path) and has_known_header(path)]
    if len(found) > 1:
        names = list_some([path.name for path in found])
        raise BadLabels(f"{folder} has several workbooks, {names}; say which one with --csv")
    return found[0] if found else None


def _top(folder: Path) -> Path:
    """Where an archive's labels are: in its top, or in the one folder that holds everything."""
    inside = list(folder.iterdir())
    if len(inside) != 1 or not inside[0].is_dir():
        return folder
    has_folders = any(path.is_dir() for path in inside[0].iterdir())
    suffixes = _SUFFIXES | WORKBOOK_SUFFIXES
    has_labels = any(path.suffix.lower() in suffixes for path in inside[0].iterdir())
    return inside[0] if has_folders or has_labels else folder
