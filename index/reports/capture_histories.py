"""Capture histories for mark-recapture: Program MARK's encounter histories file, and a table.

The format is that of MARK's help, "Encounter Histories File" and "Encounter Histories Format": a
history of live encounters (LLLL) a line, its frequency, and a semicolon. Lines have up to 240
characters, and comments stand between /* and */.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from embedding.errors import FlukeprintError
from index.labels.csv_text import csv_text
from index.reports.tables import safe_cell
from index.sightings.reading import Sighting

Occasions = Literal["year", "month", "day"]
OCCASIONS: tuple[Occasions, ...] = get_args(Occasions)
_LETTERS = {"year": 4, "month": 7, "day": 10}  # of a time in ISO 8601
_LONGEST_LINE = 240


class BadReport(FlukeprintError):
    """A report that can't be made as requested."""


@dataclass(frozen=True, slots=True)
class CaptureHistories:
    """Who was met in which occasion.

    `occasions` are those in which anybody known was met, in their order. `histories` have a 0 or 1
    for each of them, by individual. `left_out`: sightings whose time isn't known exactly enough.
    """

    occasions: tuple[str, ...]
    histories: dict[str, str]
    left_out: int


def capture_histories(sightings: Sequence[Sighting], occasions: Occasions) -> CaptureHistories:
    """Make them of the sightings of known individuals. Raises BadReport where there are none."""
    letters = _LETTERS[occasions]
    known = [one for one in sightings if one.individual is not None]
    dated = [one for one in known if one.at and len(one.at) >= letters]
    listed = sorted({(one.at or "")[:letters] for one in dated})
    if not listed:
        raise BadReport(
            f"no sighting of a known individual has a time known to the {occasions}; select "
            "others, or make occasions longer"
        )
    places = {occasion: at for at, occasion in enumerate(listed)}
    found: dict[str, list[str]] = {}
    for one in dated:
        history = found.setdefault(one.individual or "", ["0"] * len(listed))
        history[places[(one.at or "")[:letters]]] = "1"
    histories = {name: "".join(history) for name, history in sorted(found.items())}
    return CaptureHistories(tuple(listed), histories, len(known) - len(dated))


def mark_inp(made: CaptureHistories) -> str:
    """Write MARK's file: comments with the occasions, and a line an individual.

    Raises BadReport where a line is longer than MARK reads.
    """
    lines = ["/* capture histories, live encounters: one line an individual */"]
    lines += [f"/* occasion {at}: {name} */" for at, name in enumerate(made.occasions, start=1)]
    for name, history in made.histories.items():
        lines.append(f"/* {_comment(name)} */ {history} 1;")
    longest = max(len(line) for line in lines)
    if longest > _LONGEST_LINE:
        raise BadReport(
            f"Program MARK reads lines of up to {_LONGEST_LINE} characters, and "
            f"{len(made.occasions)} occasions need more; make occasions longer, or select less"
        )
    return "\n".join(lines) + "\n"


def histories_csv(made: CaptureHistories) -> str:
    """Write a table: a row an individual, a column an occasion with 0 or 1, and the history."""
    rows = (
        {
            "individual": safe_cell(name),
            **dict(zip(made.occasions, history, strict=True)),
            "history": f"h{history}",  # a text: spreadsheets would drop the zeros of a number
        }
        for name, history in made.histories.items()
    )
    return csv_text(("individual", *made.occasions, "history"), rows)


def _comment(name: str) -> str:
    """A name without what ends a comment or a line of MARK's file."""
    return re.sub(r"[*/;\s]+", "_", name)[:60]
