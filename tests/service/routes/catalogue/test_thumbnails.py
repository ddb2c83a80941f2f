"""GET /v1/photos/{name}: thumbnails without what a camera wrote into its file."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

NAME = "/v1/photos/2018/w_90.jpg"


def test_a_thumbnail_is_a_small_jpeg_without_exif(client: TestClient, serving: Any) -> None:
    with Image.open(serving.photos["2018/w_90.jpg"].path) as original:
        assert original.getexif(), "or the test would prove nothing"
    response = client.get(NAME, params={"size_px": 300})
    assert (response.status_code, response.headers["content-type"]) == (200, "image/jpeg")
    thumbnail = Image.open(io.BytesIO(response.content))
    assert (thumbnail.format, thumbnail.size) == ("JPEG", (300, 200))
    assert not thumbnail.getexif()
    assert b"Exif" not in response.content
    assert thumbnail.getpixel((5, 5))[0] == pytest.approx(90, abs=3)


def test_512_px_unless_told_and_never_enlarged(client: TestClient) -> None:
    sizes = [
        Image.open(io.BytesIO(client.get(url).content)).width
        for url in (NAME, f"{NAME}?size_px=2048")
    ]
    assert sizes == [512, 900]


def test_a_client_with_the_current_copy_is_told_so(client: TestClient) -> None:
    tag = client.get(NAME).headers["etag"]
    again = client.get(NAME, headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(f"{NAME}?size_px=100", headers={"if-none-match": tag}).status_code == 200


def test_what_took_a_files_place_is_kept_by_nobody(client: TestClient, serving: Any) -> None:
    url = f"{NAME}?content={serving.photos['2018/w_90.jpg'].content_hash[:32]}"
    assert client.get(url).headers["cache-control"] == "private, max-age=31536000, immutable"
    Image.new("RGB", (900, 600), (10, 0, 0)).save(serving.photos["2018/w_90.jpg"].path, "JPEG")
    changed = client.get(url)
    assert (changed.status_code, changed.headers["cache-control"]) == (200, "private, no-cache")
    assert "etag" not in changed.headers


@pytest.mark.parametrize("name", ["w_90.jpg", "..%2F..%2Fetc%2Fpasswd", "2018%2Fw_91.jpg"])
def test_a_photo_that_the_catalogue_does_not_have(
    client: TestClient, problem: Callable[..., Any], name: str
) -> None:
    assert "has no photo" in problem(client.get(f"/v1/photos/{name}"), 404, "not-found")["detail"]


def test_a_file_that_is_gone(client: TestClient, serving: Any, problem: Callable[..., Any]) -> None:
    path = serving.photos["2018/w_90.jpg"].path
    path.unlink()
    response = client.get(NAME)
    assert "can't be read any more" in problem(response, 404, "not-found")["detail"]
    assert str(path) not in response.text


@pytest.mark.parametrize("size_px", ["15", "2049", "big"])
def test_a_size_out_of_range(client: TestClient, problem: Callable[..., Any], size_px: str) -> None:
    document = problem(client.get(NAME, params={"size_px": size_px}), 422, "invalid")
    assert document["errors"][0]["field"] == "size_px"
