"""The photos that a Camtrap DP package names: which file each is, and which event it is of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from index.labels.camtrap import MEDIA
from index.labels.fields import optional_text, parse_file_name
from index.labels.photo_files import file_of
from index.labels.reading.camtrap_tables import Row
from index.timestamps import iso_time

_ELSEWHERE = re.compile(r"[A-Za-z][\w+.-]*://|[/\\]|[A-Za-z]:[/\\]")


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A photo of a package: its name below the package's folder, or why it has none."""

    row: Row
    name: str | None
    reason: str = ""


def media_files(rows: Sequence[Row], folder: Path, where: str) -> dict[str, MediaFile]:
    """Find the file of each photo by its `mediaID`.

    A `filePath` below the folder counts as it stands. Where it is an address on the web, or a path
    of another machine, the file is looked for by its name in `media/` and in the folder itself.
    Raises BadLabels for a path that leads out of the folder.
    """
    found = {row.get("mediaID", ""): _media_file(row, folder, where) for row in rows}
    counts = Counter(each.name for each in found.values() if each.name is not None)
    return {
        key: each
        if each.name is None or counts[each.name] == 1 or not _is_elsewhere(each.row)
        else MediaFile(each.row, None, f"of one of several photos called {each.name}")
        for key, each in found.items()
    }


def media_of_event(observation: Row, media: Mapping[str, MediaFile]) -> list[str]:
    """Find the photos of the event that an observation is of, by its name or by its times.

    Without an event's name in the table of photos, those of the same deployment count that were
    taken between the event's start and end.
    """
    for column in ("eventID", "sequenceID"):
        event = observation.get(column, "")
        if event and any(each.row.get(column) for each in media.values()):
            return [key for key, each in media.items() if each.row.get(column) == event]
    start, end = (_moment(observation.get(name, "")) for name in ("eventStart", "eventEnd"))
    if start is None or end is None:
        return []
    deployment = observation.get("deploymentID", "")
    return [
        key
        for key, each in media.items()
        if each.row.get("deploymentID", "") == deployment
        and (at := _moment(each.row.get("timestamp", ""))) is not None
        and start <= at <= end
    ]


def _media_file(row: Row, folder: Path, where: str) -> MediaFile:
    path, name = row.get("filePath", ""), row.get("fileName", "")
    if path and not _ELSEWHERE.match(path):
        return MediaFile(row, parse_file_name(path, f"{where}, medium {row.get('mediaID')}"))
    last = unquote(urlsplit(path.replace("\\", "/")).path).rpartition("/")[2]
    for each in dict.fromkeys(one for one in (name, last) if optional_text(one)):
        for below in (f"{MEDIA}/{each}", each):
            tidy = parse_file_name(below, where)
            if file_of(folder, tidy).is_file():
                return MediaFile(row, tidy)
    if not path:
        return MediaFile(row, None, "of a photo whose file the package doesn't name")
    return MediaFile(
        row,
        None,
        f"of a photo that isn't in the package: put the files into its folder {MEDIA}",
    )


def _is_elsewhere(row: Row) -> bool:
    return not row.get("filePath") or _ELSEWHERE.match(row["filePath"]) is not None


def _moment(text: str) -> datetime | None:
    """A time, in UTC where it says no other offset; None where it can't be read."""
    try:
        at = datetime.fromisoformat(iso_time(text))
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
