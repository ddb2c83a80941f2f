"""index/labels/reader.py and index/labels/csv_labels.py: CSV and folders; each error with its
message. COCO: test_coco.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from embedding.photos.photo import Box
from index.labels.reader import read_labels
from tests.index.labels.reading import individuals, read

KNOWN = {"a.jpg": "w_1", "b.jpg": None, "sub/c.jpg": "w_2"}


def test_kaggles_csv(photos: Path) -> None:
    labels = read(
        photos,
        "Image,Id,width_px,box\nsub/c.jpg,w_2,640,\nb.jpg,new_whale,,0.1 0.2 0.9 1\n"
        "a.jpg,w_1,1050,0 0 0.5 0.25\n",
    )
    assert individuals(labels) == KNOWN
    assert [photo.name for photo in labels.photos] == ["a.jpg", "b.jpg", "sub/c.jpg"]  # sorted
    assert [photo.box for photo in labels.photos] == [
        Box(0, 0, 0.5, 0.25),
        Box(0.1, 0.2, 0.9, 1),
        None,
    ]
    assert [photo.path for photo in labels.photos] == [
        photos / "a.jpg",
        photos / "b.jpg",
        photos / "sub" / "c.jpg",
    ]
    assert labels.source == photos.parent / "labels.csv"
    assert labels.warnings == ()


def test_all_columns_of_a_csv(photos: Path) -> None:
    labels = read(
        photos,
        "image,label,species,encounter,taken_at,box\n"
        'a.jpg,"Salt, the first",humpback,e1,2018-06-01T12:30:00Z,0 0 1 1\n'
        "b.jpg,new_whale,,,,\nsub/c.jpg,w_2,humpback,,2018-06,\n",
    )
    first, second, third = labels.photos
    assert (first.individual, first.species, first.encounter) == (
        "Salt, the first",
        "humpback",
        "e1",
    )
    assert (first.taken_at, first.box) == ("2018-06-01T12:30:00Z", Box(0, 0, 1, 1))
    assert (second.individual, second.species, second.encounter, second.taken_at, second.box) == (
        None,
    ) * 5
    assert third.taken_at == "2018-06"


@pytest.mark.parametrize(
    "text",
    [
        "image,label\na.jpg,w_1\nb.jpg,new_whale\nsub/c.jpg,w_2\n",
        "\ufeffimage,label\na.jpg,w_1\nb.jpg,new_whale\nsub/c.jpg,w_2",
        "IMAGE,Label\r\na.jpg,w_1\r\nb.jpg,new_whale\r\nsub/c.jpg,w_2\r\n",
        "image;label\na.jpg;w_1\nb.jpg;new_whale\nsub/c.jpg;w_2\n",
        "image\tlabel\na.jpg\tw_1\nb.jpg\tnew_whale\nsub/c.jpg\tw_2\n",
        "label,notes,image\nw_1,x,a.jpg\nnew_whale,y,b.jpg\nw_2,z,sub/c.jpg\n",
        "\nimage,label,,\n\na.jpg,w_1,,\n,,\nb.jpg,new_whale,,\nsub/c.jpg,w_2,,,,\n",
        " image , label \n a.jpg , w_1 \n./b.jpg,new_whale\nsub\\c.jpg,w_2\n",
        '"image","label"\n"a.jpg","w_1"\n"b.jpg","new_whale"\n"sub//c.jpg","w_2"\n',
        # here id numbers the rows
        "id,image,individual_id\n1,a.jpg,w_1\n2,b.jpg,new_whale\n3,sub/c.jpg,w_2\n",
    ],
    ids=["plain", "bom", "crlf", "semicolon", "tab", "order", "blank", "spaces", "quoted", "id"],
)
def test_spellings_of_a_csv(photos: Path, text: str) -> None:
    assert individuals(read(photos, text)) == KNOWN


def test_an_encounters_region_is_that_of_all_its_photos(photos: Path) -> None:
    labels = read(
        photos,
        "image,label,encounter,region\na.jpg,w_1,e1,\nb.jpg,w_1,e1,Gulf of Maine\n"
        "sub/c.jpg,w_2,e1,\n",
    )
    # One animal each: w_2's e1 is another encounter.
    assert [photo.region for photo in labels.photos] == ["Gulf of Maine", "Gulf of Maine", None]
    assert labels.warnings == ()


def test_regions_that_can_be_noted_nowhere_are_told(photos: Path) -> None:
    labels = read(
        photos,
        "image,label,encounter,region\na.jpg,w_1,e1,here\nb.jpg,w_1,e1,there\n"
        "sub/c.jpg,w_2,,here\n",
    )
    assert [photo.region for photo in labels.photos] == ["here", "here", None]
    assert labels.warnings == (
        f"{labels.source}: 1 photos name another region than the first photo of their "
        "encounter, whose region counts: "
        "b.jpg",
        f"{labels.source}: 1 photos have a region and no encounter that it could be noted of, "
        "so it is left out: "
        "sub/c.jpg",
    )


def test_names_start_at_the_csvs_own_folder_without_photos(photos: Path) -> None:
    (photos / "labels.csv").write_text("image,label\nsub/c.jpg,w_2\n")
    labels = read_labels(photos / "labels.csv", None)
    assert [photo.path for photo in labels.photos] == [photos / "sub" / "c.jpg"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("2018", "2018"),
        ("2018-06-01", "2018-06-01"),
        ("2018-06-01 12:30:00", "2018-06-01T12:30:00"),
        ("2018:06:01 12:30:00", "2018-06-01T12:30:00"),  # as cameras write it
        ("2018-06-01T12:30:00+02:00", "2018-06-01T12:30:00+02:00"),
    ],
)
def test_times_come_out_as_iso_8601(photos: Path, given: str, kept: str) -> None:
    assert read(photos, f"image,label,taken_at\na.jpg,w_1,{given}\n").photos[0].taken_at == kept


def test_a_photo_without_a_label_is_a_warning(photos: Path) -> None:
    labels = read(photos, "image,label\na.jpg,w_1\n")
    assert individuals(labels) == {"a.jpg": "w_1"}
    assert labels.warnings == (
        f"2 photos in {photos} have no label in {labels.source}: b.jpg, sub/c.jpg",
    )


def test_many_names_are_counted(photos: Path) -> None:
    for number in range(5):
        (photos / f"x{number}.png").touch()
    (photos / "notes.txt").touch()  # no photo
    warning = read(photos, "image,label\na.jpg,w_1\nb.jpg,w_1\nsub/c.jpg,w_2\n").warnings[0]
    assert warning.startswith("5 photos in ")
    assert warning.endswith(": x0.png, x1.png, x2.png and 2 more")


def test_the_same_row_twice_is_kept_once_with_a_warning(photos: Path) -> None:
    labels = read(photos, "image,label\na.jpg,w_1\nb.jpg,new_whale\n./a.jpg,w_1\nsub/c.jpg,w_2\n")
    assert individuals(labels) == KNOWN
    assert labels.warnings == ("1 rows are there more than once: a.jpg",)


def test_absent_photos_can_be_skipped(photos: Path) -> None:
    labels = read(
        photos, "image,label\na.jpg,w_1\nb.jpg,new_whale\nd.jpg,w_9\nsub/c.jpg,w_2\n", absent="skip"
    )
    assert individuals(labels) == KNOWN
    expected = f"1 of the 4 photos in {labels.source} are not in {photos}: d.jpg; they are left out"
    assert labels.warnings == (expected,)


def test_a_named_file_is_found_whatever_its_suffix_and_behind_links(
    photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "d.jpg").touch()
    (photos / "link").symlink_to(tmp_path / "elsewhere")
    (photos / "scan").touch()
    labels = read(photos, "image,label\nlink/d.jpg,w_1\nscan,w_2\n")
    assert individuals(labels) == {"link/d.jpg": "w_1", "scan": "w_2"}
