"""Write a JPEG anew from those of its segments that can't say where it was taken.

The picture's own segments, and the pixels in them, are copied byte for byte.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from embedding.photos.exif import orientation, set_jpeg_exif_aside, taken_at
from index.photos.exif_copy import exif_without_place, new_exif

_END, _SCAN = 0xD9, 0xDA
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
# Tables, frames, scans, restarts: what a decoder needs.
_PICTURE = {*range(0xC0, 0xD0), _SCAN, 0xDB, 0xDC, 0xDD} - {0xC8}
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
_MARKER = re.compile(rb"\xff+([^\x00\xff])", re.DOTALL)
# Within a scan a 0 follows each 0xFF that belongs to pixels; restart markers belong to the scan.
_SCAN_END = re.compile(rb"\xff(?=[^\x00\xff\xd0-\xd7])", re.DOTALL)
_EXIF_MARK, _PROFILE_MARK = b"Exif\x00\x00", b"ICC_PROFILE\x00"
_MOST_SEGMENT_BYTES = 65_533


class _Segment(NamedTuple):
    marker: int
    head: bytes  # what stands in the segment
    scan: bytes  # the pixels that follow it; empty but for a scan


def jpeg_without_place(jpeg: bytes) -> bytes | None:
    """The JPEG with its picture, its colour profile, and EXIF that can't say where it was taken.

    Other segments and what follows the picture are left out. The same bytes where there is nothing
    else; None where the segments can't be told from each other.
    """
    parts = _segments(jpeg)
    if parts is None:
        return None
    segments, after = parts
    exif = _exif_segment(jpeg, segments)
    kept: list[bytes] = []
    for each in segments:
        if _is_exif(each):
            kept.append(exif)
            exif = b""
        else:
            kept.append(_harmless_bytes(each))
    # EXIF that was found elsewhere than in a segment of its own is written first.
    is_padding = not after.strip(b"\x00\xff\t\r\n ")
    return b"\xff\xd8" + exif + b"".join(kept) + (after if is_padding else b"")


def _segments(jpeg: bytes) -> tuple[list[_Segment], bytes] | None:
    """The segments after the start, and what follows the end; None where that can't be told."""
    segments: list[_Segment] = []
    at = 2
    while at < len(jpeg):
        found = _MARKER.match(jpeg, at)
        if found is None:
            return None
        marker, at = found[1][0], found.end()
        if marker == _END:
            return [*segments, _Segment(_END, b"", b"")], jpeg[at:]
        length = int.from_bytes(jpeg[at : at + 2], "big")
        if marker in _WITHOUT_LENGTH or length < 2 or at + length > len(jpeg):
            return None
        head, at = jpeg[at + 2 : at + length], at + length
        scan = b""
        if marker == _SCAN:
            over = _SCAN_END.search(jpeg, at)
            scan = jpeg[at : over.start() if over else len(jpeg)]
            at += len(scan)
        segments.append(_Segment(marker, head, scan))
    return segments, b""  # some cameras forget the end


def _exif_segment(jpeg: bytes, segments: list[_Segment]) -> bytes:
    """The segment with the EXIF that stays; empty where none does."""
    old = set_jpeg_exif_aside(jpeg)[1]
    exif = exif_without_place(old)
    if sum(map(_is_exif, segments)) > 1 or taken_at(exif) != taken_at(jpeg):
        exif = new_exif(orientation(old), taken_at(jpeg))
    if not exif:
        return b""
    body = _EXIF_MARK + exif
    return _segment_bytes(_APP1, body) if len(body) <= _MOST_SEGMENT_BYTES else b""


def _is_exif(segment: _Segment) -> bool:
    return segment.marker == _APP1 and segment.head.startswith(_EXIF_MARK)


def _harmless_bytes(segment: _Segment) -> bytes:
    """The segment as far as it can't say where the photo was taken."""
    marker, head, scan = segment
    if marker == _END:
        return b"\xff\xd9"
    if marker in _PICTURE:
        return _segment_bytes(marker, head) + scan
    if marker == _APP0 and head.startswith(b"JFIF\x00") and len(head) >= 14:
        return _segment_bytes(marker, head[:12] + b"\x00\x00")  # without its small picture
    if marker == _APP2 and head.startswith(_PROFILE_MARK):
        return _segment_bytes(marker, head)
    if marker == _APP14 and head.startswith(b"Adobe") and len(head) >= 12:
        return _segment_bytes(marker, head[:12])
    return b""


def _segment_bytes(marker: int, head: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(head) + 2).to_bytes(2, "big") + head
