"""training/sets/extra.py: more photos to learn from, none of which is asked about."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from index.labels.reader import BadLabels, LabelledPhoto
from tests.index.photos.test_perceptual_hash import picture as drawn
from training.sets.extra import read_extra, without_copies


def picture(path: Path, shade: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (shade, 0, 0)).save(path)
    return path


@pytest.fixture
def labelled(tmp_path: Path) -> list[LabelledPhoto]:
    return [LabelledPhoto("a.png", picture(tmp_path / "photos" / "a.png", 1), "w1")]


def test_a_folder_s_photos_are_unlabelled(labelled: list[LabelledPhoto], tmp_path: Path) -> None:
    picture(tmp_path / "more" / "sub" / "b.png", 2)
    photos, warnings = read_extra(None, tmp_path / "more", labelled)
    assert [(photo.name, photo.individual) for photo in photos] == [("extra/sub/b.png", None)]
    assert photos[0].path.is_file() and warnings == []


def test_copies_of_labelled_photos_are_left_out_and_told(
    labelled: list[LabelledPhoto], tmp_path: Path
) -> None:
    """Also under another name, and where the folder is the labelled one or holds it."""
    picture(tmp_path / "photos" / "b.png", 2)
    picture(tmp_path / "copy.png", 1)
    photos, warnings = read_extra(None, tmp_path, labelled)
    assert [photo.name for photo in photos] == ["extra/photos/b.png"]
    assert warnings == [
        "2 of the 3 extra photos show the picture of a labelled one and are left out"
    ]


def test_a_labelled_photo_s_picture_in_other_bytes_is_left_out(tmp_path: Path) -> None:
    """Saved again, made half as large, brighter: some of the labelled photos are queries."""
    shown = drawn(0)
    for name, image in (
        ("photos/a.png", shown),
        ("more/again.jpg", shown),
        ("more/half.jpg", shown.resize((150, 75))),
        ("more/bright.jpg", shown.point(lambda level: min(level + 20, 255))),
        ("more/other.jpg", drawn(1)),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        image.save(tmp_path / name)
    labelled = [LabelledPhoto("a.png", tmp_path / "photos" / "a.png", "w1")]
    photos, warnings = read_extra(None, tmp_path / "more", labelled)
    assert [photo.name for photo in photos] == ["extra/other.jpg"]
    assert warnings == [
        "3 of the 4 extra photos show the picture of a labelled one and are left out"
    ]


def test_nothing_but_copies_is_refused(labelled: list[LabelledPhoto], tmp_path: Path) -> None:
    with pytest.raises(BadLabels, match="holds no photo that isn't a labelled one"):
        read_extra(None, tmp_path / "photos", labelled)
    with pytest.raises(BadLabels, match="there is no such folder of extra photos"):
        read_extra(None, tmp_path / "nowhere", labelled)


def test_equal_sizes_are_not_copies(labelled: list[LabelledPhoto], tmp_path: Path) -> None:
    other = LabelledPhoto("b.png", picture(tmp_path / "b.png", 3), None)
    assert other.path.stat().st_size == labelled[0].path.stat().st_size
    assert without_copies([other], labelled) == [other]


@pytest.mark.parametrize(("individual", "is_refused"), [("w1", True), ("humpback/w1", False)])
def test_individuals_are_named_as_several_sets_name_them(
    individual: str, is_refused: bool, labelled: list[LabelledPhoto], tmp_path: Path
) -> None:
    several = [LabelledPhoto("humpback/a.png", labelled[0].path, "humpback/w1", species="humpback")]
    picture(tmp_path / "more" / "b.png", 2)
    (tmp_path / "more.csv").write_text(f"image,label\nb.png,{individual}\n")
    if is_refused:
        with pytest.raises(BadLabels, match="named SPECIES/id, as in humpback/w1"):
            read_extra(tmp_path / "more.csv", tmp_path / "more", several, of_several_sets=True)
    else:
        photos, _ = read_extra(
            tmp_path / "more.csv", tmp_path / "more", several, of_several_sets=True
        )
        assert [photo.individual for photo in photos] == ["humpback/w1"]
