"""`flukeprint data check`: what isn't looked at, damaged pixels, and numbers that lost zeros."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from embedding.photos.photo import describe_others
from index.labels.reader import BadLabels
from tests.index.camera_files import camera_photo, cut_scan, put
from training.data.check import CheckReport, check_set
from training.data.check_tables import fact_lines, summary
from training.data.findings import _plain_label


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two animals with two photos each."""
    for at in range(4):
        put(tmp_path / "photos" / f"w_{at // 2}" / f"{at}.jpg", camera_photo(at))
    return tmp_path / "photos"


def kinds(report: CheckReport) -> dict[str, list[tuple[str, ...]]]:
    return {finding.kind: [case.photos for case in finding.cases] for finding in report.findings}


@pytest.mark.parametrize("has_csv", [True, False])
def test_files_that_are_not_looked_at_are_counted(folder: Path, has_csv: bool) -> None:
    csv = folder / "labels.csv"
    if has_csv:
        csv.write_text("image,label\n" + "".join(f"w_{at // 2}/{at}.jpg,{at}\n" for at in range(4)))
    for name in ("w_0/0.NEF", "w_1/2.nef", "w_1/film.MOV", "w_1/plain", "w_0/x.JPG_original"):
        put(folder / name, b"x")
    put(folder / "w_0" / "Thumbs.db", b"x")
    report = check_set(csv if has_csv else None, folder)
    assert report.is_clean and set(kinds(report)) == {"not_looked_at"}
    counts = {".nef": 2, ".jpg_original": 1, ".mov": 1, "no suffix": 1}
    assert report.facts["not_looked_at"] == counts
    shown = ".nef 2, .jpg_original 1, .mov 1, no suffix 1"
    assert ("not looked at", shown) in fact_lines(report.facts)
    expected = f"Nothing is wrong with what was looked at; not looked at: {shown}."
    assert summary(report) == expected


def test_a_folder_of_raw_files_alone_says_what_is_there(tmp_path: Path) -> None:
    put(tmp_path / "photos/w_1/a.NEF", b"x")
    put(tmp_path / "labels.csv", b"image,label\nw_1/a.NEF,w_1\n")
    with pytest.raises(BadLabels, match=r"holds no photo; .*: \.nef 1; export raw files as JPEG"):
        check_set(tmp_path / "labels.csv", tmp_path / "photos")


def test_many_suffixes_are_counted_and_not_all_named(tmp_path: Path) -> None:
    (text,) = describe_others([f"a.{at:02}" for at in range(15)], tmp_path)
    assert text.endswith(".10 1, .11 1 and 3 more suffixes")
    assert describe_others([], tmp_path) == []


def test_damaged_pixels_are_wrong_and_a_missing_end_marker_is_not(folder: Path) -> None:
    grey = np.array(Image.open(folder / "w_1/3.jpg"))
    grey[40:] = 128
    put(folder / "w_0/0.jpg", cut_scan(camera_photo(0)))
    put(folder / "w_0/1.jpg", camera_photo(1)[:-2])
    Image.fromarray(grey).save(folder / "w_1/3.jpg")
    report = check_set(None, folder)
    assert kinds(report) == {"damaged": [("w_0/0.jpg",), ("w_1/3.jpg",)]}
    cut, saved = report.findings[0].cases
    assert cut.detail.startswith("pixels are missing or damaged")
    assert "of it is plain grey" in saved.detail
    assert not report.is_clean


def test_labels_that_differ_in_zeros_are_told(folder: Path) -> None:
    labels = folder.parent / "labels.csv"
    for names, expected in (
        (("001", "1", "1.0", "10"), [{"001", "1", "1.0"}]),
        (("1.0", "10", "1.5", "15"), []),
        (("W-1", "W1", "W 01", "W-10"), [{"W-1", "W1", "W 01"}]),
        (("2018-1", "20181", "2018/01", "x"), [{"2018-1", "2018/01"}]),
    ):
        rows = [f"w_{at // 2}/{at}.jpg,{name}" for at, name in enumerate(names)]
        labels.write_text("\n".join(["image,label", *rows]))
        found = [each for each in check_set(labels, folder).findings if each.kind == "like_labels"]
        assert [set(case.labels) for each in found for case in each.cases] == expected, names


@pytest.mark.parametrize(
    ("label", "plain"), [("Ánna  B.", "annab"), ("a.b", "ab"), ("00", "0"), ("1,50", "1.50")]
)
def test_what_is_compared_of_a_label(label: str, plain: str) -> None:
    assert _plain_label(label) == plain
