"""The tables of a Camtrap DP package, as its own and other programs write them.

A table is a CSV in one or several files, with any of the usual separators, or lies in the package
itself. Columns may be called as in older versions of the standard, such as `media_id`.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from index.labels.camtrap import MEDIA_COLUMNS, OBSERVATION_COLUMNS
from index.labels.fields import parse_file_name, read_text
from index.labels.labelled_photo import BadLabels
from index.tables.rows import read_rows, separator_of

Row = dict[str, str]

_NEEDED = {"media": "mediaID", "observations": "observationID"}
# Older versions note events of photos as sequences; some programs add an event to each photo.
_MORE_COLUMNS = ("eventID", "sequenceID")


def read_tables(package: Path) -> dict[str, list[Row]]:
    """Read a package's tables `media` and `observations`. Raises BadLabels."""
    resources = _resources(package)
    absent = [name for name in _NEEDED if name not in resources]
    if absent:
        raise BadLabels(
            f"{package}: not a Camtrap DP package: it needs the resources media and observations"
        )
    return {name: list(_table(package, name, resources[name])) for name in _NEEDED}


def _resources(package: Path) -> dict[str, dict[str, Any]]:
    try:
        document: Any = json.loads(read_text(package))
        found: Any = document["resources"]
        return {
            str(one["name"]).strip().lower(): cast("dict[str, Any]", one)
            for one in found
            if "path" in one or "data" in one
        }
    except (ValueError, RecursionError, KeyError, TypeError):
        raise BadLabels(
            f"{package}: not a Camtrap DP package: it needs the resources media and observations"
        ) from None


def _table(package: Path, name: str, resource: dict[str, Any]) -> Iterator[Row]:
    canonical = {_plain(column): column for column in _columns(name)}

    def tidy(row: dict[str, Any]) -> Row:
        return {
            canonical.get(_plain(key), key): "" if value is None else str(value).strip()
            for key, value in row.items()
        }

    if "path" not in resource:
        rows: Any = resource["data"]
        if not isinstance(rows, list):
            raise BadLabels(f"{package}: the data of {name} must be a list of rows")
        for row in cast("list[Any]", rows):
            if isinstance(row, dict):
                yield tidy(cast("dict[str, Any]", row))
        return
    header: list[str] | None = None
    for path in _paths(package, name, resource["path"]):
        lines = _lines(path, name, resource)
        first = next(lines, None)
        if first is None:
            continue
        if header is None:
            header = first
            _check_header(path, name, header)
        elif first != header:  # only the first of several files needs one
            yield tidy(dict(zip(header, first, strict=False)))
        for line in lines:
            yield tidy(dict(zip(header, line, strict=False)))


def _columns(name: str) -> Sequence[str]:
    return (*(MEDIA_COLUMNS if name == "media" else OBSERVATION_COLUMNS), *_MORE_COLUMNS)


def _plain(column: str) -> str:
    return column.strip().replace("_", "").casefold()


def _paths(package: Path, name: str, given: Any) -> list[Path]:
    """The files of a table; a package may name one or a list of them."""
    texts = cast("list[Any]", given) if isinstance(given, list) else [given]
    paths: list[Path] = []
    for text in texts:
        if re.match(r"[A-Za-z][\w+.-]*://", str(text)):
            raise BadLabels(
                f"{package}: the table {name} is at {text}; download it into the package's "
                "folder, and write its file name instead"
            )
        paths.append(package.parent / parse_file_name(str(text), str(package)))
    if not paths:
        raise BadLabels(f"{package}: the resource {name} names no file")
    return paths


def _lines(path: Path, name: str, resource: dict[str, Any]) -> Iterator[list[str]]:
    text = read_text(path)
    dialect: Any = resource.get("dialect")
    named: Any = cast("dict[str, Any]", dialect).get("delimiter") if dialect else None
    is_header = _header_of(name)
    separator = named if isinstance(named, str) and len(named) == 1 else None
    try:
        for _, line in read_rows(text, separator or separator_of(text, is_header)):
            yield [cell.strip() for cell in line]
    except csv.Error as error:
        raise BadLabels(f"{path}: not readable as CSV ({error})") from None


def _header_of(name: str) -> Callable[[Sequence[str]], bool]:
    def is_header(cells: Sequence[str]) -> bool:
        return _plain(_NEEDED[name]) in {_plain(cell) for cell in cells}

    return is_header


def _check_header(path: Path, name: str, header: Sequence[str]) -> None:
    if not _header_of(name)(header):
        raise BadLabels(
            f"{path}: has no column {_NEEDED[name]}, only {', '.join(header[:8])}; Camtrap DP "
            f"needs it in the table {name}"
        )
