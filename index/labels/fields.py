"""How the fields of a label file are understood, the same in every format."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from unicodedata import is_normalized, normalize

from embedding.photos.photo import Box
from index.labels.labelled_photo import NEW_WHALE, BadLabels, BoxOrientation
from index.labels.nobody import means_missing, means_nobody
from index.tables.text import BadText, decode_text, describe_spreadsheet, is_spreadsheet
from index.timestamps import iso_time


def list_some(names: Sequence[str]) -> str:
    """List the first three names and count the rest."""
    rest = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + rest


def in_nfc(name: str) -> str:
    """Write each accent as part of its letter (NFC), the form in which names are compared."""
    return name if is_normalized("NFC", name) else normalize("NFC", name)


def spellings_of(name: str) -> list[str]:
    """A name as given, and with its accents written in either way (NFC, NFD)."""
    return list(dict.fromkeys((name, in_nfc(name), normalize("NFD", name))))


def parse_photo_name(text: str, where: str) -> str:
    """Tidy a photo's name, `sub/a.jpg`, and write it in NFC.

    Refuse one that leads out of the folder of photos.
    """
    return in_nfc(parse_file_name(text, where))


def parse_file_name(text: str, where: str) -> str:
    """Tidy the name of a file below a folder, in its own bytes; refuse one that leads out."""
    name = text.strip().replace("\\", "/")
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if not parts:
        raise BadLabels(f"{where}: the photo has no name")
    if name.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", name) or "\0" in name:
        raise BadLabels(
            f"{where}: the photo name {text!r} leads out of the folder of photos; give names "
            "below it"
        )
    return "/".join(parts)


def parse_individual(label: str, where: str) -> str | None:
    """Turn a label into an individual, in NFC; None for new_whale and words that mean nobody."""
    label = in_nfc(label.strip())
    if not label:
        raise BadLabels(
            f"{where}: the label is empty; write {NEW_WHALE} where the individual isn't known"
        )
    return None if means_nobody(label) else label


def other_word_for_nobody(label: str) -> str | None:
    """The label, where it means nobody and isn't `new_whale`; else None."""
    label = in_nfc(label.strip())
    return label if label and label != NEW_WHALE and means_nobody(label) else None


def optional_text(text: str) -> str | None:
    """A field that may be left out; None where it is empty, or `NA`, `null` or the like."""
    text = in_nfc(text.strip())
    return None if means_missing(text) else text


def optional_fact(text: str) -> str | None:
    """A fact of a photo that may not be known; None where it is empty, `NA`, `unknown` and such.

    Photos whose encounter is `unknown` were not taken together.
    """
    text = in_nfc(text.strip())
    return None if means_nobody(text) else text


def make_box(sides: Sequence[float], where: str, original: object) -> Box:
    """Make a Box of left, top, right, bottom, which must be shares that hold something."""
    left, top, right, bottom = sides
    if not (all(map(math.isfinite, sides)) and 0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise BadLabels(
            f"{where}: the box {original!r} must be left < right and top < bottom, "
            "shares between 0 and 1 of the photo's width and height"
        )
    return Box(left, top, right, bottom)


def parse_box(text: str, where: str) -> Box | None:
    """Understand a box, `left top right bottom`; None where nothing is given."""
    if not text:
        return None
    try:
        left, top, right, bottom = map(float, text.split())
    except ValueError:
        raise BadLabels(
            f"{where}: the box {text!r} must be four numbers with spaces between: left top "
            "right bottom, "
            "shares between 0 and 1 of the photo's width and height"
        ) from None
    return make_box((left, top, right, bottom), where, text)


def parse_content_hash(text: str) -> str | None:
    """Read the content hash that an export notes of its original; None where it is none."""
    hashed = text.strip().lower()
    return hashed if re.fullmatch(r"[0-9a-f]{64}", hashed) else None


def parse_box_orientation(text: str, where: str) -> BoxOrientation | None:
    """Read which picture a box was measured on, `upright` or `stored`; None where it isn't said."""
    word = (optional_text(text) or "").lower()
    if not word:
        return None
    if word not in ("upright", "stored"):
        raise BadLabels(f"{where}: box_orientation {text!r} isn't one of upright, stored")
    return word


def parse_sex(text: str) -> str | None:
    """Read an individual's sex, in small letters; None where nobody knows it."""
    word = (optional_text(text) or "").lower()
    return None if not word or means_nobody(word) else {"f": "female", "m": "male"}.get(word, word)


def parse_time(given: str, where: str) -> str | None:
    """Bring a date or time to the form of the catalogue; None where empty.

    Such as `2018`, `2018-06`, `2018-06-01` or `2018-06-01T12:30:00`; what else is read is in
    `index.timestamps.iso_time`. Raises BadLabels.
    """
    if not given.strip():
        return None
    try:
        return iso_time(given)
    except ValueError:
        raise BadLabels(
            f"{where}: taken_at {given!r} isn't an ISO 8601 date or time such as "
            "2018-06-01T12:30:00"
        ) from None


def read_text(path: Path) -> str:
    """Read a text file in UTF-8 or UTF-16, with or without a byte order mark.

    Raises BadLabels, which says what the file is instead, such as a spreadsheet.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise BadLabels(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise BadLabels(
            f"{path}: is a folder; give a CSV or COCO .json file, or give it as --photos"
        ) from None
    except OSError as error:
        raise BadLabels(f"{path}: can't be read ({error.strerror})") from error
    if is_spreadsheet(path):
        raise BadLabels(describe_spreadsheet(str(path)))
    try:
        return decode_text(data, str(path))
    except BadText as error:
        raise BadLabels(str(error)) from None
