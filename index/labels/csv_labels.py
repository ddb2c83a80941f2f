"""What one labelled photo is, and how the fields of a label file are understood; the CSV reader.

Import these names from `index.labels.reader`.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from embedding.photos.photo import PHOTO_SUFFIXES, Box
from index.labels.labelled_photo import NEW_WHALE, BadLabels, LabelledPhoto

_LABEL_COLUMNS = (
    "label",
    "individual",
    "individual_id",
    "id",
)  # the first one that is there counts
_OPTIONAL_COLUMNS = ("species", "encounter", "taken_at", "box", "region")
_MONTH = re.compile(r"\d{4}(-(0[1-9]|1[0-2]))?")  # ISO 8601, though not to datetime.fromisoformat


def list_some(names: Sequence[str]) -> str:
    """List the first three names and count the rest."""
    rest = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + rest


def parse_photo_name(text: str, where: str) -> str:
    """Tidy a photo's name, `sub/a.jpg`; refuse one that leads out of the folder of photos."""
    name = text.strip().replace("\\", "/")
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if not parts:
        raise BadLabels(f"{where}: the photo has no name")
    if name.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", name) or "\0" in name:
        raise BadLabels(
            f"{where}: the photo name {text!r} leads out of the folder of photos; give names "
            "below it"
        )
    return "/".join(parts)


def parse_individual(label: str, where: str) -> str | None:
    """Turn a label into an individual, or None for new_whale."""
    label = label.strip()
    if not label:
        raise BadLabels(
            f"{where}: the label is empty; write {NEW_WHALE} where the individual isn't known"
        )
    return None if label == NEW_WHALE else label


def make_box(sides: Sequence[float], where: str, original: object) -> Box:
    """Make a Box of left, top, right, bottom after checking that they are shares that hold
    something.
    """
    left, top, right, bottom = sides
    if not (all(map(math.isfinite, sides)) and 0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise BadLabels(
            f"{where}: the box {original!r} must be left < right and top < bottom, "
            "shares between 0 and 1 of the photo's width and height"
        )
    return Box(left, top, right, bottom)


def parse_time(given: str, where: str) -> str | None:
    """Check a date or time, `2018`, `2018-06`, `2018-06-01` or `2018-06-01T12:30:00`; None where
    empty.
    """
    text = given.strip()
    if not text:
        return None
    text = re.sub(r"^(\d{4}):(\d{2}):(\d{2})", r"\1-\2-\3", text).replace(
        " ", "T", 1
    )  # as EXIF writes it
    try:
        if not _MONTH.fullmatch(text):
            datetime.fromisoformat(text)
    except ValueError:
        raise BadLabels(
            f"{where}: taken_at {given!r} isn't an ISO 8601 date or time such as "
            "2018-06-01T12:30:00"
        ) from None
    return text


def read_text(path: Path) -> str:
    """Read a UTF-8 text file, with or without a byte order mark."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise BadLabels(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise BadLabels(
            f"{path}: is a folder; give a CSV or COCO .json file, or give it as --photos"
        ) from None
    except OSError as error:
        raise BadLabels(f"{path}: can't be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise BadLabels(
            f"{path}: not UTF-8 at byte {error.start:,}; save it as UTF-8 text"
        ) from None


def separator_of(text: str) -> str:
    """Whether a CSV that isn't empty is separated by commas, semicolons or tabs, by its first
    line.
    """
    return max(",;\t", key=text.lstrip().splitlines()[0].count)


def csv_rows(
    path: Path, photos: Path, *, faults: list[str] | None = None
) -> Iterator[LabelledPhoto]:
    """Read the rows of a CSV separated by commas, semicolons or tabs, in their order.

    With a list of `faults`, a row that can't be understood is told there and left out; without one
    it is BadLabels.
    """
    text = read_text(path)
    if not text.strip(",;\t\r\n "):
        raise BadLabels(f"{path}: is empty; its first line must be a header such as image,label")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator_of(text))
    try:
        lines = ((reader.line_num, row) for row in reader if any(cell.strip() for cell in row))
        _, header = next(lines)
        columns = _columns(path, [cell.strip() for cell in header])
        for line, row in lines:
            try:
                photo = _labelled_photo(f"{path}, line {line}", row, columns, len(header), photos)
            except BadLabels as fault:
                if faults is None:
                    raise
                faults.append(str(fault))
            else:
                yield photo
    except csv.Error as error:
        raise BadLabels(f"{path}, line {reader.line_num}: not readable as CSV ({error})") from None


def _columns(path: Path, header: list[str]) -> dict[str, int]:
    """Where each known column is; the label's, whatever it is called, under `label`."""
    names = [name.lower() for name in header]
    known = [name for name in names if name in {"image", *_LABEL_COLUMNS, *_OPTIONAL_COLUMNS}]
    twice = sorted({name for name in known if known.count(name) > 1})
    if twice:
        raise BadLabels(f"{path}: the column {twice[0]} is there twice; keep one")
    if not known and any(Path(name).suffix in PHOTO_SUFFIXES for name in names):
        raise BadLabels(
            f"{path}: has no header; put a first line such as image,label above {','.join(header)}"
        )
    label = next((name for name in _LABEL_COLUMNS if name in names), None)
    missing = ["image"] if "image" not in names else []
    missing += ["label"] if label is None else []
    if label is None or missing:
        raise BadLabels(
            f"{path}: has no column {' and no column '.join(missing)}, only "
            f"{', '.join(header)}; needed are image "
            f"and one of {', '.join(_LABEL_COLUMNS)}; allowed too are "
            f"{', '.join(_OPTIONAL_COLUMNS)}"
        )
    column_names = {"image": "image", "label": label} | {
        name: name for name in _OPTIONAL_COLUMNS if name in names
    }
    return {column: names.index(name) for column, name in column_names.items()}


def _labelled_photo(
    where: str, row: list[str], columns: dict[str, int], width: int, photos: Path
) -> LabelledPhoto:
    if any(cell.strip() for cell in row[width:]):
        raise BadLabels(
            f"{where}: has {len(row)} fields but the header has {width}; quote fields with "
            "separators"
        )
    fields = {
        column: row[position].strip() if position < len(row) else ""
        for column, position in columns.items()
    }
    name = parse_photo_name(fields["image"], where)
    return LabelledPhoto(
        name=name,
        path=photos / name,
        individual=parse_individual(fields["label"], f"{where}, photo {name}"),
        species=fields.get("species") or None,
        encounter=fields.get("encounter") or None,
        taken_at=parse_time(fields.get("taken_at", ""), where),
        box=parse_box(fields.get("box", ""), where),
        region=fields.get("region") or None,
    )


def parse_box(text: str, where: str) -> Box | None:
    """Understand a box, `left top right bottom`; None where nothing is given."""
    if not text:
        return None
    try:
        left, top, right, bottom = map(float, text.split())
    except ValueError:
        raise BadLabels(
            f"{where}: the box {text!r} must be four numbers with spaces between: left top "
            "right bottom, "
            "shares between 0 and 1 of the photo's width and height"
        ) from None
    return make_box((left, top, right, bottom), where, text)


def merge_repeated_rows(
    rows: Iterable[LabelledPhoto], source: Path
) -> tuple[list[LabelledPhoto], list[str]]:
    """Keep one of equal rows, sorted by name, with a warning; refuse rows that disagree about a
    photo.
    """
    by_name: dict[str, LabelledPhoto] = {}
    repeated: list[str] = []
    for row in rows:
        first = by_name.setdefault(row.name, row)
        if first is row:
            continue
        if first.individual != row.individual:
            labels = [one.individual or NEW_WHALE for one in (first, row)]
            raise BadLabels(
                f"{source}: the photo {row.name} has two labels, {labels[0]} and {labels[1]}; "
                "keep the right one, "
                "or cut the photo into one photo an animal"
            )
        if first != row:
            raise BadLabels(
                f"{source}: the photo {row.name} is there twice with different details; keep one"
            )
        repeated.append(row.name)
    warnings = (
        [f"{len(repeated):,} rows are there more than once: {list_some(repeated)}"]
        if repeated
        else []
    )
    first, unplaced = _share_regions([by_name[name] for name in sorted(by_name)], source)
    return first, [*warnings, *unplaced]


def _share_regions(
    rows: list[LabelledPhoto], source: Path
) -> tuple[list[LabelledPhoto], list[str]]:
    """Give all photos of an encounter the region that one of them names; tell what can't be
    noted.
    """
    regions: dict[tuple[str | None, str | None], str] = {}
    others: list[str] = []
    for row in rows:
        if (
            row.region
            and row.encounter
            and regions.setdefault((row.encounter, row.individual), row.region) != row.region
        ):
            others.append(row.name)
    lost = [row.name for row in rows if row.region and row.encounter is None]
    placed = (
        [replace(row, region=regions.get((row.encounter, row.individual))) for row in rows]
        if regions
        else rows
    )
    warnings: list[str] = []
    if others:
        warning = (
            f"{source}: {len(others):,} photos name another region than the first photo of "
            "their encounter"
        )
        warnings.append(f"{warning}, whose region counts: {list_some(others)}")
    if lost:
        warning = (
            f"{source}: {len(lost):,} photos have a region and no encounter that it could be "
            "noted of"
        )
        warnings.append(f"{warning}, so it is left out: {list_some(lost)}")
    return [
        replace(row, region=None) if row.encounter is None and row.region else row for row in placed
    ], warnings
