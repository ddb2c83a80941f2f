"""Thumbnails are made once for each content, carry no metadata, and are kept by clients as long as
they are right.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import service.catalogue.thumbnails
from embedding.photos.photo import BadPhoto, PhotoLimits, content_hash
from index.snapshots.served_photo import ServedPhoto
from service.catalogue.thumbnails import Thumbnails, thumbnails_folder

HASH = "ab" * 32


def served(path: Path) -> ServedPhoto:
    return ServedPhoto(path, content_hash(path.read_bytes()))


@pytest.fixture
def photo_file(tmp_path: Path) -> Path:
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    exif.get_ifd(0x8825)[1] = "N"
    path = tmp_path / "original.jpg"
    Image.new("RGB", (3000, 2000), (90, 0, 0)).save(path, "JPEG", exif=exif)
    return path


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was decoded, in its order."""
    sources: list[Any] = []
    read = service.catalogue.thumbnails.read_photo

    def counted(source: Any, **more: Any) -> Any:
        sources.append(source)
        return read(source, **more)

    monkeypatch.setattr(service.catalogue.thumbnails, "read_photo", counted)
    return sources


def test_an_original_is_decoded_once_for_each_kept_size(
    photo_file: Path, tmp_path: Path, decoded: list[Any]
) -> None:
    folder = tmp_path / "thumbnails"
    photo = served(photo_file)
    first = Thumbnails(folder).of(photo, 512, PhotoLimits()).jpeg
    with Image.open(io.BytesIO(first)) as small:
        assert (small.size, dict(small.getexif())) == ((341, 512), {})
    assert [path.name for path in folder.rglob("*") if path.is_file()] == [
        f"{photo.content_hash}-512.jpg"
    ]
    again = Thumbnails(folder)
    assert again.of(photo, 512, PhotoLimits()).jpeg == first
    original = photo_file.read_bytes()
    assert decoded == [original]
    with Image.open(io.BytesIO(again.of(photo, 300, PhotoLimits()).jpeg)) as smaller:
        assert smaller.size == (200, 300)
    assert decoded == [original, first]  # of what is kept, not of the original
    again.of(photo, 256, PhotoLimits())
    assert decoded.count(original) == 2


def test_large_ones_and_those_without_a_folder_are_not_kept(
    photo_file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "thumbnails"
    with Image.open(
        io.BytesIO(Thumbnails(folder).of(served(photo_file), 1025, PhotoLimits()).jpeg)
    ) as large:
        assert large.size == (683, 1025)
    with Image.open(
        io.BytesIO(Thumbnails(None).of(served(photo_file), 256, PhotoLimits()).jpeg)
    ) as small:
        assert small.size == (171, 256)
    assert not folder.exists()


def test_what_took_a_files_place_is_not_kept_as_the_catalogued_content(
    photo_file: Path, tmp_path: Path
) -> None:
    photo, original = served(photo_file), photo_file.read_bytes()
    Image.new("RGB", (600, 600), (0, 90, 0)).save(photo_file, "JPEG")
    thumbnails = Thumbnails(tmp_path / "thumbnails")
    with Image.open(io.BytesIO(thumbnails.of(photo, 256, PhotoLimits()).jpeg)) as other:
        assert other.size == (256, 256)
    photo_file.write_bytes(original)
    with Image.open(io.BytesIO(thumbnails.of(photo, 256, PhotoLimits()).jpeg)) as small:
        assert small.size == (171, 256)


def test_a_folder_that_can_t_be_written_only_costs_time(photo_file: Path, tmp_path: Path) -> None:
    (tmp_path / "thumbnails").write_text("a file stands here")
    made = Thumbnails(tmp_path / "thumbnails").of(served(photo_file), 256, PhotoLimits()).jpeg
    assert made.startswith(b"\xff\xd8")
    with pytest.raises(BadPhoto):
        Thumbnails(tmp_path).of(ServedPhoto(tmp_path / "gone.jpg", HASH), 256, PhotoLimits())


def test_the_address_of_a_photo_names_its_content_and_is_kept_for_good(
    curated: Any, photo: Callable[..., bytes]
) -> None:
    client = curated.client
    card = client.post("/v1/queue", files=[("photos", ("q.png", photo(140, (40, 30))))]).json()[
        "photos"
    ][0]
    response = client.get(card["url"])
    assert (response.status_code, response.headers["cache-control"]) == (
        200,
        "private, max-age=31536000, immutable",
    )
    assert response.headers["etag"].startswith('"')  # a strong one
    again = client.get(card["url"], headers={"If-None-Match": response.headers["etag"]})
    assert (again.status_code, again.headers["cache-control"]) == (
        304,
        "private, max-age=31536000, immutable",
    )
    for address in ("/v1/photos/q.png", "/v1/photos/q.png?content=" + "0" * 32):
        other = client.get(address)
        assert (other.headers["cache-control"], other.content) == (
            "private, max-age=3600",
            response.content,
        )
    kept = [path for path in thumbnails_folder(curated.path).rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in kept] == [response.content]
