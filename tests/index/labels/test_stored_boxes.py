"""Boxes measured on a picture as it is stored: the same pixels are cut out, whichever way up."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from embedding.photos.photo import Box, crop, read_photo, to_array
from index.labels.labelled_photo import BadLabels
from index.labels.reader import read_labels
from index.labels.reading.stored_boxes import turn_box

WIDE, HIGH = 96, 64
# Of the stored picture: a red field, and nothing else in it is red.
LEFT, TOP, WIDTH, HEIGHT = 8, 12, 24, 20
TURNED = range(2, 9)


def draw(path: Path, orientation: int, *, suffix_format: str = "JPEG", side: int = HIGH) -> None:
    pixels = np.zeros((side, WIDE, 3), np.uint8)
    pixels[..., 2] = 120
    pixels[TOP : TOP + HEIGHT, LEFT : LEFT + WIDTH] = (250, 0, 0)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, suffix_format, exif=exif, quality=95)


def cuts_out_red(photo) -> bool:
    """Whether the box holds the field and hardly more."""
    cut = to_array(crop(read_photo(photo.path), photo.box)).reshape(-1, 3).astype(int)
    red = (cut[:, 0] > 150) & (cut[:, 2] < 100)
    return len(cut) >= 0.9 * WIDTH * HEIGHT and red.mean() > 0.9


def coco(folder: Path, names, *, scale: float = 1.0, side: int = HIGH, **more) -> Path:
    """A label file with boxes in pixels of the stored pictures, or of copies of another size."""
    size = {"width": round(WIDE * scale), "height": round(side * scale)}
    images = [{"id": at, "file_name": name, **size, **more} for at, name in enumerate(names)]
    bbox = [scale * number for number in (LEFT, TOP, WIDTH, HEIGHT)]
    annotations = [
        {"image_id": at, "bbox": bbox, "individual_id": f"w_{at}"} for at in range(len(images))
    ]
    path = folder / "boxes.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations}))
    return path


def table(folder: Path, names, **more: str) -> Path:
    box = f"{LEFT / WIDE} {TOP / HIGH} {(LEFT + WIDTH) / WIDE} {(TOP + HEIGHT) / HIGH}"
    header = ",".join(["image", "label", "box", *more])
    lines = [",".join([name, f"w_{at}", box, *more.values()]) for at, name in enumerate(names)]
    path = folder / "boxes.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


@pytest.fixture
def turned(tmp_path) -> list[str]:
    """A photo of each orientation, and an upright one."""
    names = [f"o{orientation}.jpg" for orientation in range(1, 9)]
    for orientation, name in enumerate(names, start=1):
        draw(tmp_path / name, orientation)
    return names


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_box_is_turned_as_its_picture_is(tmp_path, orientation):
    draw(tmp_path / "a.jpg", orientation)
    stored = Box(LEFT / WIDE, TOP / HIGH, (LEFT + WIDTH) / WIDE, (TOP + HEIGHT) / HIGH)
    (photo,) = read_labels(table(tmp_path, ["a.jpg"]), tmp_path).photos
    (told,) = read_labels(table(tmp_path, ["a.jpg"]), tmp_path, boxes="stored").photos
    assert photo.box == pytest.approx(stored)
    assert told.box == pytest.approx(turn_box(stored, orientation))
    assert cuts_out_red(told)
    assert cuts_out_red(photo) == (orientation == 1)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_coco_boxes_of_stored_pictures_are_turned_by_their_size(tmp_path, turned, scale):
    read = read_labels(coco(tmp_path, turned, scale=scale), tmp_path)
    assert [cuts_out_red(photo) for photo in read.photos] == [True] * 8
    stored, doubtful = read.warnings
    assert stored.startswith("the boxes of 4 photos were measured on pictures as they are stored")
    assert doubtful.startswith("3 photos with boxes are stored turned or mirrored (EXIF), and")
    assert "count as of the stored one, as other boxes of the file are: o2.jpg" in doubtful
    assert "--boxes upright or --boxes stored" in doubtful


@pytest.mark.parametrize("orientation", [2, 3, 4])
def test_coco_boxes_of_pictures_of_the_same_size_count_as_stored(tmp_path, orientation):
    draw(tmp_path / "a.jpg", orientation)
    read = read_labels(coco(tmp_path, ["a.jpg"]), tmp_path)
    assert cuts_out_red(read.photos[0])
    assert "count as of the stored one: a.jpg" in read.warnings[0]
    (upright,) = read_labels(coco(tmp_path, ["a.jpg"]), tmp_path, boxes="upright").photos
    assert not cuts_out_red(upright)


def test_coco_boxes_of_upright_pictures_stay_and_tell_of_the_others(tmp_path, turned):
    """A program that turns pictures measures on the turned ones, and notes their sizes."""
    images, annotations = [], []
    for at, name in enumerate(turned):
        box = turn_box(Box(LEFT / WIDE, TOP / HIGH, 32 / WIDE, 32 / HIGH), at + 1)
        width, height = (HIGH, WIDE) if at >= 4 else (WIDE, HIGH)
        images.append({"id": at, "file_name": name, "width": width, "height": height})
        sides = (box.left, box.top, box.right - box.left, box.bottom - box.top)
        bbox = [side * (width, height)[place % 2] for place, side in enumerate(sides)]
        annotations.append({"image_id": at, "bbox": bbox, "individual_id": f"w_{at}"})
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations}))
    read = read_labels(path, tmp_path)
    assert [cuts_out_red(photo) for photo in read.photos] == [True] * 8
    assert len(read.warnings) == 1
    assert "count as of the upright one, as other boxes of the file are" in read.warnings[0]


@pytest.mark.parametrize("orientation", TURNED)
def test_square_pictures_are_doubtful_whichever_way_up(tmp_path, orientation):
    draw(tmp_path / "a.jpg", orientation, side=WIDE)
    read = read_labels(coco(tmp_path, ["a.jpg"], side=WIDE), tmp_path)
    assert cuts_out_red(read.photos[0])
    assert "nothing says which picture" in read.warnings[0]


@pytest.mark.parametrize("said", ["stored", "upright"])
def test_a_label_file_may_say_it(tmp_path, turned, said):
    for path in (
        coco(tmp_path, turned, box_orientation=said),
        table(tmp_path, turned, box_orientation=said),
    ):
        read = read_labels(path, tmp_path)
        assert [cuts_out_red(photo) for photo in read.photos] == [True] + [said == "stored"] * 7
        assert len(read.warnings) == (said == "stored")
    with pytest.raises(BadLabels, match="box_orientation 'lying' isn't one of upright, stored"):
        read_labels(table(tmp_path, turned, box_orientation="lying"), tmp_path)


def test_shares_count_as_of_the_upright_picture_and_are_told(tmp_path, turned):
    read = read_labels(table(tmp_path, turned), tmp_path)
    assert [cuts_out_red(photo) for photo in read.photos] == [True] + [False] * 7
    assert "count as of the upright one: o2.jpg, o3.jpg, o4.jpg and 4 more" in read.warnings[0]
    hashes = {"content_hash": "a" * 64}
    assert read_labels(table(tmp_path, turned, **hashes), tmp_path).warnings == ()


@pytest.mark.parametrize(("suffix", "form"), [("tif", "TIFF"), ("png", "PNG"), ("webp", "WebP")])
@pytest.mark.parametrize("orientation", [3, 5, 6])
def test_pictures_of_other_formats(tmp_path, suffix, form, orientation):
    draw(tmp_path / f"a.{suffix}", orientation, suffix_format=form)
    read = read_labels(coco(tmp_path, [f"a.{suffix}"]), tmp_path)
    assert cuts_out_red(read.photos[0])
    assert len(read.warnings) == 1


def test_a_damaged_header_turns_nothing(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff\xe1 not a photo")
    read = read_labels(coco(tmp_path, ["a.jpg"]), tmp_path)
    assert (len(read.photos), read.warnings) == (1, ())
