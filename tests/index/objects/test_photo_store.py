"""Originals in a real S3 server: kept there first, fetched where the folder lacks them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from index.objects.photo_store import BadStore, PhotoStore, choose_store, fetch_photos, store_of
from index.storage.originals import store_photo
from tests.index.objects.object_server import needs_s3, running_s3

URL = "s3://whales/originals"
pytestmark = [pytest.mark.heavy, needs_s3]


@pytest.fixture(scope="module")
def server() -> Generator[dict[str, str]]:
    with running_s3("whales") as variables:
        yield variables


@pytest.fixture(autouse=True)
def store(
    server: dict[str, str], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> PhotoStore:
    """A store of the test's own."""
    for name, value in server.items():
        monkeypatch.setenv(name, value)
    return PhotoStore(f"{URL}/{request.node.name}")


def test_a_photo_is_in_the_store_and_comes_back(tmp_path: Path, store: PhotoStore) -> None:
    folder = tmp_path / "media"
    choose_store(folder, store.url)
    path = store_photo(b"bytes of a photo", folder, "a.jpg")
    name = path.relative_to(folder).as_posix()
    assert store.get(name) == b"bytes of a photo"
    shutil.rmtree(path.parent)
    fetch_photos(folder, lambda: [path, folder / "ab" / "nowhere.jpg", tmp_path / "elsewhere"])
    assert path.read_bytes() == b"bytes of a photo"
    files = {each.name for each in folder.rglob("*") if each.is_file()}
    assert files == {path.name, "store.json"}


def test_what_lay_in_the_folder_is_brought_to_the_store_once(
    tmp_path: Path, store: PhotoStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "media"
    before = store_photo(b"taken in before", folder, "b.jpg")
    choose_store(folder, store.url)
    assert store.get(before.relative_to(folder).as_posix()) == b"taken in before"
    put: list[str] = []
    keeping = PhotoStore.put

    def noted(self: PhotoStore, name: str, data: bytes) -> None:
        put.append(name)
        keeping(self, name, data)

    monkeypatch.setattr(PhotoStore, "put", noted)
    choose_store(folder, store.url + "/")
    assert put == ["store.json"]
    found = store_of(folder)
    assert found is not None
    assert found.url == store.url


def test_another_store_is_refused_and_an_absent_one_named(
    tmp_path: Path, store: PhotoStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "media"
    choose_store(folder, store.url)
    with pytest.raises(BadStore, match="are kept in s3://whales/originals/"):
        choose_store(folder, "s3://whales/others")
    with pytest.raises(BadStore, match="can't be kept in s3://nobody/x"):
        choose_store(tmp_path / "other", "s3://nobody/x")
    assert not (tmp_path / "other").exists()
    (folder / "store.json").write_text("{")
    with pytest.raises(BadStore, match="write the URL again"):
        store_of(folder)
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(BadStore, match=r"install flukeprint with the extra `s3`"):
        PhotoStore(store.url)


def test_without_the_store_nothing_is_taken_in(
    tmp_path: Path, store: PhotoStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "media"
    choose_store(folder, store.url)

    def away(*_: object) -> None:
        raise BadStore("the store is away")

    monkeypatch.setattr(PhotoStore, "put", away)
    with pytest.raises(BadStore, match="away"):
        store_photo(b"photo", folder, "c.jpg")
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["store.json"]
