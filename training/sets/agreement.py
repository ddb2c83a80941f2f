"""Compare labels with files: names without a file, files without a label, likely matches.

Who is named and not there, who is there and not named, and what may be meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from embedding.photos.photo import describe_others, list_folder
from index.labels.labelled_photo import BoxOrientation
from index.labels.near_names import LikelyFile, likely_files
from index.labels.nobody import describe_nobody
from index.labels.photo_files import file_of, match_photos, names_on_disk, other_files
from index.labels.reader import (
    NEW_WHALE,
    BadLabels,
    LabelledPhoto,
    read_labels,
    read_rows,
    unread_labels_in,
)
from index.labels.reading.stored_boxes import turn_boxes

__all__ = ["Agreement", "compare_with_files", "likely_files", "refuse_absent"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Labels compared with the files that are there; every name once, sorted."""

    source: Path
    folder: Path
    labelled: tuple[LabelledPhoto, ...]  # of one label, and there
    absent: tuple[LabelledPhoto, ...]  # of one label, and not there
    disputed: tuple[
        tuple[str, tuple[str, ...]], ...
    ]  # rows that disagree, if only in details: name, labels
    unlabelled: tuple[str, ...]  # there, and not named
    bad_rows: tuple[str, ...]  # what is wrong with rows that can't be understood
    repeated: tuple[str, ...]  # named by several equal rows
    likely_files: tuple[LikelyFile, ...]
    warnings: tuple[str, ...]
    others: tuple[str, ...] = ()  # files that aren't looked at, having no photo's suffix

    @property
    def files(self) -> list[str]:
        """Every photo that is there, sorted."""
        disputed = [name for name, _ in self.disputed if file_of(self.folder, name).is_file()]
        return sorted({photo.name for photo in self.labelled}.union(self.unlabelled, disputed))


def compare_with_files(
    labels: Path | None, folder: Path, *, boxes: BoxOrientation | None = None
) -> Agreement:
    """Read labels, list files and compare them; without labels every sub-folder is a label.

    `boxes`: which picture the boxes were measured on; None: as the labels tell. Raises BadLabels
    where the folder holds no photo or the label file is none.
    """
    refuse_absent(labels, folder)
    if not names_on_disk(folder):
        others = "".join(f". {one}" for one in describe_others(other_files(folder), folder))
        raise BadLabels(
            f"{folder}: holds no photo; give --photos the folder that the label file's names "
            f"start from{others}"
        )
    if labels is None:
        return _of_folders(folder, tuple(names_on_disk(folder)))
    read = read_rows(labels, folder)
    folder = read.folder
    if not read.rows and not read.faults:
        raise BadLabels(f"{labels}: names no labelled photo")
    once, disputed, repeated = _by_name(read.rows)
    matched = match_photos(once, folder)
    turned = turn_boxes(matched.present, boxes)
    named = {photo.name for photo in read.rows}
    unlabelled = tuple(name for name in names_on_disk(folder) if name not in named)
    return Agreement(
        source=labels,
        folder=folder,
        labelled=turned.photos,
        absent=matched.absent,
        disputed=disputed,
        unlabelled=unlabelled,
        bad_rows=read.faults,
        repeated=repeated,
        likely_files=tuple(
            likely_files(sorted(photo.name for photo in matched.absent), unlabelled)
        ),
        warnings=(*read.warnings, *turned.warnings),
        others=matched.others,
    )


def refuse_absent(labels: Path | None, folder: Path) -> None:
    """Raise BadLabels where the label file or the folder of photos is absent."""
    if not folder.is_dir():
        is_file = folder.exists()
        what = "is a file, not a folder of photos" if is_file else "there is no such folder"
        raise BadLabels(f"{folder}: {what}; give the folder of the photographs (--photos)")
    if labels is not None and not labels.exists():
        raise BadLabels(
            f"{labels}: there is no such file. Give the labels as a CSV with the columns "
            "image,label (Kaggle's: "
            "Image,Id), or as COCO .json; without a label file every sub-folder of --photos is "
            "a label"
        )


def _by_name(
    rows: Iterable[LabelledPhoto],
) -> tuple[list[LabelledPhoto], tuple[tuple[str, tuple[str, ...]], ...], tuple[str, ...]]:
    """Sort rows by name: of one label, with rows that disagree, and repeated names."""
    by_name: dict[str, list[LabelledPhoto]] = {}
    for row in rows:
        by_name.setdefault(row.name, []).append(row)
    once: list[LabelledPhoto] = []
    disputed: list[tuple[str, tuple[str, ...]]] = []
    repeated: list[str] = []
    for name in sorted(by_name):
        labels = {row.individual or NEW_WHALE for row in by_name[name]}
        if len(set(by_name[name])) > 1:
            disputed.append((name, tuple(sorted(labels))))
            continue
        once.append(by_name[name][0])
        if len(by_name[name]) > 1:
            repeated.append(name)
    return once, tuple(disputed), tuple(repeated)


def _of_folders(folder: Path, there: Sequence[str]) -> Agreement:
    labelled = read_labels(None, folder).photos
    others = tuple(other_files(folder))
    told = (*describe_nobody(labelled), *unread_labels_in(list_folder(folder).others))
    named = {photo.name for photo in labelled}
    unlabelled = tuple(name for name in there if name not in named)
    return Agreement(folder, folder, labelled, (), (), unlabelled, (), (), (), told, others)
