"""Zips and folders as people pack them: what isn't looked at, near misses, spreadsheets."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from index.exchange.importing.plan import make_import_plan
from index.exchange.importing.sources import ImportSource, SourcePhoto, read_source
from index.labels.reader import BadLabels

SHEET = {"content.xml": b"<office/>"}


def zipped(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        for name, data in entries.items():
            made.writestr(name, data)
    return path


def folder_of(path: Path, names: dict[str, bytes]) -> Path:
    for name, data in names.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def reasons(source: ImportSource) -> dict[str, str]:
    photos = [SourcePhoto(photo, content_hash=photo.name) for photo in source.photos]
    plan = make_import_plan(source, photos, [], known_perceptual={})
    return {row.photo: row.reason for row in plan.rows}


def test_a_zip_is_named_and_not_the_folder_that_it_is_unpacked_into(tmp_path: Path) -> None:
    staging = tmp_path / ".importing-1~host~2"
    for name, entries in {
        "loose.zip": {"a.jpg": b"x"},
        "wrapped.zip": {"season/a.jpg": b"x", "season/more/labels.csv": b"label\nw_1\n"},
        "bad.zip": {"a.jpg": b"x", "labels.csv": b"photo,who\na.jpg,w_1\n"},
        "deep.zip": {"season/labels.csv": b"image,label\n", "season/w/a.jpg": b"x"},
        "two.zip": {"one.csv": b"", "two.csv": b""},
    }.items():
        path = zipped(tmp_path / name, entries)
        with pytest.raises(BadLabels) as raised:
            read_source(path, None, staging / name)
        assert str(path) in str(raised.value)
        assert "importing" not in str(raised.value)


def test_warnings_name_the_zip_too(tmp_path: Path) -> None:
    rows = b"image,label,region\na.jpg,w_1,Bay\n"
    path = zipped(tmp_path / "a.zip", {"season/labels.csv": rows, "season/a.jpg": b"x"})
    (warning,) = read_source(path, None, tmp_path / "staging").warnings
    assert warning.startswith(f"{path}/labels.csv: 1 photos have a region and no encounter")


def test_photos_in_a_folder_beside_the_labels_are_told_as_near_misses(tmp_path: Path) -> None:
    rows = b"image,label\na.jpg,w_1\nb.jpg,w_1\n"
    entries = {"season/labels.csv": rows, "season/photos/a.jpg": b"x", "season/photos/b.jpg": b"y"}
    source = read_source(zipped(tmp_path / "a.zip", entries), None, tmp_path / "staging")
    (warning,) = source.warnings
    assert "2 of the 2 photos in" in warning and "(2 in folder)" in warning
    assert reasons(source)["a.jpg"].endswith("; photos/a.jpg is here and differs in folder alone")


@pytest.mark.parametrize("is_zip", [True, False])
def test_letter_case_is_told_as_a_near_miss(tmp_path: Path, is_zip: bool) -> None:
    entries = {"Labels.CSV": b"image,label\na.jpg,w_1\n", "A.JPG": b"x"}
    path = zipped(tmp_path / "a.zip", entries) if is_zip else folder_of(tmp_path / "offer", entries)
    source = read_source(path, None, tmp_path / "staging")
    assert "(1 in letter case)" in source.warnings[0]
    assert reasons(source)["a.jpg"].endswith("A.JPG is here and differs in letter case alone")


def test_a_spreadsheet_is_told_at_each_place(tmp_path: Path) -> None:
    sheet = zipped(tmp_path / "labels.ods", SHEET)
    photos = folder_of(tmp_path / "photos", {"a.jpg": b"x"})
    inside = {"labels.ods": sheet.read_bytes(), "a.jpg": b"x"}
    renamed = zipped(tmp_path / "renamed.zip", SHEET)
    for source, csv in (
        (sheet, None),
        (photos, sheet),
        (zipped(tmp_path / "photos.zip", {"a.jpg": b"x"}), sheet),
        (zipped(tmp_path / "inside.zip", inside), None),
        (folder_of(tmp_path / "inside", inside), None),
        (renamed, None),
    ):
        staging = tmp_path / f"staging of {source.name}"
        with pytest.raises(
            BadLabels, match=r"is a spreadsheet of a kind that isn't read; .* as CSV"
        ):
            read_source(source, csv, staging)


@pytest.mark.parametrize("is_zip", [True, False])
def test_what_is_not_looked_at_is_listed_alike(tmp_path: Path, is_zip: bool) -> None:
    entries = dict.fromkeys(
        ["w_1/a.jpg", "w_1/b.JFIF", "w_1/c.MPO", "w_1/d.NEF", "w_1/e.mov", "w_1/plain", "x.ods"],
        b"x",
    )
    path = zipped(tmp_path / "a.zip", entries) if is_zip else folder_of(tmp_path / "offer", entries)
    source = read_source(path, None, tmp_path / "staging")
    assert [photo.name for photo in source.photos] == ["w_1/a.jpg", "w_1/b.JFIF", "w_1/c.MPO"]
    assert {one.name: one.reason.partition(";")[0] for one in source.left_out} == {
        "w_1/d.NEF": "a camera's raw file",
        "w_1/e.mov": "neither a photo nor a label file (.csv, .json, .xlsx) by its name",
        "w_1/plain": "neither a photo nor a label file (.csv, .json, .xlsx) by its name",
        "x.ods": "a spreadsheet that isn't read",
    }
    assert any("x.ods is a spreadsheet" in warning for warning in source.warnings)


def test_labels_in_a_folder_of_labels_are_told(tmp_path: Path) -> None:
    offer = folder_of(tmp_path / "offer", {"w_1/a.jpg": b"x", "w_1/list.csv": b"image,label\n"})
    (warning,) = read_source(offer, None, tmp_path / "staging").warnings
    assert "w_1/list.csv may hold labels too and isn't read" in warning
