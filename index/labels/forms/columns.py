"""Which column of a table is what: what a person may say of it, and what is told of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from index.labels.fields import list_some
from index.labels.labelled_photo import BadLabels

FIELDS = (
    *("photo", "individual", "date", "place", "side"),
    *("species", "encounter", "region", "sex", "box"),
)
"""What a person may say that a column is. `side` is the viewpoint: left, right, ventral."""
_NEEDED = ("photo", "individual")
_PREVIEW_ROWS = 5

Columns = Mapping[str, str]  # by field, the column that a person named


class ColumnUse(NamedTuple):
    """A column of a table, and what it became; None: it isn't read."""

    column: str
    became: str | None


class Preview(NamedTuple):
    """The head of a table: its file, its columns, and its first rows."""

    file: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class UnknownColumns(BadLabels):
    """A table of which nobody has said yet which columns are photo and individual."""

    def __init__(self, message: str, preview: Preview) -> None:
        super().__init__(message)
        self.preview = preview


def make_preview(file: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Preview:
    """Take the first rows, each as wide as the header."""
    width = len(header)
    shown = (
        tuple([*(cell.strip() for cell in row), *[""] * width][:width])
        for row in rows[:_PREVIEW_ROWS]
    )
    return Preview(file, tuple(header), tuple(shown))


def check_columns(columns: Columns) -> Columns:
    """Refuse fields that there aren't, and too few. Raises BadLabels."""
    unknown = [field for field in columns if field not in FIELDS]
    if unknown:
        raise BadLabels(
            f"a column can't be {unknown[0]!r}; it can be {', '.join(FIELDS)}: say "
            "individual=Whale where the column Whale says which animal it is"
        )
    missing = [field for field in _NEEDED if field not in columns]
    if missing:
        raise BadLabels(
            f"which column is the {' and which is the '.join(missing)} isn't said; both photo and "
            "individual are needed"
        )
    named = list(columns.values())
    twice = next((column for column in named if named.count(column) > 1), None)
    if twice is not None:
        fields = " and ".join(field for field, column in columns.items() if column == twice)
        raise BadLabels(f"the column {twice!r} can't be {fields}; say one of them")
    return columns


def parse_columns(given: Sequence[str]) -> Columns | None:
    """Read `individual=Whale`, once for each field; None where nothing is given.

    Raises BadLabels.
    """
    found: dict[str, str] = {}
    for one in given:
        field, sign, column = (part.strip() for part in one.partition("="))
        if not (sign and field and column):
            raise BadLabels(
                f"{one!r} doesn't say what a column is; write FIELD=COLUMN, such as "
                f"individual=Whale, with a field of {', '.join(FIELDS)}"
            )
        if field in found:
            raise BadLabels(f"{field} is said to be {found[field]!r} and {column!r}; say one")
        found[field] = column
    return check_columns(found) if found else None


def find_columns(columns: Columns, header: Sequence[str], where: str) -> dict[str, int]:
    """Find the columns that a person named, in any letter case. Raises BadLabels."""
    exact = list(header)
    loose = [name.casefold() for name in header]
    found: dict[str, int] = {}
    for field, column in columns.items():
        wanted = column.casefold()
        if exact.count(column) == 1:
            found[field] = exact.index(column)
        elif loose.count(wanted) == 1:
            found[field] = loose.index(wanted)
        else:
            fault = "twice" if wanted in loose else "not there"
            raise BadLabels(
                f"{where}: the column {column!r}, which is to be the {field}, is {fault}; its "
                f"columns are {', '.join(header)}"
            )
    return found


def describe_use(uses: Sequence[ColumnUse]) -> str:
    """Write in one line what each column became."""
    became = ", ".join(f"{use.column} -> {use.became}" for use in uses if use.became)
    unread = [use.column for use in uses if use.became is None]
    return became + (f"; not read: {', '.join(unread)}" if unread else "")


def describe_examples(preview: Preview) -> str:
    """Write the columns with what stands in their first rows: `Whale ('Scar', 'Nick')`."""
    told: list[str] = []
    for at, column in enumerate(preview.columns):
        values = list(dict.fromkeys(row[at] for row in preview.rows if row[at]))[:2]
        told.append(f"{column} ({list_some([repr(one[:30]) for one in values])})")
    return ", ".join(told)
