"""Label files that can't be used: each error says where, and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.labels.reader import BadLabels, read_labels
from tests.index.labels.reading import read


@pytest.mark.parametrize("text", ["", "\n \n", "\ufeff", ",,\n"])
def test_an_empty_csv_is_refused(photos: Path, text: str) -> None:
    with pytest.raises(
        BadLabels,
        match=r"labels\.csv: is empty; its first line must be a header such as image,label",
    ):
        read(photos, text)


def test_a_csv_of_a_header_only_is_refused(photos: Path) -> None:
    with pytest.raises(BadLabels, match=r"labels\.csv: names no labelled photo"):
        read(photos, "image,label\n")


def test_no_header_is_refused(photos: Path) -> None:
    expected = r"labels\.csv: has no header; put a first line such as image,label above a\.jpg,w_1"
    with pytest.raises(BadLabels, match=expected):
        read(photos, "a.jpg,w_1\nb.jpg,w_2\n")


@pytest.mark.parametrize(
    ("header", "missing"),
    [
        ("Image,width_px", "no column label, only Image, width_px"),
        ("label,file", "no column image, only label, file"),
        ("name,whale", "no column image and no column label, only name, whale"),
    ],
)
def test_a_missing_column_is_named_with_what_is_there_and_allowed(
    photos: Path, header: str, missing: str
) -> None:
    allowed = "needed are image and one of label, individual, individual_id, id; "
    with pytest.raises(
        BadLabels,
        match=f"has {missing}; {allowed}allowed too are species, encounter, taken_at, box",
    ):
        read(photos, header + "\na.jpg,w_1\n")


def test_a_column_twice_is_refused(photos: Path) -> None:
    with pytest.raises(BadLabels, match=r"the column label is there twice; keep one"):
        read(photos, "image,label,Label\na.jpg,w_1,w_2\n")


def test_absent_photos_are_refused_by_default(photos: Path) -> None:
    rows = "".join(f"x{number}.jpg,w_1\n" for number in range(1200))
    expected = (
        r"1,200 of the 1,201 photos in .*labels\.csv are not in .*photos: x0\.jpg, x1\.jpg, "
        r"x10\.jpg and 1,197 more; "
        "copy them there, give another --photos, or take their rows out"
    )
    with pytest.raises(BadLabels, match=expected):
        read(photos, "image,label\na.jpg,w_1\n" + rows)


def test_the_folder_that_was_meant_is_named(photos: Path) -> None:
    with pytest.raises(
        BadLabels, match=r"are not in .*: a\.jpg; but photos/a\.jpg is: give --photos .*/photos$"
    ):
        (photos.parent / "labels.csv").write_text("image,label\na.jpg,w_1\n")
        read_labels(photos.parent / "labels.csv", photos.parent)


def test_skipping_all_photos_is_refused(photos: Path) -> None:
    with pytest.raises(BadLabels, match=r"1 of the 1 photos in .*labels\.csv are not in"):
        read(photos, "image,label\nd.jpg,w_1\n", absent="skip")


def test_two_labels_of_a_photo_are_refused(photos: Path) -> None:
    with pytest.raises(
        BadLabels, match=r"the photo a\.jpg has two labels, w_1 and new_whale; keep the right one"
    ):
        read(photos, "image,label\na.jpg,w_1\nb.jpg,w_2\na.jpg,new_whale\n")


def test_different_details_of_a_photo_are_refused(photos: Path) -> None:
    with pytest.raises(BadLabels, match=r"the photo a\.jpg is there twice with different details"):
        read(photos, "image,label,box\na.jpg,w_1,0 0 1 1\na.jpg,w_1,0 0 1 .5\n")


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ("0 0 1", "must be four numbers with spaces between: left top right bottom"),
        ("0 0 1 1 1", "must be four numbers"),
        ("left top right bottom", "must be four numbers"),
        ("0.5 0 0.4 1", "must be left < right and top < bottom"),
        ("0 0.5 1 0.5", "must be left < right and top < bottom"),
        ("0 0 640 480", "shares between 0 and 1 of the photo's width and height"),
        ("-0.1 0 1 1", "must be left < right"),
        ("nan 0 1 1", "must be left < right"),
    ],
)
def test_a_malformed_box_is_refused(photos: Path, box: str, message: str) -> None:
    with pytest.raises(BadLabels, match=rf"labels\.csv, line 3: the box '{box}' .*{message}"):
        read(photos, f"image,label,box\nb.jpg,w_2,\na.jpg,w_1,{box}\n")


@pytest.mark.parametrize("label", ["", "  ", '""'])
def test_an_empty_label_is_refused(photos: Path, label: str) -> None:
    expected = r"labels\.csv, line 2, photo a\.jpg: the label is empty; write new_whale where"
    with pytest.raises(BadLabels, match=expected):
        read(photos, f"image,label\na.jpg,{label}\n")


def test_a_short_row_is_refused(photos: Path) -> None:
    with pytest.raises(BadLabels, match=r"line 2, photo a\.jpg: the label is empty"):
        read(photos, "image,label\na.jpg\n")


def test_a_long_row_is_refused(photos: Path) -> None:
    with pytest.raises(
        BadLabels, match=r"line 2: has 3 fields but the header has 2; quote fields with separators"
    ):
        read(photos, "image,label\na.jpg,Salt, the first\n")


def test_a_photo_without_a_name_is_refused(photos: Path) -> None:
    with pytest.raises(BadLabels, match=r"line 2: the photo has no name"):
        read(photos, "image,label\n,w_1\n")


@pytest.mark.parametrize(
    "name", ["../x.jpg", "sub/../../x.jpg", "/etc/x.jpg", "..\\x.jpg", "C:/x.jpg", "C:\\x.jpg"]
)
def test_names_that_lead_out_of_the_folder_are_refused(photos: Path, name: str) -> None:
    with pytest.raises(
        BadLabels, match=r"line 2: the photo name '.*x\.jpg' leads out of the folder of photos"
    ):
        read(photos, f"image,label\n{name},w_1\n")


@pytest.mark.parametrize("time", ["yesterday", "2018-13", "01/06/2018", "2018-02-30"])
def test_a_time_that_is_not_iso_8601_is_refused(photos: Path, time: str) -> None:
    with pytest.raises(
        BadLabels, match=rf"line 2: taken_at '{time}' isn't an ISO 8601 date or time"
    ):
        read(photos, f"image,label,taken_at\na.jpg,w_1,{time}\n")


def test_text_that_is_not_utf_8_is_refused(photos: Path) -> None:
    with pytest.raises(
        BadLabels, match=r"labels\.csv: not UTF-8 at byte 14; save it as UTF-8 text"
    ):
        read(photos, b"image,label\na.\xff\n")


def test_what_csv_cannot_parse_is_refused(photos: Path) -> None:
    with pytest.raises(
        BadLabels, match=r"labels\.csv, line \d+: not readable as CSV \(field larger than"
    ):
        read(photos, 'image,label\n"' + "x" * 200_000)


def test_paths_that_are_not_what_they_should_be_are_refused(photos: Path) -> None:
    file, nowhere = photos / "a.jpg", photos / "nowhere"
    with pytest.raises(BadLabels, match=r"photos: is a folder; give a CSV or COCO \.json file"):
        read_labels(photos, photos)
    with pytest.raises(BadLabels, match=r"nowhere: there is no such file"):
        read_labels(nowhere, photos)
    with pytest.raises(BadLabels, match=r"a\.jpg: is a file, not a folder of photos"):
        read_labels(None, file)
    with pytest.raises(BadLabels, match=r"nowhere: there is no such folder"):
        read_labels(photos.parent / "labels.csv", nowhere)
    with pytest.raises(BadLabels, match=r"give a label file \(--csv\), or a folder"):
        read_labels(None, None)


def test_a_file_that_cannot_be_read_is_refused(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)  # tests may run as root, whom no mode keeps out
    with pytest.raises(BadLabels, match=r"labels\.csv: can't be read \(Permission denied\)"):
        read_labels(photos.parent / "labels.csv", photos)
