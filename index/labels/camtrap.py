"""Camtrap DP 1.0.2 (https://camtrap-dp.tdwg.org, TDWG): write packages and read them as labels.

Field names are the standard's. Two of its required fields a catalogue may lack: the time a photo
was taken, and, unless places are asked for, latitude and longitude; they are then left empty, which
its validators report.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

from embedding.photos.photo import Box
from index.labels.csv_text import csv_text
from index.labels.fields import (
    list_some,
    make_box,
    optional_text,
    other_word_for_nobody,
    parse_file_name,
    parse_individual,
    parse_photo_name,
    parse_time,
    read_text,
)
from index.labels.labelled_photo import NEW_WHALE, BadLabels, LabelledPhoto

VERSION = "1.0.2"
PACKAGE = "datapackage.json"
MEDIA = "media"

_SCHEMAS = f"https://raw.githubusercontent.com/tdwg/camtrap-dp/{VERSION}"
_DEPLOYMENTS = [
    "deploymentID",
    "locationID",
    "locationName",
    "latitude",
    "longitude",
    "coordinateUncertainty",
    "deploymentStart",
    "deploymentEnd",
    "setupBy",
    "cameraID",
    "cameraModel",
    "cameraDelay",
    "cameraHeight",
    "cameraDepth",
    "cameraTilt",
    "cameraHeading",
    "detectionDistance",
    "timestampIssues",
    "baitUse",
    "featureType",
    "habitat",
    "deploymentGroups",
    "deploymentTags",
    "deploymentComments",
]
_MEDIA = [
    "mediaID",
    "deploymentID",
    "captureMethod",
    "timestamp",
    "filePath",
    "filePublic",
    "fileName",
    "fileMediatype",
    "exifData",
    "favorite",
    "mediaComments",
]
_OBSERVATIONS = [
    "observationID",
    "deploymentID",
    "mediaID",
    "eventID",
    "eventStart",
    "eventEnd",
    "observationLevel",
    "observationType",
    "cameraSetupType",
    "scientificName",
    "count",
    "lifeStage",
    "sex",
    "behavior",
    "individualID",
    "individualPositionRadius",
    "individualPositionAngle",
    "individualSpeed",
    "bboxX",
    "bboxY",
    "bboxWidth",
    "bboxHeight",
    "classificationMethod",
    "classifiedBy",
    "classificationTimestamp",
    "classificationProbability",
    "observationTags",
    "observationComments",
]
_MEDIATYPES = {
    ".png": "png",
    ".webp": "webp",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".bmp": "bmp",
    ".gif": "gif",
    ".heic": "heic",
    ".heif": "heif",
}
_TAKEN_TAG, _LABEL_TAG, _REGION_TAG = "takenAt", "label", "encounterRegion"


def camtrap_texts(
    photos: Sequence[LabelledPhoto], places: Mapping[str, str], *, created: str
) -> dict[str, str]:
    """The package's text files by name.

    `places` names photos' places, `created` is ISO 8601 with a time zone.
    """
    deployments = {
        place: f"place-{number}"
        for number, place in enumerate(sorted(set(places.values())), start=1)
    }
    of_photo = [deployments.get(places.get(photo.name, ""), "catalogue") for photo in photos]
    rows = [(photo, deployment) for photo, deployment in zip(photos, of_photo, strict=True)]
    times = {
        name: [_timestamp(one.taken_at) for one, own in rows if own == name]
        for name in dict.fromkeys(of_photo)
    }
    named = {deployment: place for place, deployment in deployments.items()}
    return {
        PACKAGE: json.dumps(
            _package(photos, [one for own in times.values() for one in own], created), indent=2
        )
        + "\n",
        "deployments.csv": csv_text(
            _DEPLOYMENTS, (_deployment(name, named.get(name), own) for name, own in times.items())
        ),
        "media.csv": csv_text(_MEDIA, (_media(photo, deployment) for photo, deployment in rows)),
        "observations.csv": csv_text(
            _OBSERVATIONS, (_observation(photo, deployment) for photo, deployment in rows)
        ),
    }


def _package(photos: Sequence[LabelledPhoto], times: Iterable[str], created: str) -> dict[str, Any]:
    days = sorted(time[:10] for time in times if time)
    species = sorted({photo.species for photo in photos if photo.species})
    resources = [
        {
            "name": name,
            "path": f"{name}.csv",
            "profile": "tabular-data-resource",
            "format": "csv",
            "mediatype": "text/csv",
            "encoding": "utf-8",
            "schema": f"{_SCHEMAS}/{name}-table-schema.json",
        }
        for name in ("deployments", "media", "observations")
    ]
    return {
        "resources": resources,
        "profile": f"{_SCHEMAS}/camtrap-dp-profile.json",
        "name": "flukeprint-catalogue",
        "created": created,
        "contributors": [{"title": "the catalogue's curators", "role": "contributor"}],
        "sources": [{"title": "flukeprint"}],
        "project": {
            "title": "Photo-identification catalogue",
            "samplingDesign": "opportunistic",
            "captureMethod": ["activityDetection"],
            "individualAnimals": True,
            "observationLevel": [MEDIA],
        },
        # The whole world: where the photos were taken is private.
        "spatial": {
            "type": "Polygon",
            "coordinates": [[[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]],
        },
        "temporal": {"start": days[0], "end": days[-1]}
        if days
        else {"start": created[:10], "end": created[:10]},
        "taxonomic": [{"scientificName": name} for name in species],
    }


def _deployment(name: str, place: str | None, times: Sequence[str]) -> dict[str, str]:
    known = sorted(time for time in times if time)
    latitude, longitude = _coordinates(place or "")
    return {
        "deploymentID": name,
        "locationName": place or "",
        "latitude": latitude,
        "longitude": longitude,
        "deploymentStart": known[0] if known else "",
        "deploymentEnd": known[-1] if known else "",
        "timestampIssues": "true",  # photographers' clocks, mostly without a time zone
        "deploymentComments": "photographs taken by hand, not by a camera trap",
    }


def _media(photo: LabelledPhoto, deployment: str) -> dict[str, str]:
    return {
        "mediaID": photo.name,
        "deploymentID": deployment,
        "timestamp": _timestamp(photo.taken_at),
        "filePath": f"{MEDIA}/{photo.name}",
        "filePublic": "false",
        "fileName": photo.name.rpartition("/")[2],
        "fileMediatype": "image/" + _MEDIATYPES.get(Path(photo.name).suffix.lower(), "jpeg"),
    }


def _observation(photo: LabelledPhoto, deployment: str) -> dict[str, str]:
    time = _timestamp(photo.taken_at)
    tags = [f"{_TAKEN_TAG}:{photo.taken_at}"] if photo.taken_at and photo.taken_at != time else []
    tags += [] if photo.individual else [f"{_LABEL_TAG}:{NEW_WHALE}"]
    if photo.region:  # whose bars would part tags
        tags.append(f"{_REGION_TAG}:{photo.region.replace('%', '%25').replace('|', '%7C')}")
    row = {
        "observationID": photo.name,
        "deploymentID": deployment,
        "mediaID": photo.name,
        "eventID": photo.encounter or "",
        "eventStart": time,
        "eventEnd": time,
        "observationLevel": MEDIA,
        "observationType": "animal",
        "scientificName": photo.species or "",
        "count": "1",
        "individualID": photo.individual or "",
        "observationTags": " | ".join(tags),
    }
    if photo.box:
        left, top, right, bottom = photo.box
        sides = {"bboxX": left, "bboxY": top, "bboxWidth": right - left, "bboxHeight": bottom - top}
        row |= {name: repr(float(side)) for name, side in sides.items()}
    return row


def _timestamp(taken_at: str | None) -> str:
    """A time as the standard wants it, `2018-06-01T00:00:00Z`.

    What wasn't known of it is filled up.
    """
    if not taken_at:
        return ""
    filled = taken_at + "0000-01-01T00:00:00"[len(taken_at) :] if len(taken_at) <= 10 else taken_at
    filled = re.sub(r"T(\d\d:\d\d)(?=$|[+Z-])", r"T\1:00", re.sub(r"(:\d\d)\.\d+", r"\1", filled))
    return filled if re.search(r"(Z|[+-]\d\d:?\d\d)$", filled[10:]) else filled + "Z"


def _coordinates(place: str) -> tuple[str, str]:
    """Latitude and longitude of a place that is written as two numbers, `52.70442, 23.84995`."""
    found = re.fullmatch(r"\s*(-?\d+(?:\.\d+)?)\s*[,; ]\s*(-?\d+(?:\.\d+)?)\s*", place)
    return (found[1], found[2]) if found else ("", "")


def camtrap_rows(package: Path, folder: Path) -> tuple[list[LabelledPhoto], list[str]]:
    """Read a package's observations of single photos, and what was left out.

    A photo's name is its `filePath`, below `media/` where all are there. Raises BadLabels.
    """
    tables = _tables(package)
    media = {row.get("mediaID", ""): row for row in tables[MEDIA]}
    start = (
        f"{MEDIA}/"
        if all(row.get("filePath", "").startswith(f"{MEDIA}/") for row in media.values())
        else ""
    )
    rows: list[LabelledPhoto] = []
    unnamed: list[str] = []
    for observation in tables["observations"]:
        row = media.get(observation.get("mediaID", ""))
        where = f"{package}, observation {observation.get('observationID')}"
        tags = _tags(observation)
        label = optional_text(observation.get("individualID", "")) or tags.get(_LABEL_TAG, "")
        if row is None or not label:
            unnamed.append(observation.get("observationID", ""))
            continue
        name = parse_photo_name(row.get("filePath", "").removeprefix(start), where)
        rows.append(
            LabelledPhoto(
                name=name,
                path=folder / start / name,
                individual=parse_individual(label, where),
                species=optional_text(observation.get("scientificName", "")),
                encounter=optional_text(observation.get("eventID", "")),
                taken_at=parse_time(
                    tags.get(_TAKEN_TAG) or optional_text(row.get("timestamp", "")) or "", where
                ),
                box=_box(observation, where),
                region=unquote(tags.get(_REGION_TAG, "")) or None,
                nobody=other_word_for_nobody(label),
            )
        )
    warning = (
        f"{len(unnamed):,} observations name no individual or no single photo and are left "
        f"out: {list_some(unnamed)}"
    )
    return rows, [warning] if unnamed else []


def camtrap_folder(rows: Sequence[LabelledPhoto], folder: Path) -> Path:
    """The folder that the names of a package's photos start from."""
    inside = folder / MEDIA
    return inside if rows and all(row.path == inside / row.name for row in rows) else folder


def _tables(package: Path) -> dict[str, list[dict[str, str]]]:
    try:
        document: Any = json.loads(read_text(package))
        paths = {
            str(one["name"]): str(one["path"]) for one in document["resources"] if "path" in one
        }
        names = {
            name: parse_file_name(paths[name], str(package)) for name in (MEDIA, "observations")
        }
    except (ValueError, RecursionError, KeyError, TypeError):
        raise BadLabels(
            f"{package}: not a Camtrap DP package: it needs the resources media and observations"
        ) from None
    return {name: _table(package.parent / path) for name, path in names.items()}


def _table(path: Path) -> list[dict[str, str]]:
    try:
        rows = list(csv.DictReader(io.StringIO(read_text(path), newline="")))
    except csv.Error as error:
        raise BadLabels(f"{path}: not readable as CSV ({error})") from None
    return [
        {key: value or "" for key, value in cast("dict[str | None, Any]", row).items() if key}
        for row in rows
    ]


def _tags(observation: dict[str, str]) -> dict[str, str]:
    """An observation's tags, `key:value` with bars between."""
    parts = [
        tag.strip().partition(":") for tag in observation.get("observationTags", "").split("|")
    ]
    return {key: value for key, _, value in parts}


def _box(observation: dict[str, str], where: str) -> Box | None:
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
    return make_box((left, top, min(left + width, 1.0), min(top + height, 1.0)), where, sides)
