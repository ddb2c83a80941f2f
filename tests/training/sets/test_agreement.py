"""training/sets/agreement.py: labels and files, compared by name."""

from __future__ import annotations

from pathlib import Path
from unicodedata import normalize

import pytest

from index.labels.reader import BadLabels
from training.sets.agreement import compare_with_files, likely_files


def files(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


def label_file(folder: Path, *rows: str) -> Path:
    path = folder / "labels.csv"
    path.write_text("\n".join(["image,label", *rows]) + "\n", encoding="utf-8")
    return path


def test_names_on_one_side_alone_are_told(tmp_path: Path) -> None:
    photos = files(tmp_path / "photos", "a.jpg", "b.jpg", "c.jpg")
    found = compare_with_files(
        label_file(tmp_path, "a.jpg,w_1", "b.jpg,new_whale", "gone.jpg,w_2"), photos
    )
    assert [photo.name for photo in found.labelled] == ["a.jpg", "b.jpg"]
    assert [(photo.name, photo.individual) for photo in found.absent] == [("gone.jpg", "w_2")]
    assert found.unlabelled == ("c.jpg",)
    assert found.files == ["a.jpg", "b.jpg", "c.jpg"]
    assert (found.disputed, found.bad_rows, found.repeated, found.likely_files) == ((), (), (), ())


def test_no_photo_at_all_of_a_label_file_is_no_error(tmp_path: Path) -> None:
    photos = files(tmp_path / "photos", "train/a.jpg", "train/b.jpg")
    found = compare_with_files(label_file(tmp_path, "a.jpg,w_1", "b.jpg,w_2"), photos)
    assert [photo.name for photo in found.absent] == ["a.jpg", "b.jpg"]
    assert found.likely_files == (
        ("a.jpg", "train/a.jpg", "folder"),
        ("b.jpg", "train/b.jpg", "folder"),
    )


def test_rows_that_disagree_or_repeat_or_say_nothing(tmp_path: Path) -> None:
    photos = files(tmp_path / "photos", "a.jpg", "b.jpg", "c.jpg")
    rows = ("a.jpg,w_1", "a.jpg,w_2", "b.jpg,w_3", "b.jpg,w_3", "c.jpg,")
    found = compare_with_files(label_file(tmp_path, *rows), photos)
    assert found.disputed == (("a.jpg", ("w_1", "w_2")),)
    assert found.repeated == ("b.jpg",)
    assert (
        len(found.bad_rows) == 1 and "line 6, photo c.jpg: the label is empty" in found.bad_rows[0]
    )
    assert found.unlabelled == ("c.jpg",)
    assert found.files == ["a.jpg", "b.jpg", "c.jpg"]


def test_rows_of_one_label_that_differ_in_details_disagree_too(tmp_path: Path) -> None:
    photos = files(tmp_path / "photos", "a.jpg")
    labels = tmp_path / "labels.csv"
    labels.write_text("image,label,species\na.jpg,w_1,fin\na.jpg,w_1,sei\n")
    found = compare_with_files(labels, photos)
    assert found.disputed == (("a.jpg", ("w_1",)),) and found.repeated == ()


def test_a_folder_of_labels(tmp_path: Path) -> None:
    photos = files(tmp_path / "photos", "w_1/a.jpg", "w_2/b.jpg", "loose.jpg")
    found = compare_with_files(None, photos)
    assert [(photo.name, photo.individual) for photo in found.labelled] == [
        ("w_1/a.jpg", "w_1"),
        ("w_2/b.jpg", "w_2"),
    ]
    assert found.unlabelled == ("loose.jpg",)


@pytest.mark.parametrize(
    ("absent", "file", "how"),
    [
        ("a.jpg", "A.JPG", "letter case"),
        ("a", "a.jpg", "suffix"),
        ("a.jpeg", "A.jpg", "suffix"),
        ("a.jpg", "b/a.jpg", "folder"),
        ("old/a.jpg", "new/A.png", "folder and suffix"),
    ],
)
def test_what_an_absent_name_may_mean(absent: str, file: str, how: str) -> None:
    assert likely_files([absent], [file, "other.jpg"]) == [(absent, file, how)]


def test_two_files_or_two_names_that_could_be_meant_are_not_paired() -> None:
    assert likely_files(["a.jpg"], ["x/a.jpg", "y/a.jpg"]) == []
    assert likely_files(["x/a.jpg", "y/a.jpg"], ["a.jpg"]) == []


@pytest.mark.parametrize(
    ("rows", "said"),
    [((), "names no labelled photo"), (None, "there is no such file")],
)
def test_what_is_no_label_file_is_refused(
    tmp_path: Path, rows: tuple[str, ...] | None, said: str
) -> None:
    photos = files(tmp_path / "photos", "a.jpg")
    path = tmp_path / "absent.csv" if rows is None else label_file(tmp_path, *rows)
    with pytest.raises(BadLabels, match=said):
        compare_with_files(path, photos)


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    labels = label_file(tmp_path, "a.jpg,w_1")
    (tmp_path / "empty").mkdir()
    for folder, said in (
        ("empty", "holds no photo"),
        ("absent", "no such folder"),
        ("labels.csv", "is a file"),
    ):
        with pytest.raises(BadLabels, match=said):
            compare_with_files(labels, tmp_path / folder)


def test_words_that_mean_nobody_are_told(tmp_path: Path) -> None:
    photos = files(tmp_path / "photos", "a.jpg", "b.jpg")
    found = compare_with_files(label_file(tmp_path, "a.jpg,unknown", "b.jpg,unknown 3"), photos)
    assert [photo.individual for photo in found.labelled] == [None, "unknown 3"]
    assert "read as new_whale" in found.warnings[0]
    assert "'unknown 3' (1 photo)" in found.warnings[1]
    folders = compare_with_files(None, files(tmp_path / "folders", "NA/a.jpg", "w_1/b.jpg"))
    assert folders.warnings == ("read as new_whale, an animal that nobody knows: 'NA' (1 photo)",)


def test_names_with_accents_meet_in_either_form(tmp_path: Path) -> None:
    nfc, nfd = (normalize(form, "Baléna.jpg") for form in ("NFC", "NFD"))
    photos = files(tmp_path / "photos", nfd)
    found = compare_with_files(label_file(tmp_path, f"{nfc},w_1"), photos)
    assert (found.absent, found.unlabelled, found.likely_files) == ((), (), ())
    assert found.files == [nfc]
    assert found.labelled[0].path == photos / nfd
