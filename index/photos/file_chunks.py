"""Look which chunks a photo's file is made of, and whether a picture needs them all.

Chunks are called so in PNG and WebP; in HEIC and AVIF they are boxes.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

_PNG = re.compile(
    rb"IHDR|PLTE|IDAT|IEND|tRNS|gAMA|cHRM|sRGB|iCCP|sBIT|pHYs|bKGD|hIST|tIME|sPLT|oFFs|acTL|fcTL"
    rb"|fdAT|cICP|mDCV|cLLI|iDOT|eXIf|tEXt|iTXt|zTXt"
)
_WEBP = re.compile(rb"VP8[ LX]|ANIM|ANMF|ALPH|ICCP|EXIF|XMP ")
_HEIC = re.compile(rb"ftyp|meta|mdat|moov|mini|free|skip|wide")
_GIF_COMMENT, _GIF_CONTROL, _GIF_TEXT, _GIF_PROGRAM = 0xFE, 0xF9, 0x01, 0xFF
_GIF_PROGRAMS = (b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012", b"XMP DataXMP")


def has_unknown_chunk(data: bytes) -> bool:
    """Whether a PNG, WebP, HEIC or AVIF has a chunk with something in it that no picture needs.

    What follows a damaged chunk counts as one.
    """
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        known, chunks = _PNG, _png_chunks(data)
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        known, chunks = _WEBP, _webp_chunks(data)
    elif data[4:8] == b"ftyp":
        known, chunks = _HEIC, _boxes(data)
    else:
        return False
    return any(
        known.fullmatch(name) is None and not is_padding(content) for name, content in chunks
    )


def is_padding(data: bytes) -> bool:
    """Whether bytes only fill a file up."""
    return not data.strip(b"\x00\xff\t\r\n ")


def is_known_extension(label: int, content: bytes) -> bool:
    """Whether a GIF's extension is one that can be read; others may hold anything, packed."""
    known = {_GIF_COMMENT, _GIF_CONTROL, _GIF_TEXT}
    return label in known or (label == _GIF_PROGRAM and content.startswith(_GIF_PROGRAMS))


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        yield name, data[at + 8 : at + 8 + size]
        at += 12 + size


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        yield name, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        if size == 1 and at + 16 <= len(data):
            (size,) = struct.unpack_from(">Q", data, at + 8)
        elif size == 0:  # the last box, to the file's end
            size = len(data) - at
        if size < 8:
            break
        yield name, data[at + 8 : at + size]
        at += size
    yield b"", data[at:]
