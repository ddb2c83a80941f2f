"""Kinds of tables: workbooks of Excel, other programs' columns, columns that nobody knows."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

from openpyxl import Workbook

from index.tables.workbooks import write_workbook
from tests.flows.doors.cases import Case, Outcome, pattern, table
from tests.flows.doors.kinds_of_files import TABLES
from tests.flows.doors.registry import kind

A, B = "a.jpg", "b.jpg"


@kind("22 a workbook of Excel (`.xlsx`), with zeros and dates in its cells", TABLES)
def workbooks(door: str) -> Case:
    rows = [[A, "007", datetime(2021, 4, 3, 14, 5)]]
    case = Case({A: pattern(1)}, lambda found: _is(found, A, "007", "2021-04-03T14:05:00"))
    case.texts = {"labels.xlsx": write_workbook(["image", "label", "taken_at"], rows)}
    return case


@kind("22 a workbook whose formulas have no values", TABLES)
def formulas(door: str) -> Case:
    case = Case({A: pattern(1)}, lambda found: found.of(A) is not None, "holds a formula without")
    book, kept = Workbook(), io.BytesIO()
    for row in (["image", "label"], [A, "=1+1"]):
        book.active.append(row)
    book.save(kept)
    case.texts = {"labels.xlsx": kept.getvalue()}
    return case


@kind("23 Wildbook's bulk-import workbook", TABLES)
def wildbook(door: str) -> Case:
    columns = [f"Encounter.{name}" for name in ("mediaAsset0", "mediaAsset1", "individualID")]
    columns += ["Encounter.year", "Encounter.month", "Encounter.photographer0.fullName"]
    case = Case(
        {A: pattern(1), B: pattern(2)},
        lambda found: all(_is(found, name, "w_1", "2021-04") for name in (A, B)),
        r"not read: Encounter\.photographer0\.fullName",
    )
    case.texts = {"bulk.xlsx": write_workbook(columns, [[A, B, "w_1", 2021, 4, "Jo"]])}
    return case


@kind("24 a table of wildlife-datasets (`image_id,identity,path`)", TABLES)
def wildlife(door: str) -> Case:
    rows = [
        {"image_id": "1", "identity": "w_1", "path": A, "date": "2021-04-03"},
        {"image_id": "2", "identity": "unknown", "path": B, "date": ""},
    ]
    case = Case(
        {A: pattern(1), B: pattern(2)},
        lambda found: _is(found, A, "w_1", "2021-04-03") and _is(found, B, None, None),
        "not read: image_id",
    )
    case.texts = {"metadata.csv": table(rows).encode()}
    return case


@kind("25 Kaggle's table of Happywhale (`image,species,individual_id`)", TABLES)
def happywhale(door: str) -> Case:
    rows = [{"image": A, "species": "beluga", "individual_id": "0012"}]
    case = Case({A: pattern(1)}, lambda found: _is(found, A, "0012", None))
    case.texts = {"train.csv": table(rows).encode()}
    return case


@kind("26 a stranger's table, whose columns nobody has named", TABLES)
def strangers(door: str) -> Case:
    case = Case({A: pattern(1)}, lambda found: found.of(A) is not None, "File|aren't known")
    case.texts = {"season.xlsx": write_workbook(["File", "Whale"], [[A, "Scar"]])}
    return case


def _is(found: Outcome, name: str, individual: str | None, taken_at: str | None) -> bool:
    one: Any = found.of(name)
    return one is not None and (one.individual, one.taken_at) == (individual, taken_at)
