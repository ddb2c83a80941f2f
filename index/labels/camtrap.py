"""Write labels as a Camtrap DP 1.0.2 package (https://camtrap-dp.tdwg.org, TDWG).

Field names are the standard's. Two of its required fields a catalogue may lack: the time a photo
was taken, and, unless places are asked for, latitude and longitude; they are then left empty, which
its validators report.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from index.labels.csv_text import csv_text
from index.labels.labelled_photo import NEW_WHALE, LabelledPhoto
from index.places.coordinates import position_in
from index.timestamps import iso_time

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
MEDIA_COLUMNS = [
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
OBSERVATION_COLUMNS = [
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
    ".hif": "heif",
    ".avif": "avif",
    ".dib": "bmp",
    ".apng": "png",
}
TAKEN_TAG, LABEL_TAG, REGION_TAG = "takenAt", "label", "encounterRegion"
HASH_TAG = "contentHash"


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
        "media.csv": csv_text(
            MEDIA_COLUMNS, (_media(photo, deployment) for photo, deployment in rows)
        ),
        "observations.csv": csv_text(
            OBSERVATION_COLUMNS, (_observation(photo, deployment) for photo, deployment in rows)
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
    position = position_in(place)
    return {
        "deploymentID": name,
        "locationName": place or "",
        "latitude": repr(position.latitude) if position else "",
        "longitude": repr(position.longitude) if position else "",
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
    tags = [f"{TAKEN_TAG}:{photo.taken_at}"] if photo.taken_at and photo.taken_at != time else []
    tags += [] if photo.individual else [f"{LABEL_TAG}:{NEW_WHALE}"]
    if photo.region:  # whose bars would part tags
        tags.append(f"{REGION_TAG}:{photo.region.replace('%', '%25').replace('|', '%7C')}")
    tags += [f"{HASH_TAG}:{photo.content_hash}"] if photo.content_hash else []
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

    What wasn't known of it is filled up. Empty where catalogues of older versions hold no time.
    """
    try:
        taken_at = iso_time(taken_at or "")
    except ValueError:
        return ""
    filled = taken_at + "0000-01-01T00:00:00"[len(taken_at) :] if len(taken_at) <= 10 else taken_at
    filled = re.sub(r"T(\d\d:\d\d)(?=$|[+Z-])", r"T\1:00", re.sub(r"(:\d\d)\.\d+", r"\1", filled))
    return filled if re.search(r"(Z|[+-]\d\d:?\d\d)$", filled[10:]) else filled + "Z"
