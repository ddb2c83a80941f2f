"""training/sets/sets.py: several labelled sets become one, with every animal its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from embedding.photos.photo import Box
from index.labels.reader import BadLabels
from training.sets.sets import read_sets


def labelled_set(folder: Path, text: str) -> tuple[Path, Path]:
    """Write labels.csv and its photos, all of one colour."""
    (folder / "photos").mkdir(parents=True)
    (folder / "labels.csv").write_text(text)
    for row in text.splitlines()[1:]:
        Image.new("RGB", (8, 8)).save(folder / "photos" / row.split(",")[0])
    return folder / "labels.csv", folder / "photos"


@pytest.fixture
def humpbacks(tmp_path: Path) -> tuple[Path, Path]:
    return labelled_set(
        tmp_path / "humpback", "image,label,box\na.png,1,.1 .1 .9 .9\nb.png,new_whale,\n"
    )


@pytest.fixture
def nyalas(tmp_path: Path) -> tuple[Path, Path]:
    return labelled_set(tmp_path / "nyala", "image,label\na.png,1\n")


def test_one_set_is_taken_as_it_is(humpbacks: tuple[Path, Path]) -> None:
    photos, warnings = read_sets([humpbacks[0]], [humpbacks[1]])
    assert [(photo.name, photo.individual, photo.species) for photo in photos] == [
        ("a.png", "1", None),
        ("b.png", None, None),
    ]
    assert warnings == []


def test_equal_names_and_ids_of_two_sets_stay_apart(
    humpbacks: tuple[Path, Path], nyalas: tuple[Path, Path]
) -> None:
    photos, _ = read_sets([humpbacks[0], nyalas[0]], [humpbacks[1], nyalas[1]])
    assert [(photo.name, photo.individual, photo.species) for photo in photos] == [
        ("humpback/a.png", "humpback/1", "humpback"),
        ("humpback/b.png", None, "humpback"),
        ("nyala/a.png", "nyala/1", "nyala"),
    ]
    assert all(photo.path.is_file() for photo in photos)


def test_a_set_without_boxes_beside_one_with_boxes_is_taken_whole_and_told(
    humpbacks: tuple[Path, Path], nyalas: tuple[Path, Path]
) -> None:
    photos, warnings = read_sets([humpbacks[0], nyalas[0]], [humpbacks[1], nyalas[1]])
    assert [photo.box for photo in photos] == [Box(0.1, 0.1, 0.9, 0.9), None, Box(0, 0, 1, 1)]
    assert len(warnings) == 1
    assert "nyala: no photo has a box" in warnings[0]


def test_photos_without_a_box_take_their_species_box(
    humpbacks: tuple[Path, Path], nyalas: tuple[Path, Path]
) -> None:
    flank = Box(0.2, 0.1, 0.9, 0.6)
    photos, warnings = read_sets(
        [humpbacks[0], nyalas[0]],
        [humpbacks[1], nyalas[1]],
        species_boxes={"nyala": flank, "minke": flank},
    )
    assert [photo.box for photo in photos] == [Box(0.1, 0.1, 0.9, 0.9), None, flank]
    assert warnings == [
        "data.species_boxes names 'minke', of which there is no photo; the species are "
        "humpback, nyala"
    ]
    alone, _ = read_sets([nyalas[0]], [nyalas[1]], species_boxes={"nyala": flank})
    assert [photo.box for photo in alone] == [flank]


def test_one_animal_of_two_sets_of_its_species_stays_one(tmp_path: Path) -> None:
    rows = "image,label,species\na.png,w_1,humpback\n"
    one, two = (labelled_set(tmp_path / name, rows) for name in ("2018", "2019"))
    photos, _ = read_sets([one[0], two[0]], [one[1], two[1]])
    assert [photo.individual for photo in photos] == ["humpback/w_1"] * 2
    assert [photo.name for photo in photos] == ["2018/a.png", "2019/a.png"]


def test_folders_of_labels_are_named_by_themselves(tmp_path: Path) -> None:
    for name in ("cats/tom/a.png", "dogs/rex/a.png"):
        (tmp_path / name).parent.mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    photos, _ = read_sets([], [tmp_path / "cats", tmp_path / "dogs"])
    assert [photo.individual for photo in photos] == ["cats/tom", "dogs/rex"]


def test_sets_of_one_name_are_refused(tmp_path: Path, nyalas: tuple[Path, Path]) -> None:
    other = labelled_set(tmp_path / "other" / "nyala", "image,label\na.png,1\n")
    with pytest.raises(BadLabels, match="two of the sets are named 'nyala'"):
        read_sets([nyalas[0], other[0]], [nyalas[1], other[1]])


def test_label_files_and_folders_come_in_pairs(
    humpbacks: tuple[Path, Path], nyalas: tuple[Path, Path]
) -> None:
    with pytest.raises(BadLabels, match=r"2 label files .* and 1 folders"):
        read_sets([humpbacks[0], nyalas[0]], [humpbacks[1]])


def test_sets_of_one_species_are_told_to_be_split_together(tmp_path: Path) -> None:
    rows = "image,label,species\na.png,w_1,humpback\n"
    one, two = (labelled_set(tmp_path / name, rows) for name in ("2018", "2019"))
    _, warnings = read_sets([one[0], two[0]], [one[1], two[1]])
    assert len(warnings) == 1
    assert "2018, 2019 are one species, humpback: split together" in warnings[0]
