"""Answers of a cluster put beside the photos that it was given."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from index.labels.labelled_photo import LabelledPhoto
from index.nodes.awaited import AwaitedPhotos
from index.nodes.node import NodeAnswer
from index.nodes.places import BadRayCluster, PhotoPlaces
from index.photos.embed import EmbeddedPhoto, PhotoFile, UnreadPhoto

AT_ITS_PATH = PhotoPlaces()


@pytest.fixture
def photos(tmp_path: Path) -> list[LabelledPhoto]:
    paths = [tmp_path / f"{number}.jpg" for number in range(3)]
    for path in paths:
        path.write_bytes(b"12345")
        os.utime(path, (10**9, 10**9))
    return [LabelledPhoto(path.name, path, "w_1", encounter="e") for path in paths]


def made(number: int, size_bytes: int = 5) -> EmbeddedPhoto:
    photo = LabelledPhoto(str(number), Path(f"/elsewhere/{number}.jpg"), None)
    return EmbeddedPhoto(photo, PhotoFile("0" * 64, size_bytes, None), np.ones(1, np.float32))


def unread(number: int, path: Path, reason: str) -> UnreadPhoto:
    return UnreadPhoto(LabelledPhoto(str(number), path, None), f"{path}: {reason}")


def test_answers_have_labels_and_times_of_the_files_here(
    photos: list[LabelledPhoto], tmp_path: Path
) -> None:
    awaited = AwaitedPhotos(photos, PhotoPlaces(tmp_path, "/elsewhere"))
    first, second = awaited.take(NodeAnswer("n", [made(2), made(0, size_bytes=6)]))
    assert isinstance(first, EmbeddedPhoto) and isinstance(second, EmbeddedPhoto)
    assert (first.photo, first.file.mtime_ns) == (photos[2], 10**18)
    assert (second.photo, second.file.mtime_ns) == (photos[0], None)  # another file, elsewhere


def test_nodes_get_no_names_of_animals(photos: list[LabelledPhoto]) -> None:
    assert [tuple(each) for each in AwaitedPhotos(photos, AT_ITS_PATH).ordered()] == [
        (number, (str(photo.path), None), None) for number, photo in enumerate(photos)
    ]


def test_a_fault_names_the_file_here(photos: list[LabelledPhoto], tmp_path: Path) -> None:
    awaited = AwaitedPhotos(photos, PhotoPlaces(tmp_path, "s3://whales"))
    theirs = unread(1, Path("s3://whales/1.jpg"), "not a photo")
    assert awaited.take(NodeAnswer("n", [made(0), theirs])) == [
        awaited.take(NodeAnswer("n", [made(0)]))[0],
        UnreadPhoto(photos[1], f"{photos[1].path}: not a photo"),
    ]


def test_a_node_that_can_embed_nothing_is_an_error(photos: list[LabelledPhoto]) -> None:
    with pytest.raises(BadRayCluster, match="the node n has another checkpoint"):
        AwaitedPhotos(photos, AT_ITS_PATH).take(NodeAnswer("n", fault="has another checkpoint"))


def test_a_folder_that_no_node_sees_is_an_error_and_an_absent_photo_is_none(
    photos: list[LabelledPhoto],
) -> None:
    lost = [unread(at, photo.path, "there is no such file") for at, photo in enumerate(photos)]
    awaited = AwaitedPhotos(photos, AT_ITS_PATH)
    with pytest.raises(BadRayCluster, match=r"could get at none of 3 photos.*--nodes-read"):
        awaited.take(NodeAnswer("n", lost, frozenset({0, 1, 2})))
    photos[0].path.unlink()
    photos[1].path.unlink()
    assert len(awaited.take(NodeAnswer("n", lost[:2], frozenset({0, 1})))) == 2


def test_a_store_that_is_down_is_an_error_and_one_photo_is_none(
    photos: list[LabelledPhoto],
) -> None:
    down = [unread(at, photo.path, "503") for at, photo in enumerate(photos)]
    awaited = AwaitedPhotos(photos, AT_ITS_PATH)
    awaited.take(NodeAnswer("n", [made(0), down[1]], frozenset({1}), is_outage=True))
    awaited.take(NodeAnswer("n", down[1:2], frozenset({1}), is_outage=True))
    with pytest.raises(BadRayCluster, match="503"):
        awaited.take(NodeAnswer("n", down, frozenset({0, 1, 2}), is_outage=True))


def test_photos_without_an_answer_are_an_error(photos: list[LabelledPhoto]) -> None:
    awaited = AwaitedPhotos(photos, AT_ITS_PATH)
    awaited.take(NodeAnswer("n", [made(1)]))
    with pytest.raises(BadRayCluster, match="2 of 3 photos had no answer"):
        awaited.check_whole()
    awaited.take(NodeAnswer("n", [made(0), made(2)]))
    awaited.check_whole()
