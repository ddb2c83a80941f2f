"""index/labels/coco.py through read_labels: the dialects in which wildlife projects write COCO;
each error.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from embedding.photos.photo import Box
from index.labels.reader import BadLabels, Labels, read_labels

IMAGE = {"id": 1, "file_name": "a.jpg", "width": 200, "height": 100}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.jpg", "b.jpg", "sub/c.jpg"):
        (folder / name).touch()
    return folder


def read(photos: Path, document: object) -> Labels:
    path = photos.parent / "annotations.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return read_labels(path, photos)


def one(photos: Path, annotation: dict[str, Any], image: dict[str, Any] | None = None) -> Labels:
    """Read a document of one image and one annotation."""
    return read(
        photos, {"images": [image or IMAGE], "annotations": [{"image_id": 1, **annotation}]}
    )


def test_a_whole_export(photos: Path) -> None:
    labels = read(
        photos,
        {
            "info": {"description": "an export"},
            "categories": [
                {"id": 7, "name": "humpback whale", "supercategory": "whale"},
                {"id": 8, "name": "orca"},
            ],
            "images": [
                {**IMAGE, "date_captured": "2018-06-01 12:30:00", "seq_id": "s1"},
                {"id": 2, "file_name": "sub/c.jpg", "width": 50, "height": 50},
                {"id": 3, "file_name": "b.jpg", "date_captured": "NA"},
            ],
            "annotations": [
                {"id": 1, "image_id": 2, "category_id": 8, "name": "w_2", "bbox": [0, 0, 25, 50]},
                {
                    "id": 2,
                    "image_id": 1,
                    "category_id": 7,
                    "name": "w_1",
                    "bbox": [20, 10, 100, 50.5],
                },
                {"id": 3, "image_id": 3, "category_id": 7, "name": "new_whale"},
            ],
        },
    )
    a, b, c = labels.photos
    assert [(photo.name, photo.individual) for photo in (a, b, c)] == [
        ("a.jpg", "w_1"),
        ("b.jpg", None),
        ("sub/c.jpg", "w_2"),
    ]
    assert a.box == Box(0.1, 0.1, 0.6, 0.605)
    assert (a.species, a.encounter, a.taken_at) == ("humpback whale", "s1", "2018-06-01T12:30:00")
    assert (b.species, b.encounter, b.taken_at, b.box) == ("humpback whale", None, None, None)
    assert (c.species, c.box, c.path) == ("orca", Box(0, 0, 0.5, 1), photos / "sub" / "c.jpg")
    assert labels.warnings == ()


@pytest.mark.parametrize(
    "annotation",
    [
        {"individual_id": "w_1"},
        {"identity": "w_1"},
        {"name": "w_1"},
        {"individual_ids": ["w_1"]},
        {"individual_ids": ["w_1", "w_1"]},
        {"attributes": {"individual_id": "w_1", "occluded": False}},
        {"attributes": {"identity": "w_1"}},
        {"attributes": {"name": " w_1 "}},
        {"name": None, "attributes": {"individual_ids": ["w_1"]}},
        {"name": "w_1", "individual_ids": [17, 23]},  # old Wildbook: annotations of the same animal
    ],
)
def test_where_the_individual_is_named(photos: Path, annotation: dict[str, Any]) -> None:
    assert one(photos, annotation).photos[0].individual == "w_1"


def test_a_number_names_an_individual_too(photos: Path) -> None:
    assert one(photos, {"individual_id": 0}).photos[0].individual == "0"


def test_images_by_uuid_and_path(photos: Path) -> None:
    image = {"uuid": "6f1c", "path": "a.jpg"}
    labels = read(
        photos, {"images": [image], "annotations": [{"image_uuid": "6f1c", "identity": "w_1"}]}
    )
    assert labels.photos[0].name == "a.jpg"


def test_a_box_over_the_edge_is_cut(photos: Path) -> None:
    assert one(photos, {"name": "w_1", "bbox": [-3, 50, 900, 51]}).photos[0].box == Box(
        0, 0.5, 1, 1
    )


def test_the_largest_box_of_one_individual_counts(photos: Path) -> None:
    boxes = [[0, 0, 20, 20], [0, 0, 200, 50], [0, 0, 30, 30]]
    annotations = [{"image_id": 1, "name": "w_1", "bbox": box} for box in boxes]
    labels = read(photos, {"images": [IMAGE], "annotations": annotations})
    assert [photo.box for photo in labels.photos] == [Box(0, 0, 1, 0.5)]


def test_annotations_without_an_individual_are_left_out_with_a_warning(photos: Path) -> None:
    images = [IMAGE, {"id": 2, "file_name": "b.jpg"}, {"id": 3, "file_name": "sub/c.jpg"}]
    annotations = [
        {"image_id": 1, "name": "w_1"},
        {"image_id": 2, "name": "____", "individual_ids": [4]},  # nobody yet, in Wildbook's words
        {"image_id": 3},
    ]
    labels = read(photos, {"images": images, "annotations": annotations})
    assert [photo.name for photo in labels.photos] == ["a.jpg"]
    assert (
        labels.warnings[0] == "2 annotations name no individual and are left out: b.jpg, sub/c.jpg"
    )
    assert labels.warnings[1].startswith("2 photos in ")


# -----------------------------------------------------------------------------------------------
# errors


def test_what_is_not_json_is_refused(photos: Path) -> None:
    with pytest.raises(BadLabels, match=r"annotations\.json, line 2: not JSON \(Expecting value\)"):
        read(photos, '{"images":\nnonsense}')


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([1, 2], "not COCO: an object with the lists images, annotations and categories is needed"),
        ({}, "not COCO: it needs a list of objects called images; it has nothing"),
        (
            {"images": [], "labels": []},
            "needs a list of objects called annotations; it has images, labels",
        ),
        ({"images": ["a.jpg"], "annotations": []}, "needs a list of objects called images"),
        (
            {"images": [], "annotations": [], "categories": {}},
            "needs a list of objects called categories",
        ),
        ({"images": [IMAGE], "annotations": []}, "names no labelled photo"),
    ],
)
def test_what_is_not_coco_is_refused(photos: Path, document: object, message: str) -> None:
    with pytest.raises(BadLabels, match=rf"annotations\.json: .*{message}"):
        read(photos, document)


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        ({"image_id": 9, "name": "w_1"}, "an annotation's image_id '9' is not among the images"),
        ({"image_id": None, "name": "w_1"}, "an annotation's image_id '' is not among the images"),
        (
            {"individual_ids": ["w_2", "w_1"]},
            r"image a\.jpg: one annotation names several individuals, w_1, w_2;",
        ),
        (
            {"name": "w_1", "bbox": [1, 2, 3]},
            r"image a\.jpg: the bbox \[1, 2, 3\] must be four numbers, .* 200 x 100",
        ),
        ({"name": "w_1", "bbox": "whole"}, "the bbox 'whole' must be four numbers"),
        ({"name": "w_1", "bbox": [5, 5, 0, 9]}, r"the box \[5, 5, 0, 9\] must be left < right"),
        ({"name": "w_1", "bbox": [300, 5, 9, 9]}, r"the box \[300, 5, 9, 9\] must be left < right"),
    ],
)
def test_a_wrong_annotation_is_refused(
    photos: Path, annotation: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadLabels, match=message):
        one(photos, annotation)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ({"id": 1, "file_name": "a.jpg"}, r"image a\.jpg: has a bbox but the image has no width"),
        (
            {"id": 1, "file_name": "a.jpg", "width": 0, "height": 9},
            r"in pixels of an image of 0 x 9",
        ),
        (
            {"id": 1, "file_name": "../a.jpg"},
            r"the photo name '\.\./a\.jpg' leads out of the folder",
        ),
        ({"id": 1}, "the photo has no name"),
    ],
)
def test_a_wrong_image_is_refused(photos: Path, image: dict[str, Any], message: str) -> None:
    with pytest.raises(BadLabels, match=message):
        one(photos, {"name": "w_1", "bbox": [0, 0, 5, 5]}, image)


def test_two_individuals_in_a_photo_are_refused(photos: Path) -> None:
    annotations = [{"image_id": 1, "name": "w_1"}, {"image_id": 1, "name": "w_2"}]
    with pytest.raises(
        BadLabels, match=r"the photo a\.jpg has two labels, w_1 and w_2; .*one photo an animal"
    ):
        read(photos, {"images": [IMAGE], "annotations": annotations})


def test_an_absent_photo_is_refused(photos: Path) -> None:
    with pytest.raises(
        BadLabels, match=r"1 of the 1 photos in .*annotations\.json are not in .*: d\.jpg"
    ):
        one(photos, {"name": "w_1"}, {"id": 1, "file_name": "d.jpg"})


@pytest.mark.parametrize("value", [True, False, [True]])
def test_true_and_false_name_nobody_and_are_refused(photos: Path, value: object) -> None:
    with pytest.raises(BadLabels, match=r"individual_id is .*(true|false).*names no individual"):
        one(photos, {"individual_id": value})


def test_a_missing_id_leaves_the_word_to_the_next_key(photos: Path) -> None:
    for missing in (float("nan"), "null", "NA", None):
        labels = one(photos, {"individual_id": missing, "name": "w_1"})
        assert labels.photos[0].individual == "w_1"


def test_the_keys_of_images_may_be_written_with_a_point(photos: Path) -> None:
    annotation = {"image_id": 1.0, "identity": 7.0, "category_id": float("nan")}
    labels = read(photos, {"images": [IMAGE], "annotations": [annotation]})
    assert labels.photos[0].individual == "7"


def test_words_for_nobody_leave_the_other_fields_empty(photos: Path) -> None:
    annotation = {"image_id": 1, "category_id": 1, "individual_id": "w_1", "encounter_id": "NA"}
    labels = read(
        photos,
        {
            "images": [IMAGE | {"date_captured": "unknown"}],
            "annotations": [annotation | {"encounter_region": "null", "bbox": [0, 0, 0, 0]}],
            "categories": [{"id": 1, "name": "Unknown"}],
        },
    )
    (found,) = labels.photos
    assert (found.species, found.encounter, found.region, found.box) == (None,) * 4
    assert found.taken_at is None


def test_a_time_that_cannot_be_read_counts_as_none_and_is_told(photos: Path) -> None:
    labels = one(photos, {"individual_id": "w_1"}, IMAGE | {"date_captured": "03/07/2021"})
    assert labels.photos[0].taken_at is None
    assert "1 times can't be read and count as none: '03/07/2021' of a.jpg" in labels.warnings
