"""index/labels/near_names.py: what is nearly a file's name, and numbers that lost their zeros."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.labels.near_names import (
    by_number,
    describe_new_numbers,
    describe_new_spellings,
    describe_similar_numbers,
    describe_similar_spellings,
    without_zeros,
)
from index.labels.reader import BadLabels, read_labels
from tests.index.labels.reading import read


def test_letter_case_is_told_when_photos_are_absent(photos: Path) -> None:
    expected = (
        r"but a\.jpg is; 2 of the names differ from a file without a label in one thing alone "
        r"\(2 in letter case\): mend the names in the label file, or rename the files"
    )
    with pytest.raises(BadLabels, match=expected):
        read(photos, "image,label\nA.JPG,w_1\nB.JPG,w_1\nc.jpg,w_2\n".replace("c.jpg", "sub/c.jpg"))


def test_a_folder_too_many_is_told(photos: Path) -> None:
    expected = rf"but a\.jpg is: the names start with photos/, so give --photos {photos.parent}$"
    with pytest.raises(BadLabels, match=expected):
        read(photos, "image,label\nphotos/a.jpg,w_1\nphotos/sub/c.jpg,w_2\n")


def test_a_folder_too_many_that_is_called_otherwise_is_told(photos: Path) -> None:
    with pytest.raises(BadLabels, match=r"but a\.jpg is; 1 of the names .*\(1 in folder\)"):
        read(photos, "image,label\nDCIM/a.jpg,w_1\n")


def test_a_folder_too_few_is_told(photos: Path) -> None:
    with pytest.raises(BadLabels, match=r"but sub/c\.jpg is: give --photos .*photos/sub$"):
        read(photos, "image,label\nc.jpg,w_1\n")


def test_what_is_left_out_is_told_with_what_it_may_mean(photos: Path) -> None:
    labels = read(photos, "image,label\nA.JPG,w_1\nb.jpg,w_1\nsub/c.jpg,w_2\n", absent="skip")
    assert [photo.name for photo in labels.photos] == ["b.jpg", "sub/c.jpg"]
    assert "(1 in letter case)" in labels.warnings[0]
    assert labels.warnings[0].endswith("; they are left out")


@pytest.mark.parametrize(
    ("label", "plain"),
    [
        *[(label, "1") for label in ("1", "01", "001", "1.0", "1,00", " 1")],
        *[("10", "10"), ("0", "0"), ("000", "0"), ("1.5", "1.5"), ("1.05", "1.05")],
        *[("W-01", "W-1"), ("W-1", "W-1"), ("w_100", "w_100"), ("A", "A")],
    ],
)
def test_zeros_that_a_program_may_take_away(label: str, plain: str) -> None:
    assert without_zeros(label) == plain


def test_numbers_that_differ_in_zeros_are_told_by_whoever_reads_labels(photos: Path) -> None:
    labels = read(photos, "image,label\na.jpg,001\nb.jpg,1\nsub/c.jpg,10\n")
    (warning,) = labels.warnings
    assert warning.startswith("labels that differ in zeros alone count as different individuals")
    assert "001 (1 photo) and 1 (1 photo);" in warning
    assert describe_similar_numbers(["1.0", "10", "W-1", "W-10", None, "A", "a"]) == []
    assert describe_similar_numbers(["002", "2", "02", "02"])[0].count("photo") == 3


def test_numbers_that_a_catalogue_has_with_other_zeros_are_told() -> None:
    known = by_number(["001", "W-02", "Ana"])
    assert describe_new_numbers(["001", "Ana", None, "3"], known) == []
    (told,) = describe_new_numbers(["1", "W-2", "1"], known)
    assert "1 for 001, W-2 for W-02;" in told


def test_what_is_not_looked_at_is_told(photos: Path) -> None:
    for name in ("d.NEF", "sub/e.nef", "f.mov", "plain", "g.JPG_original", "labels.csv.txt"):
        (photos / name).touch()
    for name in ("Thumbs.db", ".DS_Store", "._a.jpg", "annotations.json"):
        (photos / name).touch()
    labels = read(photos, "image,label\na.jpg,w_1\nb.jpg,w_1\nsub/c.jpg,w_2\n")
    assert labels.warnings == (
        f"{photos}: 6 files are not looked at, having no photo's suffix: .nef 2, .jpg_original 1, "
        ".mov 1, .txt 1, no suffix 1; export raw files as JPEG",
    )
    assert labels.warnings[0] in read_labels(None, photos).warnings


def test_links_to_folders_are_told_unless_labels_name_what_is_in_them(photos: Path) -> None:
    (photos.parent / "elsewhere").mkdir()
    (photos.parent / "elsewhere" / "d.jpg").touch()
    (photos / "link").symlink_to(photos.parent / "elsewhere")
    rows = "image,label\na.jpg,w_1\nb.jpg,w_1\nsub/c.jpg,w_2\n"
    told = f"{photos}: 1 file is not looked at, having no photo's suffix: link to a folder 1"
    assert read(photos, rows).warnings == (told,)
    assert read(photos, rows + "link/d.jpg,w_3\n").warnings == ()


def test_a_spreadsheet_among_folders_of_labels_is_told(photos: Path) -> None:
    (photos / "labels.xlsx").touch()
    (photos / "labels.ods").touch()
    told = "\n".join(read_labels(None, photos).warnings)
    assert "labels.ods is a spreadsheet" in told
    assert "labels.xlsx may hold labels too and isn't read" in told
    (photos / "sub" / "c.jpg").unlink()
    with pytest.raises(BadLabels, match=r"no sub-folder holds .*labels\.ods is a spreadsheet"):
        read_labels(None, photos)


@pytest.mark.parametrize("other", ["W 1", "w  1", "\u200bw 1", "w 1\ufeff", "ｗ 1", "w\u00a01"])
def test_names_that_look_the_same_are_told_by_whoever_reads_labels(
    photos: Path, other: str
) -> None:
    labels = read(photos, f"image,label\na.jpg,w 1\nb.jpg,{other}\nsub/c.jpg,w_1\n")
    (warning,) = labels.warnings
    assert warning.startswith("labels that differ in letter case, blanks or invisible signs alone")
    assert "'w_1'" not in warning
    (told,) = describe_new_spellings([other, "Ana", None], ["w 1", "Ana"])
    assert f"{other!r} for 'w 1'" in told
    assert describe_similar_spellings(["A", "B", None]) == []
