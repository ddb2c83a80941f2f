"""Pack a labelled set: decode every photo once, in bounded memory; it can be resumed.

While it is made a pack has `pixels.npy.part` and `packing.json`, which says how many rows of it are
safely on disk.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from embedding.checkpoint import CannotWrite, write_atomically
from embedding.photos.preprocessing import Preprocessing
from index.labels.reader import NEW_WHALE, LabelledPhoto
from index.progress import progress
from training.pixels.cache import decoded
from training.pixels.packs import (
    ABOUT,
    DIGEST,
    FORMAT,
    LABELS,
    LABELS_DIGEST,
    PIXELS,
    BadCache,
    is_pack,
)

PART, STATE = f"{PIXELS}.part", "packing.json"
_HEADER_BYTES = 128
_SAFE_SECONDS = 5.0  # at most so much is decoded twice after a stop


@dataclass(slots=True)
class PackingState:
    """How far a pack is: of the first `done` photos all but the `unread` ones have a row."""

    plan: str
    done: int = 0
    unread: dict[int, str] = field(
        default_factory=dict[int, str]
    )  # place among the photos: what is wrong

    @property
    def rows(self) -> int:
        return self.done - len(self.known_unread)

    @property
    def known_unread(self) -> dict[int, str]:
        """The unreadable photos among those done.

        Ctrl-C may come when one is recorded and not counted yet.
        """
        return {at: reason for at, reason in self.unread.items() if at < self.done}


@dataclass(frozen=True, slots=True)
class PackReport:
    """What a packing did: `done_before` photos were there from an earlier part of it."""

    photos: int
    done_before: int
    unread: dict[str, str]
    seconds: float
    photo_bytes: int  # of the files decoded now
    pack_bytes: int


def pack(
    photos: Sequence[LabelledPhoto],
    preprocessing: Preprocessing,
    folder: Path,
    *,
    restart: bool = False,
) -> PackReport:
    """Write the pack of these photos, or resume it; unreadable photos are left out.

    Memory stays at a few photos whatever their number is. A finished pack of the same photos is
    left as it is. Raises BadCache for a folder that holds something else (unless `restart`), or
    where no photo can be read, and CannotWrite.
    """
    sizes = {photo.name: _size_bytes(photo) for photo in photos}
    plan = _plan(photos, preprocessing, sizes)
    state = _read_state(folder, plan, restart=restart)
    started, before = time.monotonic(), state.done
    if not is_pack(folder):
        try:
            _fill(folder, photos, preprocessing, state)
            _finish(folder, photos, preprocessing, state, sizes)
        except OSError as error:
            needed = _row_bytes(preprocessing) * len(photos) / 2**20
            raise CannotWrite(
                f"the pack {folder} needs {needed:,.0f} MiB and can't be written: "
                f"{error.strerror}. Free some space, "
                "and the same command goes on where it stopped"
            ) from error
    return PackReport(
        photos=state.rows,
        done_before=before,
        unread={photos[at].name: reason for at, reason in state.known_unread.items()},
        seconds=time.monotonic() - started,
        photo_bytes=sum(sizes[photo.name] for photo in photos[before:]),
        pack_bytes=(folder / PIXELS).stat().st_size,
    )


def _size_bytes(photo: LabelledPhoto) -> int:
    try:
        return photo.path.stat().st_size
    except OSError as error:
        raise BadCache(f"the photo {photo.path} can't be read: {error.strerror}") from error


def _plan(
    photos: Sequence[LabelledPhoto], preprocessing: Preprocessing, sizes: dict[str, int]
) -> str:
    """What decides a pack's content, as a hash."""
    described = {**preprocessing.to_dict(), "input_px": preprocessing.input_px, "format": FORMAT}
    content = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    for photo in photos:
        content.update(f"{_label_row(photo, sizes[photo.name])}\n".encode())
    return content.hexdigest()


def _read_state(folder: Path, plan: str, *, restart: bool) -> PackingState:
    """Read how far the folder's pack is, and clear what an interrupted write left beyond that."""
    if restart:
        for name in (ABOUT, STATE, PIXELS, PART, LABELS):
            (folder / name).unlink(missing_ok=True)
    if folder.exists() and not folder.is_dir():
        raise BadCache(f"{folder} is a file; give a folder for the pack (--out)")
    stored = _read_json(folder / ABOUT) or _read_json(folder / STATE)
    if stored is None:
        others = (
            sorted(path.name for path in folder.iterdir() if path.name != PART)
            if folder.exists()
            else []
        )
        if others:
            raise BadCache(
                f"{folder} holds {others[0]}, which is no part of a pack; give a new or empty "
                "folder (--out)"
            )
        return PackingState(plan)
    if stored.get("plan") != plan:
        raise BadCache(
            f"{folder} holds the pack of other photos, labels or choices; give a new folder "
            "(--out), or --restart to "
            "throw that pack away"
        )
    if not is_pack(folder) and (folder / PIXELS).exists():
        (folder / PIXELS).replace(folder / PART)  # stopped between its last two steps
    return PackingState(
        plan, stored["seen"], {int(at): reason for at, reason in stored["unread"].items()}
    )


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise BadCache(
            f"{path} can't be read ({error}); give a new folder (--out), or --restart"
        ) from error


def _fill(
    folder: Path, photos: Sequence[LabelledPhoto], preprocessing: Preprocessing, state: PackingState
) -> None:
    """Append the missing rows; what the state counts is on disk first, also when stopped."""
    folder.mkdir(parents=True, exist_ok=True)
    end = _HEADER_BYTES + state.rows * _row_bytes(preprocessing)
    path = folder / PART
    if state.done and (not path.exists() or path.stat().st_size < end):
        raise BadCache(
            f"{path} has lost rows that were written; give --restart to pack the photos again"
        )
    with path.open("r+b" if path.exists() else "x+b") as file:
        _lock(file, folder)
        file.truncate(end)
        file.seek(end)
        left = photos[state.done :]
        try:
            with (
                closing(decoded(left, preprocessing)) as made,
                progress(len(left), f"Packing into {folder}") as advance,
            ):
                safe = time.monotonic()
                for pixels in made:
                    if isinstance(pixels, str):
                        state.unread[state.done] = pixels
                    else:
                        file.write(
                            np.ascontiguousarray(
                                pixels[:, :, 0] if preprocessing.grey else pixels
                            ).data
                        )
                    state.done += 1
                    advance(1)
                    if time.monotonic() - safe > _SAFE_SECONDS:
                        _flush(file, folder, state)
                        safe = time.monotonic()
        finally:
            _flush(file, folder, state)


def _lock(file: BinaryIO, folder: Path) -> None:
    """Keep a second process from writing into the same pack; the lock ends with this process.

    The file itself is locked, so that no other file is left in the pack.
    """
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise BadCache(
            f"another process is packing into {folder}; wait for it, or give another --out"
        ) from None


def _flush(file: BinaryIO, folder: Path, state: PackingState) -> None:
    file.flush()
    os.fsync(file.fileno())
    stored = {"plan": state.plan, "seen": state.done, "unread": state.known_unread}
    write_atomically(folder / STATE, json.dumps(stored).encode())


def _finish(
    folder: Path,
    photos: Sequence[LabelledPhoto],
    preprocessing: Preprocessing,
    state: PackingState,
    sizes: dict[str, int],
) -> None:
    """Write what needs all rows, `pack.json` last."""
    if not state.rows:
        (folder / PART).unlink()
        (folder / STATE).unlink()
        raise BadCache(
            f"none of the {len(photos):,} photos can be read: {next(iter(state.unread.values()))}"
        )
    colours = () if preprocessing.grey else (3,)
    shape = (state.rows, preprocessing.height_px, preprocessing.width_px, *colours)
    with (folder / PART).open("r+b") as file:
        file.write(_header(shape))
        file.flush()
        os.fsync(file.fileno())
    packed = [photo for at, photo in enumerate(photos) if at not in state.unread]
    digests = _row_digests(folder / PART, _row_bytes(preprocessing))
    labels = _csv(
        [
            [*_COLUMNS, DIGEST],
            *(
                [*_label_row(photo, sizes[photo.name]), digest]
                for photo, digest in zip(packed, digests, strict=True)
            ),
        ]
    )
    write_atomically(folder / LABELS, labels)
    (folder / PART).replace(folder / PIXELS)
    about = {
        "format": FORMAT,
        "photos": state.rows,
        "shape": list(shape),
        "preprocessing": preprocessing.to_dict(),
        "plan": state.plan,
        "seen": state.done,
        "unread": state.known_unread,
        LABELS_DIGEST: hashlib.sha256(labels).hexdigest(),
    }
    write_atomically(folder / ABOUT, (json.dumps(about, indent=2) + "\n").encode())
    (folder / STATE).unlink()


def _row_digests(path: Path, row_bytes: int) -> Generator[str]:
    """The SHA-256 of each row, in one pass over the file.

    Not counted while rows are written: a stopped packing would have to keep what it had counted.
    """
    with path.open("rb") as file:
        file.seek(_HEADER_BYTES)
        while row := file.read(row_bytes):
            yield hashlib.sha256(row).hexdigest()


def _row_bytes(preprocessing: Preprocessing) -> int:
    return preprocessing.width_px * preprocessing.height_px * (1 if preprocessing.grey else 3)


def _header(shape: tuple[int, ...]) -> bytes:
    """Make a .npy header of one length for all shapes.

    So rows can be written before their number is known.
    """
    described = repr({"descr": "|u1", "fortran_order": False, "shape": shape}).encode()
    return (
        b"\x93NUMPY\x01\x00"
        + (_HEADER_BYTES - 10).to_bytes(2, "little")
        + described.ljust(_HEADER_BYTES - 11)
        + b"\n"
    )


# No region: training needs none, and where an animal was may be a secret.
_COLUMNS = ("image", "label", "species", "encounter", "taken_at", "box", "size_bytes")


def _label_row(photo: LabelledPhoto, size_bytes: int) -> list[str]:
    return [
        photo.name,
        NEW_WHALE if photo.individual is None else photo.individual,
        photo.species or "",
        photo.encounter or "",
        photo.taken_at or "",
        "" if photo.box is None else " ".join(map(repr, photo.box)),
        str(size_bytes),
    ]


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def peak_memory_bytes() -> int | None:
    """Read this process's largest resident memory in bytes; None where the system hides it.

    Linux gives it for this program alone; getrusage, used elsewhere, may give that of the program
    that started it.
    """
    try:
        found = re.search(
            r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE
        )
        return int(found[1]) * 1024 if found else None
    except OSError:
        pass
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
