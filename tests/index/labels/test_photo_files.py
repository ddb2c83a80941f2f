"""index/labels/photo_files.py: labels and files whose accents are written in different ways."""

from __future__ import annotations

from pathlib import Path
from unicodedata import normalize

import pytest

from index.labels.labelled_photo import LabelledPhoto
from index.labels.photo_files import catalogued_name, file_of, names_by_nfc
from index.labels.reader import BadLabels, read_labels
from index.labels.synonyms import read_same_animals
from tests.index.labels.reading import individuals

NFC = normalize("NFC", "Baléna")
NFD = normalize("NFD", "Baléna")


@pytest.mark.parametrize(("on_disk", "written"), [(NFD, NFC), (NFC, NFD), (NFD, NFD)])
def test_a_label_meets_its_file(tmp_path: Path, on_disk: str, written: str) -> None:
    photos = tmp_path / "photos"
    file = photos / on_disk / f"{on_disk}.jpg"
    file.parent.mkdir(parents=True)
    file.touch()
    csv = tmp_path / "labels.csv"
    csv.write_text(f"image,label\n{written}/{written}.jpg,w_1\n", encoding="utf-8")
    labels = read_labels(csv, photos)
    assert [(one.name, one.path) for one in labels.photos] == [(f"{NFC}/{NFC}.jpg", file)]
    assert labels.warnings == ()


def test_an_individual_written_in_both_ways_is_one(photos: Path) -> None:
    csv = photos.parent / "labels.csv"
    csv.write_text(f"image,label\na.jpg,{NFC}\nb.jpg,{NFD}\nsub/c.jpg,{NFD}\n", encoding="utf-8")
    assert set(individuals(read_labels(csv, photos)).values()) == {NFC}


def test_folders_of_labels_keep_their_files(tmp_path: Path) -> None:
    for folder in (NFC, NFD):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{len(folder)}.jpg").touch()
    labels = read_labels(None, tmp_path)
    assert set(individuals(labels).values()) == {NFC}
    assert all(photo.path.is_file() for photo in labels.photos)


def test_two_files_that_differ_only_so_are_refused(tmp_path: Path) -> None:
    (tmp_path / "w_1").mkdir()
    for name in (NFC, NFD):
        (tmp_path / "w_1" / f"{name}.jpg").touch()
    with pytest.raises(BadLabels, match="differ only in how their accents are written"):
        read_labels(None, tmp_path)


def test_a_file_whose_folder_is_written_otherwise_is_found(tmp_path: Path) -> None:
    (tmp_path / NFD).mkdir()
    (tmp_path / NFD / f"{NFC}.jpg").touch()
    assert file_of(tmp_path, f"{NFC}/{NFC}.jpg") == tmp_path / NFD / f"{NFC}.jpg"
    assert file_of(tmp_path, f"{NFC}/none.jpg") == tmp_path / NFD / "none.jpg"


def test_ids_of_one_animal_are_compared_in_nfc(tmp_path: Path) -> None:
    path = tmp_path / "same.csv"
    path.write_text(f"a,b\n{NFC},w_1\n{NFD},w_2\n", encoding="utf-8")
    assert read_same_animals(path) == [{NFC, "w_1", "w_2"}]


def test_a_photo_keeps_the_spelling_that_an_older_catalogue_knows_it_by() -> None:
    decomposed, composed = "Bale\u0301na.jpg", "Bal\u00e9na.jpg"
    names = names_by_nfc([decomposed, "b.jpg"])
    label = LabelledPhoto(composed, Path("x"), "w_1")
    assert catalogued_name(label, names).name == decomposed
    assert catalogued_name(LabelledPhoto("b.jpg", Path("x"), None), names).name == "b.jpg"
    assert catalogued_name(LabelledPhoto("c.jpg", Path("x"), None), names).name == "c.jpg"
    both = names_by_nfc([decomposed, composed])
    assert catalogued_name(label, both).name == composed
