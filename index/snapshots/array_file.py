"""Arrays in one file that is mapped to memory: written whole or not at all, and checked when read.

The layout is that of safetensors (a length, a JSON header, the arrays), so that other programs read
it too. The header has the CRC-32 of each array; the file's name ends with the header's own.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedding.errors import FlukeprintError
from index.storage.partial_files import flush_folder, remove_unfinished, unfinished_suffix

SUFFIX = ".safetensors"
_KINDS = {"F64": "<f8", "I64": "<i8", "F32": "<f4", "I32": "<i4", "U8": "|u1"}
_NAMES = {np.dtype(kind): name for name, kind in _KINDS.items()}
_MOST_HEADER_BYTES = 2**20

Array = NDArray[Any]


class BadArrays(FlukeprintError):
    """A file of arrays that is damaged, or none."""


class StoredArrays(NamedTuple):
    """Arrays by name, read-only and in a mapped file, and what is said about them."""

    arrays: dict[str, Array]
    about: dict[str, Any]


def write_arrays(
    folder: Path, stem: str, arrays: Mapping[str, Array], about: Mapping[str, Any]
) -> Path:
    """Write arrays to a new file of a folder, whose name begins with `stem`; returns its path.

    What killed processes have left of theirs is removed. Raises OSError, and leaves nothing.
    """
    # Large items first, so that each array begins at a multiple of its own.
    ordered = sorted(arrays.items(), key=lambda each: (-each[1].itemsize, each[0]))
    header: dict[str, Any] = {}
    checksums: dict[str, int] = {}
    start = 0
    for name, array in ordered:
        stop = start + array.nbytes
        header[name] = {
            "dtype": _NAMES[array.dtype],
            "shape": array.shape,
            "data_offsets": [start, stop],
        }
        checksums[name] = zlib.crc32(_bytes_of(array))
        start = stop
    texts = {"about": json.dumps(about), "crc32": json.dumps(checksums)}
    words = json.dumps({"__metadata__": texts, **header}).encode()
    words += b" " * (-len(words) % 8)
    head = struct.pack("<Q", len(words)) + words
    folder.mkdir(parents=True, exist_ok=True)
    remove_unfinished([folder])
    path = folder / f"{stem}-{zlib.crc32(head):08x}{SUFFIX}"
    unfinished = path.with_name(f".{path.name}{unfinished_suffix()}")
    try:
        with unfinished.open("wb") as file:
            file.write(head)
            for _, array in ordered:
                file.write(_bytes_of(array))
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        flush_folder(folder)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def read_arrays(path: Path) -> StoredArrays:
    """Map a file's arrays, having compared all of it with its checksums.

    That costs about a quarter of a second a gigabyte. Raises BadArrays, and OSError.
    """
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size < 8:
            raise BadArrays(f"{path} is not whole")
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    first = 8 + struct.unpack("<Q", mapped[:8])[0]
    if first > min(len(mapped), _MOST_HEADER_BYTES):
        raise BadArrays(f"{path} has no header")
    if path.stem.rpartition("-")[2] != f"{zlib.crc32(mapped[:first]):08x}":
        raise BadArrays(f"{path} has a header that differs from the checksum in its name")
    try:
        header: dict[str, Any] = json.loads(mapped[8:first])
        texts = header.pop("__metadata__")
        checksums, about = json.loads(texts["crc32"]), json.loads(texts["about"])
    except (ValueError, KeyError) as error:  # another program's, whose name fits by chance
        raise BadArrays(f"{path} has a header of another kind") from error
    if len(mapped) != first + max((each["data_offsets"][1] for each in header.values()), default=0):
        raise BadArrays(f"{path} is not whole")
    whole = memoryview(mapped)
    arrays: dict[str, Array] = {}
    for name, each in header.items():
        start, stop = each["data_offsets"]
        data = whole[first + start : first + stop]
        if zlib.crc32(data) != checksums[name]:
            raise BadArrays(f"{path} is damaged: its {name} differs from their checksum")
        arrays[name] = np.frombuffer(data, _KINDS[each["dtype"]]).reshape(each["shape"])
    return StoredArrays(arrays, about)


def _bytes_of(array: Array) -> memoryview:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
