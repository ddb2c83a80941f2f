"""training/pixels/packing.py: in bounded memory, stopped at any moment and gone on with, never half
for a whole.
"""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from embedding.checkpoint import CannotWrite
from embedding.photos.photo import read_photo
from embedding.photos.preprocessing import Preprocessing
from index.labels.reader import LabelledPhoto
from training.pixels import packing
from training.pixels.cache import PixelArray, decoded
from training.pixels.packing import PART, STATE, pack, peak_memory_bytes
from training.pixels.packs import BadCache, is_pack, packed_labels

ROOT = Path(__file__).resolve().parents[3]
SMALL = Preprocessing(24, 16)


@pytest.fixture
def photos(tmp_path: Path, rng: np.random.Generator) -> list[LabelledPhoto]:
    (tmp_path / "in").mkdir()
    made: list[LabelledPhoto] = []
    for at in range(20):
        path = tmp_path / "in" / f"{at:02}.png"
        Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(path)
        made.append(LabelledPhoto(path.name, path, f"w{at % 5}"))
    return made


def stopping_after(count: int, error: BaseException) -> object:
    """Stands for `decoded`: after so many photos comes an error, as Ctrl-C would."""

    def made(
        photos: Sequence[LabelledPhoto], preprocessing: Preprocessing
    ) -> Generator[PixelArray | str]:
        for at, pixels in enumerate(decoded(photos, preprocessing)):
            if at == count:
                raise error
            yield pixels

    return made


def assert_whole(folder: Path, photos: Sequence[LabelledPhoto]) -> None:
    pixels = np.load(folder / "pixels.npy", mmap_mode="r")
    assert (folder / "pixels.npy").stat().st_size == 128 + pixels.nbytes
    assert [photo.name for photo in packed_labels(folder).photos] == [
        photo.name for photo in photos
    ]
    for row, photo in zip(pixels, photos, strict=True):
        np.testing.assert_array_equal(row, SMALL.pixels(read_photo(photo.path)))
    assert sorted(path.name for path in folder.iterdir()) == [
        "labels.csv",
        "pack.json",
        "pixels.npy",
    ]


def test_a_pack_holds_all_photos_and_says_what_it_did(
    photos: list[LabelledPhoto], tmp_path: Path
) -> None:
    told = pack(photos, SMALL, tmp_path / "pack")
    assert_whole(tmp_path / "pack", photos)
    assert (told.photos, told.done_before, told.unread) == (20, 0, {})
    assert told.photo_bytes == sum(photo.path.stat().st_size for photo in photos)
    assert told.pack_bytes == 128 + 20 * 24 * 16 * 3


def test_a_second_time_nothing_is_done(
    photos: list[LabelledPhoto], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(photos, SMALL, tmp_path / "pack")
    monkeypatch.setattr(packing, "decoded", stopping_after(0, AssertionError("decoded again")))
    assert pack(photos, SMALL, tmp_path / "pack").done_before == 20


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), MemoryError(), OSError(errno.ENOSPC, "No space left")]
)
def test_a_stopped_pack_is_none_and_is_gone_on_with(
    error: BaseException,
    photos: list[LabelledPhoto],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    photos[2].path.write_bytes(b"")
    with monkeypatch.context() as patched:
        patched.setattr(packing, "decoded", stopping_after(7, error))
        with pytest.raises(CannotWrite if isinstance(error, OSError) else type(error)):
            pack(photos, SMALL, tmp_path / "pack")
    assert not is_pack(tmp_path / "pack")
    assert not (tmp_path / "pack" / "pixels.npy").exists()
    told = pack(photos, SMALL, tmp_path / "pack")
    assert (told.photos, told.done_before, list(told.unread)) == (19, 7, ["02.png"])
    assert_whole(tmp_path / "pack", [photo for photo in photos if photo.name != "02.png"])


def test_what_was_written_after_the_last_safe_row_is_written_again(
    photos: list[LabelledPhoto], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a power cut: the file is longer than what is known to be right."""
    with monkeypatch.context() as patched:
        patched.setattr(packing, "decoded", stopping_after(5, KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            pack(photos, SMALL, tmp_path / "pack")
    with (tmp_path / "pack" / PART).open("ab") as file:
        file.write(b"rows of something else " * 2000)  # more than the photos that are left
    pack(photos, SMALL, tmp_path / "pack")
    assert_whole(tmp_path / "pack", photos)


def test_stopped_between_its_last_steps_it_is_finished(
    photos: list[LabelledPhoto], tmp_path: Path
) -> None:
    folder = tmp_path / "pack"
    pack(photos, SMALL, folder)
    about = json.loads((folder / "pack.json").read_text())
    (folder / STATE).write_text(
        json.dumps({name: about[name] for name in ("plan", "seen", "unread")})
    )
    (folder / "pack.json").unlink()
    pack(photos, SMALL, folder)
    assert_whole(folder, photos)


def test_rows_that_are_lost_are_an_error(
    photos: list[LabelledPhoto], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(packing, "decoded", stopping_after(5, KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            pack(photos, SMALL, tmp_path / "pack")
    os.truncate(tmp_path / "pack" / PART, 500)
    with pytest.raises(BadCache, match="has lost rows that were written; give --restart"):
        pack(photos, SMALL, tmp_path / "pack")
    pack(photos, SMALL, tmp_path / "pack", restart=True)
    assert_whole(tmp_path / "pack", photos)


def test_a_pack_of_something_else_is_kept(photos: list[LabelledPhoto], tmp_path: Path) -> None:
    pack(photos, SMALL, tmp_path / "pack")
    for other, choices in ((photos[1:], SMALL), (photos, Preprocessing(24, 24))):
        with pytest.raises(BadCache, match="holds the pack of other photos, labels or choices"):
            pack(other, choices, tmp_path / "pack")
    assert_whole(tmp_path / "pack", photos)


def test_a_folder_of_something_else_is_refused(photos: list[LabelledPhoto], tmp_path: Path) -> None:
    with pytest.raises(BadCache, match=r"in holds 00\.png, which is no part of a pack"):
        pack(photos, SMALL, tmp_path / "in")
    (tmp_path / "file").touch()
    with pytest.raises(BadCache, match="file is a file"):
        pack(photos, SMALL, tmp_path / "file")


def test_photos_that_cannot_be_read_are_left_out_and_told(
    photos: list[LabelledPhoto], tmp_path: Path
) -> None:
    photos[0].path.write_bytes(b"")
    photos[19].path.write_text("a text renamed")
    told = pack(photos, SMALL, tmp_path / "pack")
    assert list(told.unread) == ["00.png", "19.png"] and "it holds text" in told.unread["19.png"]
    assert_whole(tmp_path / "pack", photos[1:-1])


def test_without_a_single_photo_nothing_is_left(
    photos: list[LabelledPhoto], tmp_path: Path
) -> None:
    for photo in photos:
        photo.path.write_bytes(b"")
    with pytest.raises(BadCache, match="none of the 20 photos can be read: 00"):
        pack(photos, SMALL, tmp_path / "pack")
    assert list((tmp_path / "pack").iterdir()) == []


def test_a_limit_on_file_size_is_an_error_that_can_be_mended(
    photos: list[LabelledPhoto], tmp_path: Path
) -> None:
    """As a full disk, without a stub: the system refuses to write on."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, before[1]))
    try:
        with pytest.raises(
            CannotWrite, match=r"needs 0 MiB and can't be written: File too large\. Free some space"
        ):
            pack(photos, SMALL, tmp_path / "pack")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    pack(photos, SMALL, tmp_path / "pack")
    assert_whole(tmp_path / "pack", photos)


def test_two_processes_do_not_pack_into_one_folder(
    photos: list[LabelledPhoto], tmp_path: Path
) -> None:
    fcntl = pytest.importorskip("fcntl")
    (tmp_path / "pack").mkdir()
    with (tmp_path / "pack" / PART).open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(BadCache, match="another process is packing into"):
            pack(photos, SMALL, tmp_path / "pack")


def test_memory_does_not_grow_with_the_photos(tmp_path: Path, rng: np.random.Generator) -> None:
    """More pixels than the process ever holds, from one small photo under many names."""
    Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(tmp_path / "one.png")
    (tmp_path / "in").mkdir()
    for at in range(400):
        (tmp_path / "in" / f"{at:04}.png").symlink_to(tmp_path / "one.png")
    script = (
        "import resource, sys; from pathlib import Path; from index.labels.reader import "
        "LabelledPhoto as Photo\n"
        "from embedding.photos.preprocessing import Preprocessing; from training.pixels.packing "
        "import pack\n"
        "from training.pixels.packing import peak_memory_bytes\n"
        "photos = [Photo(path.name, path, 'w') for path in sorted(Path(sys.argv[1]).iterdir())]\n"
        "pack(photos, Preprocessing(512, 512), Path(sys.argv[2]))\n"
        "print(peak_memory_bytes())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "in", tmp_path / "pack"],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    pack_bytes = (tmp_path / "pack" / "pixels.npy").stat().st_size
    assert 0 < int(done.stdout) < 250e6 < pack_bytes


def test_peak_memory_is_told() -> None:
    assert (peak_memory_bytes() or 0) > 10e6
