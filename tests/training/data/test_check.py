"""training/data/check.py, findings.py and what tells of them: planted faults, all found and nothing
else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from training.data import check_page as page_module
from training.data.check import CheckReport, check_set
from training.data.check_page import check_page
from training.data.check_tables import case_line, facts_table, findings_table, summary
from training.data.findings import Case


def draw(path: Path, seed: int, size: tuple[int, int] = (160, 80), **options: object) -> None:
    coarse = np.random.default_rng(seed).integers(0, 256, (24, 24, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(path, **options)


@pytest.fixture
def labelled(tmp_path: Path) -> Callable[..., CheckReport]:
    """Ten photos of five individuals in tmp_path/photos; `change` may change files and rows before
    they are checked.
    """

    def _labelled(change: Callable[[Path, dict[str, str]], None] | None = None) -> CheckReport:
        photos, rows = tmp_path / "photos", {f"p{at}.jpg": f"w_{at // 2}" for at in range(10)}
        for at, name in enumerate(rows):
            draw(photos / name, at)
        if change is not None:
            change(photos, rows)
        lines = [f"{name},{label}" for name, label in rows.items()]
        (tmp_path / "labels.csv").write_text("\n".join(["image,label", *lines]), encoding="utf-8")
        return check_set(tmp_path / "labels.csv", photos)

    return _labelled


def kinds(report: CheckReport) -> dict[str, list[tuple[str, ...]]]:
    return {finding.kind: [case.photos for case in finding.cases] for finding in report.findings}


def test_a_set_without_a_fault(labelled: Callable[..., CheckReport]) -> None:
    report = labelled()
    assert report.is_clean and report.findings == ()
    facts = report.facts
    assert (facts["rows"], facts["labels"], facts["files"], facts["labelled_files"]) == (
        10,
        5,
        10,
        10,
    )
    assert (facts["width_px"], facts["sizes"], facts["formats"]) == (
        [160, 160, 160],
        1,
        {"JPEG": 10},
    )
    assert summary(report) == "Nothing is wrong."


def test_labels_and_files_that_do_not_agree(labelled: Callable[..., CheckReport]) -> None:
    def change(photos: Path, rows: dict[str, str]) -> None:
        (photos / "p0.jpg").rename(photos / "P0.JPG")
        (photos / "p1.jpg").unlink()
        del rows["p2.jpg"]

    report = labelled(change)
    assert kinds(report) == {
        "no_photo": [("p0.jpg",), ("p1.jpg",)],
        "no_label": [("P0.JPG",), ("p2.jpg",)],
    }
    assert not report.is_clean
    absent, unlabelled = report.findings
    assert (
        absent.cases[0].detail == "P0.JPG differs by letter case alone"
        and absent.cases[1].detail == ""
    )
    assert "1 of them differ" in absent.advice and "1 by letter case" in absent.advice
    assert unlabelled.cases[0].detail == "p0.jpg in the labels differs by letter case alone"
    assert summary(report) == "4 cases of 2 kinds are wrong."


def test_bad_files(labelled: Callable[..., CheckReport]) -> None:
    def change(photos: Path, rows: dict[str, str]) -> None:
        (photos / "p0.jpg").write_bytes(b"")
        whole = (photos / "p1.jpg").read_bytes()
        (photos / "p1.jpg").write_bytes(whole[: len(whole) // 2])
        Image.new("RGB", (100, 100), "blue").save(photos / "p2.jpg")

    report = labelled(change)
    assert kinds(report) == {"unreadable": [("p0.jpg",), ("p1.jpg",)], "blank": [("p2.jpg",)]}
    assert report.findings[0].cases[0].detail.startswith("the file is empty")
    assert report.findings[0].cases[1].detail.startswith("truncated")


def test_the_same_picture_twice_within_and_across_labels(
    labelled: Callable[..., CheckReport],
) -> None:
    def change(photos: Path, rows: dict[str, str]) -> None:
        for name, source, label in (
            ("copy", 0, "w_0"),
            ("mislabelled", 2, "w_4"),
            ("known", 4, "new_whale"),
        ):
            (photos / f"{name}.jpg").write_bytes((photos / f"p{source}.jpg").read_bytes())
            rows[f"{name}.jpg"] = label
        draw(photos / "small.jpg", 6, size=(140, 70), quality=60)
        draw(photos / "other.jpg", 8, size=(140, 70), quality=60)
        rows |= {"small.jpg": "w_3", "other.jpg": "w_0"}
        (photos / "unlabelled.jpg").write_bytes((photos / "p9.jpg").read_bytes())

    report = labelled(change)
    assert kinds(report) == {
        "no_label": [("unlabelled.jpg",)],
        "same_file_across_labels": [("known.jpg", "p4.jpg"), ("mislabelled.jpg", "p2.jpg")],
        "near_across_labels": [("other.jpg", "p8.jpg")],
        "same_file": [("copy.jpg", "p0.jpg"), ("p9.jpg", "unlabelled.jpg")],
        "near": [("p6.jpg", "small.jpg")],
    }
    across = report.findings[1]
    assert [case.labels for case in across.cases] == [("new_whale", "w_2"), ("w_4", "w_1")]
    assert re.fullmatch(r"\d+ of 255 bits differ", report.findings[2].cases[0].detail)


def test_rows_and_labels(labelled: Callable[..., CheckReport]) -> None:
    def change(photos: Path, rows: dict[str, str]) -> None:
        rows |= {"p0.jpg": "", "p1.jpg": "W 1", "./p2.jpg": "w_1", "./p4.jpg": "w_0"}

    report = labelled(change)
    assert kinds(report) == {
        "no_label": [("p0.jpg",)],
        "bad_rows": [()],
        "rows_disagree": [("p4.jpg",)],
        "repeated_rows": [("p2.jpg",)],
        "like_labels": [()],
    }
    assert report.findings[2].cases[0].labels == ("w_0 or w_2",)
    assert report.findings[4].cases[0].detail == "W 1: 1, w_1: 2"
    assert not report.findings[3].is_wrong


def test_what_is_no_fault_leaves_a_set_clean(labelled: Callable[..., CheckReport]) -> None:
    def change(photos: Path, rows: dict[str, str]) -> None:
        exif = Image.Exif()
        exif[0x0112] = 3
        exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 42.0, 16.0), 3: "E", 4: (23.0, 50.0, 59.0)})
        draw(photos / "p0.jpg", 0, exif=exif)
        draw(photos / "p1.jpg", 1, size=(40, 30))
        draw(photos / "p2.jpg", 2, size=(900, 100))
        draw(photos / "p3.jpg", 3, format="PNG")
        Image.open(photos / "p4.jpg").convert("L").save(photos / "p4.jpg")

    report = labelled(change)
    assert report.is_clean
    assert kinds(report) == {
        "small": [("p1.jpg",)],
        "long": [("p2.jpg",)],
        "grey_among_colour": [("p4.jpg",)],
        "place": [("p0.jpg",)],
        "turned": [("p0.jpg",)],
        "suffix": [("p3.jpg",)],
    }
    told = json.dumps(report.to_json()) + check_page(report).decode()
    assert "52.0" not in told and "42.0" not in told


def test_a_folder_of_labels(tmp_path: Path) -> None:
    draw(tmp_path / "w_1" / "a.jpg", 1)
    draw(tmp_path / "w_2" / "b.jpg", 1)
    draw(tmp_path / "loose.jpg", 2)
    report = check_set(None, tmp_path)
    assert kinds(report) == {
        "no_label": [("loose.jpg",)],
        "same_file_across_labels": [("w_1/a.jpg", "w_2/b.jpg")],
    }


def test_json_tells_every_case_and_the_table_the_first(
    labelled: Callable[..., CheckReport],
) -> None:
    report = labelled(lambda photos, rows: [rows.pop(f"p{at}.jpg") for at in range(6)] and None)
    told = json.loads(json.dumps(report.to_json()))
    assert told["is_clean"] is False
    assert [(each["kind"], each["count"], len(each["cases"])) for each in told["findings"]] == [
        ("no_label", 6, 6)
    ]
    console = Console(width=100, record=True, file=StringIO())
    console.print(facts_table(report.facts), findings_table(report))
    text = console.export_text()
    assert (
        "photos without a label" in text
        and "p2.jpg" in text
        and "p3.jpg" not in text
        and "and 3 more" in text
    )


def test_a_case_in_a_line() -> None:
    assert case_line(Case(("a", "b"), ("w_1", None), "near")) == "a (w_1) = b: near"
    assert case_line(Case((), (), "line 3")) == "line 3"
    assert case_line(Case(tuple("abcde"), (None,) * 5)) == "a = b = c and 2 more"


def test_the_page_is_bounded_and_escapes(
    labelled: Callable[..., CheckReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(photos: Path, rows: dict[str, str]) -> None:
        for at in range(6):
            del rows[f"p{at}.jpg"]
        rows["p9.jpg"] = "<b>w</b>"
        (photos / "p9.jpg").write_bytes((photos / "p8.jpg").read_bytes())

    monkeypatch.setattr(page_module, "_MOST_CASES", 4)
    monkeypatch.setattr(page_module, "_MOST_THUMBNAILS", 5)
    page = check_page(labelled(change)).decode()
    assert page.count("data:image/jpeg;base64,") == 5
    assert "and 2 more: --json lists all" in page
    assert "&lt;b&gt;w&lt;/b&gt;" in page and "<b>w</b>" not in page
    assert "http" not in page.replace("http-equiv", "") and "<script" not in page


def test_a_file_whose_accents_are_written_otherwise_is_read(
    labelled: Callable[..., CheckReport], tmp_path: Path
) -> None:
    def change(photos: Path, rows: dict[str, str]) -> None:
        draw(photos / normalize("NFD", "Baléna.jpg"), 99)
        rows[normalize("NFC", "Baléna.jpg")] = "w_0"
        draw(photos / "q.jpg", 98)
        rows["q.jpg"] = "Unknown"

    report = labelled(change)
    assert kinds(report) == {}
    assert (report.facts["files"], report.facts["new_whale"]) == (12, 1)
    assert report.warnings == (
        "read as new_whale, an animal that nobody knows: 'Unknown' (1 photo)",
    )
