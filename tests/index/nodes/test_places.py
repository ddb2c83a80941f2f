"""Where the nodes of a cluster read a photo."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from index.nodes.places import BadRayCluster, PhotoPlace, PhotoPlaces
from index.objects.photo_store import MARK


def test_photos_are_read_at_their_own_paths_unless_said_otherwise(tmp_path: Path) -> None:
    places = PhotoPlaces.of(None, tmp_path / "media")
    assert places.of_photo(tmp_path / "a.jpg") == PhotoPlace(str(tmp_path / "a.jpg"))


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("/mnt/photos", PhotoPlace("/mnt/photos/w 1/a.jpg")),
        ("s3://whales/all/", PhotoPlace("w 1/a.jpg", "s3://whales/all")),
        ("http://host:8123", PhotoPlace("w 1/a.jpg", "http://host:8123")),
    ],
)
def test_a_folder_is_elsewhere_on_the_nodes(
    tmp_path: Path, place: str, expected: PhotoPlace
) -> None:
    places = PhotoPlaces.of(f"{tmp_path}/photos={place}", tmp_path / "media")
    assert places.of_photo(tmp_path / "photos" / "w 1" / "a.jpg") == expected
    other = tmp_path / "others" / "b.jpg"
    assert places.of_photo(other) == PhotoPlace(str(other))


def test_a_cache_of_a_store_is_read_from_the_store(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    media = tmp_path / "media"
    media.mkdir()
    (media / MARK).write_text(json.dumps({"url": "memory://whales"}))
    places = PhotoPlaces.of(None, media)
    assert places.of_photo(media / "ab" / "abc.jpg") == PhotoPlace("ab/abc.jpg", "memory://whales")
    assert places.of_photo(tmp_path / "b.jpg").url is None


@pytest.mark.parametrize("told", ["photos", "=s3://whales", "photos="])
def test_half_a_place_is_refused(tmp_path: Path, told: str) -> None:
    with pytest.raises(BadRayCluster, match=r"give FOLDER=PLACE"):
        PhotoPlaces.of(told, tmp_path)
