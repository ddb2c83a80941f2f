"""Read the observations of a Camtrap DP package as labelled photos, whoever wrote it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from embedding.photos.photo import Box
from index.labels.camtrap import HASH_TAG, LABEL_TAG, MEDIA, REGION_TAG, TAKEN_TAG
from index.labels.fields import (
    list_some,
    make_box,
    optional_fact,
    optional_text,
    other_word_for_nobody,
    parse_box_orientation,
    parse_content_hash,
    parse_individual,
    parse_photo_name,
    parse_time,
)
from index.labels.labelled_photo import BadLabels, LabelledPhoto
from index.labels.reading.camtrap_media import MediaFile, media_files, media_of_event
from index.labels.reading.camtrap_tables import Row, read_tables

_NO_NAME = "name no individual"
_SEVERAL = "of an event with several photos, and nothing says which of them shows the animal"
_NONE = "of an event without a photo"


@dataclass(frozen=True, slots=True)
class _Package:
    path: Path
    folder: Path
    media: dict[str, MediaFile]
    start: str  # what stands before the name of each photo: `media/` or nothing


def camtrap_rows(package: Path, folder: Path) -> tuple[list[LabelledPhoto], list[str]]:
    """Read a package's observations of photos, and what was left out and why.

    A photo's name is its `filePath`, below `media/` where all are there. An observation of a whole
    event counts where one photo alone is of the event. Times that can't be read count as none, and
    boxes are cut at the photo's edges. Raises BadLabels.
    """
    tables = read_tables(package)
    media = media_files(tables[MEDIA], folder, str(package))
    names = [each.name for each in media.values() if each.name is not None]
    start = f"{MEDIA}/" if all(name.startswith(f"{MEDIA}/") for name in names) else ""
    opened = _Package(package, folder, media, start)
    rows: list[LabelledPhoto] = []
    left_out: dict[str, list[str]] = {}
    no_time: list[str] = []
    for observation in tables["observations"]:
        found = _photo_of(observation, opened)
        if isinstance(found, str):
            left_out.setdefault(found, []).append(observation.get("observationID", ""))
            continue
        rows.append(_labelled_photo(observation, found, opened, no_time))
    warnings = [
        f"{len(names):,} observation{'' if len(names) == 1 else 's'} {_agreeing(reason, names)}: "
        f"{list_some(names)}"
        for reason, names in left_out.items()
    ]
    if no_time:
        warnings.append(
            f"{len(no_time):,} times can't be read and count as none: {list_some(no_time)}"
        )
    return rows, warnings


def camtrap_folder(rows: Sequence[LabelledPhoto], folder: Path) -> Path:
    """The folder that the names of a package's photos start from."""
    inside = folder / MEDIA
    return inside if rows and all(row.path == inside / row.name for row in rows) else folder


def _agreeing(reason: str, names: Sequence[str]) -> str:
    """Why observations are left out, of one or of several."""
    if reason == _NO_NAME:
        return (
            "names no individual and is left out"
            if len(names) == 1
            else f"{reason} and are left out"
        )
    return f"{'is' if len(names) == 1 else 'are'} left out, {reason}"


def _photo_of(observation: Row, package: _Package) -> MediaFile | str:
    """The photo that an observation is of, or why it is of none."""
    if not _label(observation):
        return _NO_NAME
    key = observation.get("mediaID", "")
    if not optional_text(key):
        keys = media_of_event(observation, package.media)
        if len(keys) != 1:
            return _SEVERAL if keys else _NONE
        (key,) = keys
    found = package.media.get(key)
    if found is None:
        return "of a photo that the table of media doesn't have"
    return found if found.name is not None else found.reason


def _label(observation: Row) -> str:
    named = optional_text(observation.get("individualID", ""))
    return named or _tags(observation).get(LABEL_TAG, "")


def _labelled_photo(
    observation: Row, found: MediaFile, package: _Package, no_time: list[str]
) -> LabelledPhoto:
    where = f"{package.path}, observation {observation.get('observationID')}"
    tags = _tags(observation)
    label = _label(observation)
    name = parse_photo_name((found.name or "").removeprefix(package.start), where)
    taken_at = tags.get(TAKEN_TAG) or optional_fact(found.row.get("timestamp", "")) or ""
    try:
        time = parse_time(taken_at, where)
    except BadLabels:
        time = None
        no_time.append(f"{taken_at!r} of {name}")
    return LabelledPhoto(
        name=name,
        path=package.folder / package.start / name,
        individual=parse_individual(label, where),
        species=optional_fact(observation.get("scientificName", "")),
        encounter=optional_fact(observation.get("eventID", "")),
        taken_at=time,
        box=_box(observation, where),
        region=unquote(tags.get(REGION_TAG, "")) or None,
        nobody=other_word_for_nobody(label),
        content_hash=parse_content_hash(tags.get(HASH_TAG, "")),
        box_orientation=parse_box_orientation(tags.get("box_orientation", ""), where),
    )


def _tags(observation: Row) -> dict[str, str]:
    """An observation's tags, `key:value` with bars between."""
    parts = [
        tag.strip().partition(":") for tag in observation.get("observationTags", "").split("|")
    ]
    return {key: value for key, _, value in parts}


def _box(observation: Row, where: str) -> Box | None:
    sides = [
        optional_text(observation.get(name, "")) or ""
        for name in ("bboxX", "bboxY", "bboxWidth", "bboxHeight")
    ]
    if not all(sides):
        return None
    try:
        left, top, width, height = map(float, sides)
    except ValueError:
        raise BadLabels(
            f"{where}: the bounding box {sides} must be four numbers, shares of the photo's sides"
        ) from None
    edges = (left, top, left + width, top + height)
    cut = [min(max(edge, 0.0), 1.0) if math.isfinite(edge) else edge for edge in edges]
    return make_box(cut, where, sides)
