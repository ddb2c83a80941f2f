"""index/labels/reader.py and index/labels/csv_labels.py: CSV and folders; each error with its
message. COCO: test_coco.py.
"""

from __future__ import annotations

import csv as csv_module
from collections import Counter
from pathlib import Path

import pytest

from embedding.photos.photo import Box
from index.labels.reader import BadLabels, Labels, read_labels, read_rows


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with a.jpg, b.jpg and sub/c.jpg; reading labels never looks into them."""
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.jpg", "b.jpg", "sub/c.jpg"):
        (folder / name).write_bytes(b"not looked at")
    return folder


def read(photos: Path, text: str | bytes, **options: str) -> Labels:
    path = photos.parent / "labels.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_labels(path, photos, **options)  # pyright: ignore[reportArgumentType]


def individuals(labels: Labels) -> dict[str, str | None]:
    return {photo.name: photo.individual for photo in labels.photos}


KNOWN = {"a.jpg": "w_1", "b.jpg": None, "sub/c.jpg": "w_2"}


# -------------------------------------------------------------------------------------------------
# CSV


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


# ---------------------------------------------------------------------------------------------
# warnings


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


# -----------------------------------------------------------------------------------------------
# errors


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


# -------------------------------------------------------------------------------------- folder per
# label


def test_a_folder_for_each_label(tmp_path: Path) -> None:
    for name in (
        "w_2/a.jpg",
        "w_1/a.jpg",
        "w_1/2018/b.png",
        "new_whale/c.jpg",
        "w_1/Thumbs.db",
        ".trash/d.jpg",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    labels = read_labels(None, tmp_path)
    expected = {
        "new_whale/c.jpg": None,
        "w_1/2018/b.png": "w_1",
        "w_1/a.jpg": "w_1",
        "w_2/a.jpg": "w_2",
    }
    assert individuals(labels) == expected
    assert list(individuals(labels)) == sorted(expected)
    assert labels.photos[2].path == tmp_path / "w_1" / "a.jpg"
    assert (labels.source, labels.warnings) == (tmp_path, ())


def test_photos_in_no_labels_folder_are_a_warning(photos: Path) -> None:
    labels = read_labels(None, photos)
    assert individuals(labels) == {"sub/c.jpg": "sub"}
    assert labels.warnings == (f"2 photos in {photos} are in no label's folder: a.jpg, b.jpg",)


def test_a_folder_without_labels_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        BadLabels, match=r"no sub-folder holds a photo; make one sub-folder for each label, or give"
    ):
        read_labels(None, tmp_path)


# --------------------------------------------------------------------------------------- the real
# files


@pytest.mark.shared
@pytest.mark.parametrize(
    ("folder", "file", "count"),
    [
        ("humpback", "train.csv", 8388),
        ("right_whale", "train.csv", 3362),
        ("nyala", "train.csv", 1313),
        ("dogs_vs_cats", "labels.csv", 2000),
        ("bees", "labels.csv", 1331),
        ("flukes_fullres", "labels.csv", 35),
    ],
)
def test_the_real_label_files_are_read_as_a_plain_csv_reader_reads_them(
    shared: Path, folder: str, file: str, count: int
) -> None:
    path = shared / "data" / folder / file
    labels = read_labels(path, path.parent / "photos")
    with path.open(newline="") as lines:
        rows = [list(row.values())[:2] for row in csv_module.DictReader(lines)]
    assert individuals(labels) == {
        image: None if label == "new_whale" else label for image, label in rows
    }
    assert len(labels.photos) == count
    assert labels.warnings == ()


@pytest.mark.shared
def test_the_humpbacks_are_as_described(shared: Path) -> None:
    labels = read_labels(shared / "data/humpback/train.csv", shared / "data/humpback/photos")
    counts = Counter(photo.individual for photo in labels.photos)
    assert counts.pop(None) == 3040
    assert (len(counts), sum(counts.values()), list(counts.values()).count(1)) == (2346, 5348, 996)
    boxes = [photo.box for photo in labels.photos if photo.box is not None]
    assert labels.photos[0].box == Box(0, 0.0089, 0.9838, 0.9941)
    assert len(boxes) > 8000


@pytest.mark.shared
def test_a_list_without_labels_is_refused(shared: Path) -> None:
    with pytest.raises(
        BadLabels, match=r"photos\.csv: has no column label, only Image, width_px, height_px"
    ):
        read_labels(
            shared / "data/humpback/unlabelled/photos.csv",
            shared / "data/humpback/unlabelled/photos",
        )


def test_rows_are_read_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(
        "image,label\nb.jpg,w_1\ngone.jpg,\nb.jpg,w_2\n../c.jpg,w_3\n", encoding="utf-8"
    )
    read = read_rows(path, tmp_path)
    assert [(row.name, row.individual) for row in read.rows] == [("b.jpg", "w_1"), ("b.jpg", "w_2")]
    assert [fault.partition(": ")[0] for fault in read.faults] == [
        f"{path}, line 3, photo gone.jpg",
        f"{path}, line 5",
    ]
    with pytest.raises(BadLabels, match="no column label"):
        path.write_text("image\nb.jpg\n")
        read_rows(path, tmp_path)
