"""A zip over HTTP as people pack it: what it says names the zip, and no file of the service."""

from __future__ import annotations

import zipfile
from io import BytesIO
from typing import Any

import pytest

from tests.service.conftest import photo_of
from tests.service.jobs.kinds.season import Site, ended, report, send_zip, zipped


def first_job(site: Site, data: bytes) -> dict[str, Any]:
    client, _, _ = site
    return ended(client, send_zip(client, data).json()["id"])


def sheet() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("xl/workbook.xml", "<workbook/>")
    return file.getvalue()


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({"a.png": photo_of(77)}, "the zip: no sub-folder holds a photo"),
        (
            {"a.png": photo_of(77), "labels.xlsx": sheet()},
            "the zip/labels.xlsx: can't be read as a workbook",
        ),
        ({"a.png": photo_of(77), "labels.ods": b"x"}, "labels.ods is a spreadsheet of a kind"),
        ({"xl/workbook.xml": b"<workbook/>"}, "the zip is a workbook by itself; put it and"),
        ({"a.png": photo_of(77), "one.csv": b"", "two.csv": b""}, "the zip has several label"),
        ({"labels.csv": b"image,label\na.png,\xf1\n"}, "the zip/labels.csv: not UTF-8 at byte 18"),
    ],
)
def test_what_a_zip_lacks_is_told(site: Site, entries: dict[str, bytes], told: str) -> None:
    job = first_job(site, zipped(entries))
    assert job["state"] == "failed"
    assert told in job["reason"]
    assert ".jobs" not in job["reason"] and "uploads" not in job["reason"]


def test_near_misses_and_what_is_not_looked_at_are_told(site: Site) -> None:
    rows = b"image,label\nA.PNG,w_77\nB.PNG,w_78\n"
    entries = {"labels.csv": rows, "a.png": photo_of(77), "b.png": photo_of(78), "c.NEF": b"x"}
    job = first_job(site, zipped(entries))
    assert job["state"] == "succeeded", job
    (warning,) = job["result"]["warnings"]
    assert warning.startswith("2 of the 2 photos in the zip/labels.csv are not there; but a.png is")
    told = report(site[0], job["id"])
    assert told["A.PNG"][1].endswith("a.png is here and differs in letter case alone")
    assert told["c.NEF"] == ("left_out", "a camera's raw file; export it as JPEG")
