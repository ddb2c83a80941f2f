"""Folders as labels, the real label files, and rows as they are."""

from __future__ import annotations

import csv as csv_module
from collections import Counter
from pathlib import Path

import pytest

from embedding.photos.photo import Box
from index.labels.reader import BadLabels, read_labels, read_rows
from tests.index.labels.reading import individuals


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
