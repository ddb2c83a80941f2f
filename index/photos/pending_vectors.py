"""Vectors on disk that an update has not stored yet, so that a killed one loses none.

A file for each process, in a folder beside the catalogue: a line of JSON, then records that are
only ever appended. What is damaged, cut off or of another checkpoint is passed over; the folder may
be deleted at any time. Files of a checkpoint that the catalogue has nothing of are removed by
whoever next brings it up to date.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import zlib
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedding.photos.photo import Box
from index.photos.embed import EmbeddedPhoto
from index.photos.perceptual_hash import HASH_BYTES
from index.processes import is_alive, this_worker
from index.storage.address import CatalogueAddress, sibling_folder

_FORMAT = "flukeprint-embedded-2"
_FORMATS = {"flukeprint-embedded-1", _FORMAT}  # the first had no perceptual hashes: not read
_SUFFIX = ".vectors"
_MOST_HEADER_BYTES = 4096
_NO_HEADER = (ValueError, RecursionError, KeyError, TypeError)
_Key = tuple[str, Box | None]
_NO_HASH = bytes(HASH_BYTES)


class PendingVector(NamedTuple):
    """A vector (d,), and the perceptual hash of the picture that it was made of."""

    vector: NDArray[np.float32]
    perceptual_hash: bytes | None


@dataclass(frozen=True, slots=True)
class PendingFile:
    """A file that one process has written.

    `is_being_written`: by one that lives or is on another machine.
    """

    path: Path
    fingerprint: str
    size_bytes: int
    is_being_written: bool


def pending_folder(address: CatalogueAddress) -> Path:
    """Where a catalogue's vectors wait: `catalogue.db.embedded` beside `catalogue.db`."""
    return sibling_folder(address, "embedded")


def pending_files(folder: Path) -> list[PendingFile]:
    """All files of vectors in a folder, sorted by name.

    Those that are none of ours are passed over.
    """
    found: list[PendingFile] = []
    for path in sorted(folder.glob(f"*{_SUFFIX}")) if folder.is_dir() else ():
        try:
            with path.open("rb") as file:
                header = _header(file.readline(_MOST_HEADER_BYTES))
            size_bytes = path.stat().st_size
        except (OSError, *_NO_HEADER):
            continue
        found.append(
            PendingFile(path, header["fingerprint"], size_bytes, _is_written(header.get("worker")))
        )
    return found


def remove_stale_files(folder: Path, of_use: Set[str]) -> None:
    """Remove files of ended processes whose checkpoint is not `of_use`.

    An empty folder is removed too.
    """
    for each in pending_files(folder):
        if each.fingerprint not in of_use and not each.is_being_written:
            with contextlib.suppress(OSError):
                each.path.unlink()
    with contextlib.suppress(OSError):
        folder.rmdir()


class PendingVectors:
    """Vectors of one checkpoint by what they were made of: a photo's content and its box."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        """Read what earlier processes left in `folder`, which needn't be there."""
        self._folder, self._fingerprint = folder, fingerprint
        self._found: dict[_Key, PendingVector] = {}
        self._files: list[Path] = []
        self._own: BinaryIO | None = None
        self._is_full = False
        for path in sorted(folder.glob(f"*{_SUFFIX}")) if folder.is_dir() else ():
            read = _read(path, fingerprint)
            if read is not None:
                self._files.append(path)
                self._found |= read

    def __len__(self) -> int:
        return len(self._found)

    def get(self, content_hash: str, box: Box | None) -> PendingVector | None:
        """The vector of a content within a box, where it was made before."""
        return self._found.get((content_hash, box))

    def append(self, made: Sequence[EmbeddedPhoto]) -> None:
        """Write vectors down; where that fails they are only made again after a break."""
        if not made or self._is_full:
            return
        try:
            self._append(b"".join(_record(each) for each in made), len(made[0].vector))
        except OSError:
            self._is_full = True

    def forget(self) -> None:
        """Remove what is of no use any more, the vectors being stored."""
        if self._own is not None:
            self._own.close()
            self._own = None
        for path in self._files:
            with contextlib.suppress(OSError):
                path.unlink()
        self._files = []
        with contextlib.suppress(OSError):
            self._folder.rmdir()  # others may have theirs in it

    def close(self) -> None:
        """Leave what was written for the next try."""
        if self._own is not None:
            self._own.close()
            self._own = None

    def _append(self, records: bytes, dimension: int) -> None:
        if self._own is None:
            self._folder.mkdir(exist_ok=True)
            path = self._folder / f"{os.getpid()}-{secrets.token_hex(4)}{_SUFFIX}"
            self._own = path.open("xb")
            self._files.append(path)
            header = {
                "format": _FORMAT,
                "fingerprint": self._fingerprint,
                "dimension": dimension,
                "worker": this_worker(),
            }
            self._own.write(json.dumps(header).encode() + b"\n")
        self._own.write(records)
        self._own.flush()
        os.fsync(self._own.fileno())


def _header(line: bytes) -> dict[str, Any]:
    """A file's first line. Raises one of _NO_HEADER where it is no file of ours."""
    header: Any = json.loads(line)
    if header["format"] not in _FORMATS or not isinstance(header["fingerprint"], str):
        raise ValueError
    return header


def _is_written(worker: object) -> bool:
    """Whether a process lives or, being on another machine, may live.

    An older flukeprint's file names none.
    """
    try:
        host, _, _ = str(worker).rsplit(":", 2)
    except ValueError:
        return False
    return host != this_worker().rsplit(":", 2)[0] or is_alive(str(worker), None, datetime.now(UTC))


def _layout(dimension: int) -> np.dtype[Any]:
    return np.dtype(
        [
            ("content", "V32"),
            ("box", "<f8", 4),
            ("hash", "V32"),
            ("vector", "<f4", dimension),
            ("checksum", "<u4"),
        ]
    )


def _record(each: EmbeddedPhoto) -> bytes:
    box = (np.nan,) * 4 if each.photo.box is None else each.photo.box
    content = bytes.fromhex(each.file.content_hash)
    hashed = each.file.perceptual_hash or _NO_HASH
    data = content + np.asarray(box, "<f8").tobytes() + hashed + each.vector.astype("<f4").tobytes()
    return data + zlib.crc32(data).to_bytes(4, "little")


def _read(path: Path, fingerprint: str) -> dict[_Key, PendingVector] | None:
    """A file's vectors; None where it is not of this checkpoint, or no file of ours."""
    try:
        line, _, data = path.read_bytes().partition(b"\n")
        header = _header(line)
        if header["fingerprint"] != fingerprint or header["format"] != _FORMAT:
            return None
        layout = _layout(int(header["dimension"]))
    except (OSError, *_NO_HEADER):
        return None
    found: dict[_Key, PendingVector] = {}
    whole = len(data) // layout.itemsize
    for at, row in enumerate(np.frombuffer(data, layout, whole)):
        start = at * layout.itemsize
        if zlib.crc32(data[start : start + layout.itemsize - 4]) == row["checksum"]:
            sides = [float(side) for side in row["box"]]
            box = None if np.isnan(sides[0]) else Box(*sides)
            hashed = None if bytes(row["hash"]) == _NO_HASH else bytes(row["hash"])
            found[bytes(row["content"]).hex(), box] = PendingVector(row["vector"].copy(), hashed)
    return found
