"""Unpack a zip that anybody may have made into a staging folder, and list what is left out.

Nothing is written outside the staging folder, and no link is made. An entry's size is not believed:
bytes are counted as they come. A zip that can't be used as a whole (too many entries, too much in
all, no zip) is refused before anything is written. A fault of one entry leaves out only that entry.
"""

from __future__ import annotations

import errno
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from embedding.errors import FlukeprintError
from embedding.photos.photo import PHOTO_SUFFIXES, RAW_SUFFIXES
from index.progress import Progress, no_progress
from index.tables.text import SPREADSHEET_SUFFIXES
from index.tables.workbooks import WORKBOOK_SUFFIXES

LABEL_SUFFIXES = frozenset({".csv", ".json"}) | WORKBOOK_SUFFIXES
_NESTED_SUFFIXES = frozenset({".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst"})
_SYSTEM_NAMES = frozenset({".ds_store", "thumbs.db", "desktop.ini"})
_CHUNK_BYTES = 2**20
_UTF8_FLAG = 0x800
_UNICODE_PATH = 0x7075
_RATIO_COUNTS_FROM_BYTES = 2**20  # a small file of equal bytes is no bomb
_LONGEST_NAME_BYTES = 255  # of one part of a path, on every file system that matters
_DIRECTORY_BYTES_AN_ENTRY = (
    512  # of the archive's table of contents, which is read into memory whole
)


class BadArchive(FlukeprintError):
    """A zip that can't be used as a whole."""


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """The most that an archive may hold.

    `max_ratio`: bytes unpacked for one byte packed, of files over 1 MiB.
    """

    max_entries: int = 100_000
    max_total_bytes: int = 64 * 2**30
    max_entry_bytes: int = 256 * 2**20
    max_ratio: float = 200.0


@dataclass(frozen=True, slots=True)
class SkippedEntry:
    """An entry that wasn't unpacked, and why.

    `is_damaged`: it was selected, and couldn't be read.
    """

    name: str
    reason: str
    is_damaged: bool = False


@dataclass(frozen=True, slots=True)
class _Name:
    """What an archive calls an entry; `is_certain` is False where its encoding isn't known."""

    text: str
    is_certain: bool = True


@dataclass(frozen=True, slots=True)
class UnpackedArchive:
    """What came out of an archive: names below `folder`, sorted, and what did not."""

    folder: Path
    names: tuple[str, ...]
    left_out: tuple[SkippedEntry, ...]
    total_bytes: int


def unpack(
    archive: Path,
    folder: Path,
    *,
    limits: ArchiveLimits = ArchiveLimits(),
    progress: Progress = no_progress,
) -> UnpackedArchive:
    """Unpack the photos and label files of a zip into an empty or new `folder`.

    Raises BadArchive when the archive as a whole can't be used; nothing is then left in the folder
    but what was unpacked before a disk filled up.
    """
    _refuse_filled(folder)
    _check_directory(archive, limits)
    try:
        with zipfile.ZipFile(archive) as opened:
            return _unpack_entries(opened, archive, folder, limits, progress)
    except _UncertainName as error:
        raise BadArchive(
            f"{archive}: the names in it can't be read for certain, such as {str(error)!r}: they "
            "are neither UTF-8 nor marked as it. Nothing was taken. Pack the files again with a "
            "program that writes UTF-8 names (7-Zip with the switch -mcu=on, macOS, `zip` of "
            "Linux), or unpack them and give the folder"
        ) from None
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as error:
        raise BadArchive(
            f"{archive}: not a zip that can be read ({error}); make or download it again"
        ) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise BadArchive(
                f"the disk of {folder} is full; free some space there and try again"
            ) from error
        raise BadArchive(
            f"{archive}: can't be unpacked into {folder} ({error.strerror or error})"
        ) from error


def _unpack_entries(
    opened: zipfile.ZipFile, archive: Path, folder: Path, limits: ArchiveLimits, progress: Progress
) -> UnpackedArchive:
    # One without a name is no folder either; zipfile can't say so.
    entries = [entry for entry in opened.infolist() if not (entry.filename and entry.is_dir())]
    _check_totals(archive, entries, limits)
    folder.mkdir(parents=True, exist_ok=True)
    left_out: list[SkippedEntry] = []
    selected = list(_select_entries(entries, limits, left_out))
    names: list[str] = []
    total = 0
    with progress(len(selected), f"Unpacking {archive.name}") as advance:
        for name, entry in selected:
            try:
                total += _write(opened, entry, folder / name, limits.max_total_bytes - total)
                names.append(name)
            except _BadEntry as error:
                left_out.append(SkippedEntry(name, str(error), is_damaged=True))
            advance(1)
    return UnpackedArchive(
        folder, tuple(sorted(names)), tuple(sorted(left_out, key=lambda one: one.name)), total
    )


class _BadEntry(Exception):
    """Why one entry is left out."""


class _UncertainName(Exception):
    """The name of an entry that is to be unpacked can't be read for certain."""


def _refuse_filled(folder: Path) -> None:
    if folder.is_dir() and any(folder.iterdir()):
        raise BadArchive(
            f"{folder} holds files already; give an empty or a new folder to unpack into"
        )


def _check_totals(archive: Path, entries: list[zipfile.ZipInfo], limits: ArchiveLimits) -> None:
    if len(entries) > limits.max_entries:
        raise BadArchive(
            f"{archive}: holds {len(entries):,} files; at most {limits.max_entries:,} are taken "
            "at once: split it"
        )
    total = sum(entry.file_size for entry in entries)
    if total > limits.max_total_bytes:
        raise BadArchive(
            f"{archive}: would fill {total:,} bytes; at most {limits.max_total_bytes:,} are "
            "taken at once: split it"
        )


def _select_entries(
    entries: list[zipfile.ZipInfo], limits: ArchiveLimits, left_out: list[SkippedEntry]
) -> Iterator[tuple[str, zipfile.ZipInfo]]:
    """Each entry to unpack with its tidied name.

    The others, with their reasons, go into `left_out`.
    """
    taken: set[str] = set()
    folders: set[str] = set()
    for entry in entries:
        original = _name_of(entry)
        original_name = printable(original.text)
        try:
            name = _tidy_name(original.text)
            _check_kind(name, entry)
            if not original.is_certain:
                raise _UncertainName(original_name)
            _check_size(entry, limits)
            _check_place(name, taken, folders)
        except _BadEntry as error:
            left_out.append(SkippedEntry(original_name, str(error)))
            continue
        taken.add(name)
        folders.update(_parents(name))
        yield name, entry


def _name_of(entry: zipfile.ZipInfo) -> _Name:
    """The name of an entry, with all after a NUL, which zipfile cuts off.

    Names without the mark of UTF-8 are UTF-8 all the same where macOS or Linux packed them.
    Info-ZIP adds the UTF-8 name in a field of its own, which counts where it belongs to the name.
    """
    read = entry.orig_filename
    if entry.flag_bits & _UTF8_FLAG or read.isascii():
        return _Name(read)
    raw = read.encode("cp437")  # zipfile's reading of bytes that aren't marked, which loses nothing
    try:
        return _Name(raw.decode("utf-8"))
    except UnicodeDecodeError:
        stated = _stated_name(entry.extra, raw)
        return _Name(read, is_certain=False) if stated is None else _Name(stated)


def _stated_name(extra: bytes, raw: bytes) -> str | None:
    """The name in Info-ZIP's extra field 0x7075, if it is of these bytes.

    The field has a version, the CRC-32 of the name as it stands elsewhere, and the name in UTF-8.
    """
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        field = extra[at + 4 : at + 4 + length]
        if kind == _UNICODE_PATH and len(field) > 5 and field[0] == 1:
            (checksum,) = struct.unpack_from("<L", field, 1)
            if checksum == zlib.crc32(raw):
                try:
                    return field[5:].decode("utf-8")
                except UnicodeDecodeError:
                    return None
        at += 4 + length
    return None


def _tidy_name(original_name: str) -> str:
    """`sub/a.jpg` of whatever an archive calls it; windows programs write backslashes."""
    name = original_name.replace("\\", "/")
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if re.search(r"[\x00-\x1f\x7f]", name):
        raise _BadEntry("its name holds a control character")
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        raise _BadEntry("its name is an absolute path; names must be below the archive's top")
    if ".." in parts:
        raise _BadEntry("its name leads out of the archive's folder")
    if not parts:
        raise _BadEntry("it has no name")
    try:
        is_too_long = any(len(part.encode()) > _LONGEST_NAME_BYTES for part in parts)
    except UnicodeEncodeError:
        raise _BadEntry("its name is not text") from None
    if is_too_long:
        raise _BadEntry(f"a part of its name is longer than {_LONGEST_NAME_BYTES} bytes")
    return "/".join(parts)


def _check_kind(name: str, entry: zipfile.ZipInfo) -> None:
    parts = name.split("/")
    last = parts[-1].lower()
    if "__MACOSX" in parts or last in _SYSTEM_NAMES or last.startswith("._"):
        raise _BadEntry("a file of the operating system, not a photo")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind == stat.S_IFLNK:
        raise _BadEntry("a link; put the file itself into the archive")
    if kind not in (0, stat.S_IFREG):
        raise _BadEntry("not a file but a device, pipe or the like")
    if entry.flag_bits & 0x41:  # encrypted, by either way
        raise _BadEntry("encrypted; make the archive without a password")
    if Path(last).suffix not in PHOTO_SUFFIXES | LABEL_SUFFIXES:
        raise _BadEntry(not_a_photo(last))
    if last.startswith("."):
        raise _BadEntry("hidden by the dot before its name; rename it to have it taken")


def not_a_photo(name: str) -> str:
    """Say why a file isn't looked at whose suffix is neither a photo's nor a label file's."""
    if name.endswith("/"):
        return "a link to a folder, which isn't followed; give that folder itself"
    suffix = Path(name).suffix.lower()
    if suffix in _NESTED_SUFFIXES:
        return "an archive within the archive; give it by itself"
    if suffix in SPREADSHEET_SUFFIXES:
        return "a spreadsheet that isn't read; save it as a workbook (.xlsx) or as CSV"
    if suffix in RAW_SUFFIXES:
        return "a camera's raw file; export it as JPEG"
    return "neither a photo nor a label file (.csv, .json, .xlsx) by its name"


def _check_size(entry: zipfile.ZipInfo, limits: ArchiveLimits) -> None:
    size = entry.file_size
    if size > limits.max_entry_bytes:
        raise _BadEntry(f"{size:,} bytes; at most {limits.max_entry_bytes:,} are taken of one file")
    if size > _RATIO_COUNTS_FROM_BYTES and size > limits.max_ratio * max(entry.compress_size, 1):
        raise _BadEntry(
            f"packed more than {limits.max_ratio:g} times smaller than it is, as no photo can be"
        )


def _check_place(name: str, taken: set[str], folders: set[str]) -> None:
    if name in taken:
        raise _BadEntry("the archive holds another file of the same name; the first one counts")
    if name in folders or any(parent in taken for parent in _parents(name)):
        raise _BadEntry("the archive holds a file and a folder of the same name")


def _parents(name: str) -> Iterator[str]:
    parts = name.split("/")
    yield from ("/".join(parts[:end]) for end in range(1, len(parts)))


def _write(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, most_bytes: int) -> int:
    """Write one entry and count its bytes; half a file is never left."""
    written = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with opened.open(entry) as source, path.open("xb") as target:
            while chunk := source.read(_CHUNK_BYTES):
                written += len(chunk)
                if written > min(entry.file_size, most_bytes):
                    raise _BadEntry("holds more bytes than it says")
                target.write(chunk)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
    ) as error:
        path.unlink(missing_ok=True)
        raise _BadEntry(
            f"damaged or packed in an unknown way ({str(error) or type(error).__name__})"
        ) from error
    except FileExistsError:
        raise _BadEntry(
            "on this disk another file has the same name (small and capital letters are one)"
        ) from None
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return written


def printable(name: str) -> str:
    """Escape what can't be printed in a name.

    It may be anybody's, and is shown on terminals and pages.
    """
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in name)


def _check_directory(archive: Path, limits: ArchiveLimits) -> None:
    """Refuse a table of contents that would fill the memory, before zipfile reads it."""
    try:
        directory_bytes = _directory_bytes(archive)
    except FileNotFoundError:
        raise BadArchive(f"{archive}: there is no such file") from None
    except OSError as error:
        raise BadArchive(f"{archive}: can't be read ({error.strerror})") from error
    if directory_bytes > limits.max_entries * _DIRECTORY_BYTES_AN_ENTRY:
        raise BadArchive(
            f"{archive}: its table of contents alone has {directory_bytes:,} bytes, so it holds "
            "more than the "
            f"{limits.max_entries:,} files that are taken at once: split it"
        )


def _directory_bytes(archive: Path) -> int:
    """The size of a zip's table of contents by its last record.

    0 where there is none (zipfile then says so).
    """
    with archive.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 66_000))  # the record of 22 bytes, with a comment of up to 65,535
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        return 0
    (directory_bytes,) = struct.unpack_from("<L", tail, at + 12)
    if directory_bytes != 0xFFFFFFFF:
        return directory_bytes
    wide = tail.rfind(b"PK\x06\x06", 0, at)  # the record of 64 bits stands just before
    return (
        struct.unpack_from("<Q", tail, wide + 40)[0] if wide >= 0 and len(tail) >= wide + 48 else 0
    )
