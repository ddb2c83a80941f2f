"""A pack: a labelled set's pixels and labels in one folder, for training on any machine.

`pixels.npy` (n, h, w, 3) uint8, or (n, h, w) of grey photos, is mapped and never loaded; its rows
are the photos of `labels.csv` in that order. `pack.json`, written last, says how the pixels were
made: without it there is no pack. Each row has its SHA-256 in `labels.csv`, and is checked when it
is first used; reading all of a hundred gigabytes would take minutes at each start.
"""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, overload

import numpy as np
from numpy.typing import NDArray

from embedding.errors import FlukeprintError
from embedding.photos.preprocessing import BadPreprocessing, Preprocessing
from index.labels.csv_labels import csv_rows
from index.labels.reader import LabelledPhoto, Labels

PixelArray = NDArray[np.uint8]

FORMAT = "flukeprint-pack-1"
ABOUT, PIXELS, LABELS = "pack.json", "pixels.npy", "labels.csv"
DIGEST, LABELS_DIGEST = "sha256", "labels_sha256"
"""The column of `labels.csv` with each row's SHA-256, and the key in `pack.json` of that file's."""


class BadCache(FlukeprintError):
    """Photos that can't be decoded, no room for their pixels, or a pack that can't be used."""


@dataclass(frozen=True, slots=True)
class Pack:
    """What `pack.json` says."""

    folder: Path
    preprocessing: Preprocessing
    photos: int

    def pixels(self) -> PixelArray:
        """The pixels as they lie on disk, mapped: (n, h, w, 3), or (n, h, w) of grey ones."""
        try:
            pixels = np.load(self.folder / PIXELS, mmap_mode="r")
        except (OSError, ValueError) as error:
            raise BadCache(
                f"{self.folder / PIXELS} can't be read ({error}); {_repair_advice(self.folder)}"
            ) from error
        made = self.preprocessing
        shape = (self.photos, made.height_px, made.width_px, *(() if made.grey else (3,)))
        if pixels.shape != shape or pixels.dtype != np.uint8:
            raise BadCache(
                f"{self.folder / PIXELS} holds {pixels.shape}, not {shape}; "
                f"{_repair_advice(self.folder)}"
            )
        return pixels


def is_pack(folder: Path) -> bool:
    """Whether a folder is a finished pack."""
    return (folder / ABOUT).is_file()


def read_pack(folder: Path) -> Pack:
    """Read what a pack says of itself. Raises BadCache."""
    try:
        stored = cast("dict[str, Any]", json.loads((folder / ABOUT).read_bytes()))
        if stored["format"] != FORMAT:
            raise BadCache(
                f"{folder / ABOUT}: format {stored['format']!r}; this flukeprint reads {FORMAT}"
            )
        return Pack(folder, Preprocessing.from_dict(stored["preprocessing"]), int(stored["photos"]))
    except (OSError, ValueError, KeyError, TypeError, BadPreprocessing) as error:
        raise BadCache(
            f"{folder / ABOUT} can't be read ({error}); {_repair_advice(folder)}"
        ) from error


def _repair_advice(folder: Path) -> str:
    return f"copy the pack again, or pack the photos again: flukeprint data pack ... --out {folder}"


def packed_labels(folder: Path) -> Labels:
    """A pack's photos with their labels, sorted by name; the files themselves needn't be there.

    Raises BadLabels.
    """
    photos = sorted(csv_rows(folder / LABELS, folder).photos, key=lambda photo: photo.name)
    return Labels(tuple(photos), folder / LABELS, tuple(_labels_warnings(folder)))


def _labels_warnings(folder: Path) -> list[str]:
    """Tell labels that were edited, which is allowed, or damaged; an older pack has no checksum."""
    try:
        known = json.loads((folder / ABOUT).read_bytes()).get(LABELS_DIGEST)
        now = hashlib.sha256((folder / LABELS).read_bytes()).hexdigest()
    except (OSError, ValueError, AttributeError):
        return []  # the pack is refused where its pixels are read
    if known in (None, now):
        return []
    return [f"{folder / LABELS} is not what was packed: it was edited, or is damaged"]


def rows_in_pack(
    photos: Sequence[LabelledPhoto], preprocessing: Preprocessing, folder: Path
) -> PixelArray | None:
    """Map the pixels (n, h, w, 3) of photos from a pack; None where `folder` is none.

    None too, with a note, where the pack's pixels are made otherwise or it lacks one of the photos
    or its box. Raises BadCache for a photo whose file has changed since.
    """
    if not is_pack(folder):
        return None
    pack = read_pack(folder)
    difference = pixel_differences(pack.preprocessing, preprocessing)
    rows: list[int] = []
    digests: list[str] = []
    if not difference:
        at, digests = _rows_by_name(pack)
        absent = [photo for photo in photos if _key(photo, preprocessing) not in at]
        difference = (
            f"it lacks {len(absent):,} of {len(photos):,} photos, as {absent[0].name}"
            if absent
            else ""
        )
        rows = (
            []
            if absent
            else [_checked_row(photo, at[_key(photo, preprocessing)], folder) for photo in photos]
        )
    if difference:
        print(
            f"note: the pack {folder} doesn't fit: {difference}; decoding the photos",
            file=sys.stderr,
        )
        return None
    # Training uses no more of pixels than their number, slices and rows.
    packed = _CheckedPixels(pack, digests)
    return cast("PixelArray", PackedRows(packed, np.array(rows, np.int64)))


def pixel_differences(made: Preprocessing, required: Preprocessing) -> str:
    """Name the choices that make two preprocessings' pixels differ; empty without any."""
    mine, theirs = _pixel_choices(made), _pixel_choices(required)
    different = [name for name in theirs if mine[name] != theirs[name]]
    return ", ".join(f"{name} is {mine[name]}, not {theirs[name]}" for name in different)


def _pixel_choices(preprocessing: Preprocessing) -> dict[str, Any]:
    values = {**preprocessing.to_dict(), "grey": preprocessing.grey}
    idle = ["std", "mean"] if preprocessing.fit == "squash" else ["std"]
    idle += ["box_margin"] if preprocessing.crop == "none" else []
    return {name: None if name in idle else value for name, value in values.items()}


_Key = tuple[str, object]


def _key(photo: LabelledPhoto, preprocessing: Preprocessing) -> _Key:
    """What decides a photo's pixels: its box as well, where one is cut out."""
    return (photo.name, photo.box if preprocessing.crop == "box" else None)


def _rows_by_name(pack: Pack) -> tuple[Mapping[_Key, tuple[int, int]], list[str]]:
    """Row and file size of every packed photo; and the rows' checksums, "" of an older pack's."""
    with (pack.folder / LABELS).open(newline="", encoding="utf-8") as file:
        told = [(int(row["size_bytes"]), row.get(DIGEST) or "") for row in csv.DictReader(file)]
    photos = csv_rows(pack.folder / LABELS, pack.folder).photos
    rows = enumerate(zip(photos, told, strict=True))
    by_name = {_key(photo, pack.preprocessing): (at, size) for at, (photo, (size, _)) in rows}
    return by_name, [digest for _, digest in told]


def _checked_row(photo: LabelledPhoto, packed: tuple[int, int], folder: Path) -> int:
    row, size_bytes = packed
    try:
        here = photo.path.stat().st_size
    except OSError:  # packed on another machine
        return row
    if here != size_bytes:
        raise BadCache(
            f"{photo.path} has {here:,} bytes, but {size_bytes:,} when it was packed into "
            f"{folder}: pack the photos "
            "again into a new --out"
        )
    return row


class _CheckedPixels:
    """A pack's pixels, each row compared with its checksum when it is first read."""

    def __init__(self, pack: Pack, digests: Sequence[str]) -> None:
        self._pack, self._digests = pack, digests
        self.pixels = pack.pixels()
        self._is_checked = np.array([not digest for digest in digests], np.bool_)

    def __getitem__(self, rows: NDArray[np.int64] | np.int64) -> PixelArray:
        """Some rows. Raises BadCache where one isn't what was packed."""
        for row in np.atleast_1d(rows).tolist():
            if not self._is_checked[row]:
                self._check(row)
        return np.asarray(self.pixels[rows])

    def _check(self, row: int) -> None:
        content = np.ascontiguousarray(self.pixels[row])
        if hashlib.sha256(content.data).hexdigest() != self._digests[row]:
            raise BadCache(
                f"{self._pack.folder / PIXELS} is damaged: the pixels of photo {row + 1} of "
                f"{LABELS} are not what was packed; {_repair_advice(self._pack.folder)}"
            )
        self._is_checked[row] = True


class PackedRows:
    """Some rows of a pack in an order of their own, as three channels.

    A slice reads nothing yet.
    """

    def __init__(self, pixels: _CheckedPixels, rows: NDArray[np.int64]) -> None:
        self._pixels, self._rows = pixels, rows

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """n, h, w, 3."""
        return (len(self._rows), *self._pixels.pixels.shape[1:3], 3)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, rows: slice) -> PackedRows: ...
    @overload
    def __getitem__(self, rows: int | NDArray[np.int64]) -> PixelArray: ...
    def __getitem__(self, rows: slice | int | NDArray[np.int64]) -> PackedRows | PixelArray:
        if isinstance(rows, slice):
            return PackedRows(self._pixels, self._rows[rows])
        taken = self._pixels[self._rows[rows]]
        is_grey = self._pixels.pixels.ndim == 3
        return np.repeat(taken[..., None], 3, axis=-1) if is_grey else taken

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        del copy  # rows are always read again
        taken = self[np.arange(len(self))]
        return taken if dtype is None else taken.astype(dtype)
