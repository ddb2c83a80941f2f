"""Find places in the texts of a file: XMP properties, IPTC fields, coordinates, a video's atoms.

The bytes are searched as they are, whatever holds them, so that no damage to what is around a text
hides it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

# Runs of text; in Latin-1 and UTF-8 the signs for degrees, minutes and seconds belong to it.
_TEXT = re.compile(rb"[\x20-\x7e\t\r\n\xb0\xba\xc2\xe2\x80\xb2\xb3]{8,}")
# UTF-16 in either byte order, from the first zero on; the pattern's first byte makes it fast.
_WIDE_TEXT = re.compile(rb"\x00[\x20-\x7e\xb0\xba](?:\x00[\x20-\x7e\xb0\xba]){6,}")
_WIDEST_TEXT = re.compile(rb"\x00{3}[\x20-\x7e](?:\x00{3}[\x20-\x7e]){6,}")  # UTF-32
_BREAK = b"\x7f"  # stands where other bytes were: a value that begins with one isn't empty

# Makers of drones write GpsLatitude, and one GpsLongtitude.
_NAME = (
    rb"(?:(?:GPS[\w.]{0,20})?(?:Latitude|Longt?itude)[\w.]{0,20}"
    rb"|GPS(?:Altitude|Dest|Area|Pos|Coord|Loc)\w{0,20})"
)
_AREA = (
    rb"(?:City|State|Province(?:State|Name)?|Country(?:Code|Name)?|WorldRegion|Sub-?location"
    rb"|Location(?:Shown|Created|Name|Id)?|geo:lat|geo:long"
    # Darwin Core, in which records of animals are exchanged; Dublin Core.
    rb"|(?:verbatim|higher)?(?:Locality|Coordinates|Geography)|StateProvince|County|Municipality"
    rb"|Continent|Island(?:Group)?|WaterBody|footprintWKT|spatial|coverage"
    # Geography Markup Language, GeoRSS.
    rb"|pos(?:List)?|georss:point|lowerCorner)"
)
_XMP = re.compile(
    # An attribute, or a member of JSON, with a value.
    rb"(?:" + _NAME + rb"|[\w.-]:" + _AREA + rb")[\"']?\s{0,99}[:=]\s{0,99}[\"'](?!\s{0,999}[\"'])"
    # An element with something in it.
    rb"|<(?:[\w.-]{1,80}:)?(?:[\w.-]{0,40}" + _NAME + rb"|" + _AREA + rb")"
    rb"(?:\s[^<>]{0,999}[^<>/])?\s{0,99}>(?!\s{0,999}</)"
    # Neither of them: other ways of writing a named value.
    rb"|GPS(?:Latitude|Longt?itude)(?!Ref|[\"']?\s{0,99}[:=>/])",
    re.IGNORECASE,
)
_DEGREES = rb"(?:\xc2?[\xb0\xba]|\s?deg)"
_MINUTES = (
    rb"\d{1,3}\s?" + _DEGREES + rb"\s?\d{1,2}(?:\.\d{1,9})?\s?(?:'|\xe2\x80\xb2)"
    rb"\s?(?:\d{1,2}(?:\.\d{1,9})?\s?(?:\"|''|\xe2\x80\xb3)\s?)?"
)
_COORDINATES = re.compile(
    rb"[+-]\d\d(?:\.\d{2,12})[+-]\d{3}(?:\.\d{2,12})"  # ISO 6709
    rb"|\d{1,2}(?:\.\d{1,12})?\s?" + _DEGREES + rb"?\s?[NS]\s?[,;/ ]\s?"
    rb"\d{1,3}(?:\.\d{1,12})?\s?" + _DEGREES + rb"?\s?[EW]\b"
    rb"|" + _MINUTES + rb"[NS]|[NS]\s?" + _MINUTES + rb"|\bgeo:-?\d{1,2}\.\d{1,12},"
    rb"|\blat(?:itude?)?[\"']?\s?[:=]\s?[\"']?[+-]?\d"
    rb"|\blong?(?:itude?)?[\"']?\s?[:=]\s?[\"']?[+-]?\d{1,3}\.\d"
    # Well-known text, GeoJSON, what a receiver sends (NMEA), a map's address.
    rb"|\bPOINT\s?Z?\s?\(\s?-?\d|\"coordinates\"\s?:\s?\[|\$G[PNL](?:RMC|GGA|GLL),"
    rb"|(?:maps|openstreetmap)\S{0,60}[@=/](?:mlat=)?-?\d{1,2}\.\d{1,15}(?:,|/|&mlon=)-?\d"
    # Degrees and minutes without their signs, or with commas as XMP writes them.
    rb"|\d{1,2}[\s,]\d{1,2}(?:\.\d{1,9}|[\s,]\d{1,2}(?:\.\d{1,9})?)\s?[NS][\s,;]{1,3}\d{1,3}[\s,]\d"
    rb"|\b[NS]\s?\d{1,2}\s\d{1,2}(?:\.\d{1,9}|\s\d{1,2}(?:\.\d{1,9})?)[\s,;]{1,3}[EW]\s?\d{1,3}\s\d"
    # Universal Transverse Mercator, and the military grid of it.
    rb"|\b\d{1,2}[C-HJ-NP-X]\s?\d{6}(?:\.\d{1,3})?m?E?[\s,]{1,3}\d{7}"
    rb"|\b\d{1,2}[C-HJ-NP-X]\s?[A-HJ-NP-Z]{2}\s?(?:\d{5}\s?\d{5}|\d{4}\s?\d{4})\b"
    # A list of tags that are ordered by place.
    rb"|>(?:Places?|Locations?)[|/]\w",
    re.IGNORECASE,
)
_DECIMAL = re.compile(rb"(?<![\d.])[+-]?\d{1,3}\.\d{3,15}(?![\d.])")
_BETWEEN = re.compile(rb"\s?" + _DEGREES + rb"?\s?[,;/|]?\s{0,3}")

# Datasets of record 2: content location (26, 27), city, sublocation, province, country (90 to 101).
_IPTC = re.compile(rb"\x1c\x02[\x1a\x1b\x5a\x5c\x5f\x64\x65](..)", re.DOTALL)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_VIDEO = re.compile(rb"\x00\x00..(?:\xa9xyz|loci)|quicktime\.location|location\.ISO6709", re.DOTALL)


def has_place_text(data: bytes) -> bool:
    """Whether a text among these bytes names a place or its coordinates in a known form.

    Free texts are searched for coordinates only: whether a word in them is a place nobody knows.
    """
    if _VIDEO.search(data) or any(_iptc_places(data)):
        return True
    wide, wider = (
        [
            data[max(found.start() - 1, 0) : found.end()].replace(b"\x00", b"")
            for found in pattern.finditer(data)
        ]
        for pattern in (_WIDE_TEXT, _WIDEST_TEXT)
    )
    texts = [_BREAK.join(each) + _BREAK for each in (_TEXT.findall(data), wide, wider)]
    return any(
        _XMP.search(text) or _COORDINATES.search(text) or _has_decimal_pair(text) for text in texts
    )


def _iptc_places(data: bytes) -> Iterator[bytes]:
    for found in _IPTC.finditer(data):
        value = data[found.end() : found.end() + int.from_bytes(found[1], "big")]
        if value.strip() and not _CONTROL.search(value):
            yield value


def _has_decimal_pair(text: bytes) -> bool:
    """Whether a latitude and a longitude follow each other, as 44.5003, -68.2503.

    Programs write pairs of shares, 0 to 1, which are none.
    """
    for first, second in pairwise(_DECIMAL.finditer(text)):
        if _BETWEEN.fullmatch(text, first.end(), second.start()):
            latitude, longitude = abs(float(first[0])), abs(float(second[0]))
            if latitude <= 90 and longitude <= 180 and max(latitude, longitude) > 1:
                return True
    return False
