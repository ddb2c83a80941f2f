"""The table of doors and kinds in docs/formats.md says what is so, cell by cell."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.flows.doors import (
    kinds_of_exchange,
    kinds_of_files,
    kinds_of_labels,
    kinds_of_tables,
)
from tests.flows.doors.cases import word_of
from tests.flows.doors.doors import DOORS, Bench
from tests.flows.doors.registry import KINDS

PAGE = Path(__file__).parents[3] / "docs" / "formats.md"
WORDS = {"read", "read, told", "left out, told", "refused", "-"}
MODULES = (kinds_of_exchange, kinds_of_files, kinds_of_labels, kinds_of_tables)


def table() -> dict[str, dict[str, str]]:
    """The rows of the table by kind, each with its cells by door."""
    found = re.search(r"^\| kind \|.*?(?=\n\n)", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert found is not None, f"{PAGE} has no table that begins with `| kind |`"
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in found[0].splitlines()
    ]
    (_, *doors), _, *rows = lines
    assert all(len(row) == len(doors) + 1 for row in rows)
    return {title: dict(zip(doors, cells, strict=True)) for title, *cells in rows}


ROWS = table()


def test_each_kind_has_a_row_and_each_door_a_column() -> None:
    assert len(MODULES) == 4
    assert sorted(ROWS) == sorted(KINDS)
    for cells in ROWS.values():
        assert list(cells) == list(DOORS)
        assert set(cells.values()) <= WORDS


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("title", KINDS)
def test_a_cell_says_what_happens(
    title: str, door: str, tmp_path: Path, serve_season: Callable[..., Any]
) -> None:
    case = KINDS[title](door)
    word = "-"
    if case is not None:
        bench = Bench(tmp_path / "bench", serve_season)
        bench.folder.mkdir()
        case.prepare(bench)
        word = word_of(case, DOORS[door](case, bench))
    assert word == ROWS[title][door]
