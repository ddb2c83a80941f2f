"""embedding/photos/photo_files.py: finding photos, and reading bytes within limits."""

from __future__ import annotations

import os
import stat as stat_module
import tracemalloc
from pathlib import Path

import pytest

from embedding.photos.photo_files import (
    BadPhoto,
    PhotoLimits,
    content_hash,
    count_suffixes,
    find_photos,
    list_folder,
    photo_bytes,
    photo_names,
)


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_photos_of_a_folder_are_listed_by_name_and_sorted(tmp_path: Path) -> None:
    touch(tmp_path, "b.JPG", "a.png", "sub/deep/c.heic", "sub/.hidden.jpg", "._a.png", ".git/d.jpg")
    touch(tmp_path, "Thumbs.db", "notes.txt", "jpg", "__MACOSX/e.jpg")
    assert photo_names(tmp_path) == ["a.png", "b.JPG", "sub/deep/c.heic"]


def test_what_is_no_photo_is_listed_too(tmp_path: Path) -> None:
    touch(tmp_path, "a.JFIF", "b.mpo", "sub/c.NEF", "plain", ".hidden", "desktop.ini")
    (tmp_path / "link").symlink_to(tmp_path / "sub")
    found = list_folder(tmp_path)
    assert found.photos == ("a.JFIF", "b.mpo")
    assert found.others == ("link/", "plain", "sub/c.NEF")
    assert count_suffixes(found.others) == {".nef": 1, "link to a folder": 1, "no suffix": 1}


def test_files_and_folders_are_found_once(tmp_path: Path) -> None:
    touch(tmp_path, "in/b.jpg", "in/a.jpg", "raw.photo")
    found = find_photos([tmp_path / "raw.photo", tmp_path / "in", tmp_path / "in" / "a.jpg"])
    assert found == [tmp_path / "in/a.jpg", tmp_path / "in/b.jpg", tmp_path / "raw.photo"]


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadPhoto, match=r"nowhere: there is no such file or folder"):
        find_photos([tmp_path / "nowhere"])


def test_a_folder_that_cannot_be_listed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        BadPhoto, match=r"gone: the folder can't be listed \(No such file or directory\)"
    ):
        photo_names(tmp_path / "gone")


def test_bytes_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"abc")
    assert photo_bytes(tmp_path / "a.jpg") == b"abc"
    assert photo_bytes(tmp_path / "a.jpg", PhotoLimits(max_bytes=3)) == b"abc"


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    with pytest.raises(BadPhoto, match=r"a\.jpg: the file is empty \(0 bytes\)"):
        photo_bytes(tmp_path / "a.jpg")


def test_too_many_bytes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"abcd")
    with pytest.raises(BadPhoto, match=r"a\.jpg: the file is larger than the 3 bytes allowed"):
        photo_bytes(tmp_path / "a.jpg", PhotoLimits(max_bytes=3))


def test_a_small_file_takes_little_room_while_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x" * 10_000)
    tracemalloc.start()
    try:
        photo_bytes(tmp_path / "a.jpg")
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 2**20  # of the 64 MiB that a photo may have


@pytest.mark.parametrize("told", [0, 1, 699, 700, 10_000])
def test_a_file_that_grows_while_it_is_read_is_read_whole_and_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: int
) -> None:
    (tmp_path / "a.jpg").write_bytes(bytes(range(7)) * 100)
    stat = os.stat_result((stat_module.S_IFREG, *[0] * 5, told, *[0] * 3))
    monkeypatch.setattr(os, "fstat", lambda _: stat)
    assert photo_bytes(tmp_path / "a.jpg") == bytes(range(7)) * 100
    assert photo_bytes(tmp_path / "a.jpg", PhotoLimits(max_bytes=700)) == bytes(range(7)) * 100
    with pytest.raises(BadPhoto, match="larger than the 699 bytes allowed"):
        photo_bytes(tmp_path / "a.jpg", PhotoLimits(max_bytes=699))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadPhoto, match=r"a\.jpg: there is no such file"):
        photo_bytes(tmp_path / "a.jpg")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadPhoto, match=r"is a folder, not a photo"):
        photo_bytes(tmp_path)


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(BadPhoto, match=r"a\.jpg: is a device or pipe, not a photo"):
        photo_bytes(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionError(13, "Permission denied"), "no permission to read it"),
        (OSError(5, "Input/output error"), r"can't be read \(Input/output error\)"),
    ],
)
def test_a_file_that_cannot_be_opened_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, message: str
) -> None:
    def refuse(*_: object) -> None:
        raise error

    touch(tmp_path, "a.jpg")
    monkeypatch.setattr(Path, "open", refuse)  # tests may run as root, whom no mode keeps out
    with pytest.raises(BadPhoto, match=rf"a\.jpg: {message}"):
        photo_bytes(tmp_path / "a.jpg")


def test_content_hash_is_sha256() -> None:
    assert (
        content_hash(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
