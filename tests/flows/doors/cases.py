"""What a kind of input is: photos with labels, what came of them, and the word that says so."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np
from PIL import Image

SIZE = (240, 160)
LABEL_FILES = ("datapackage.json", "annotations.json", "labels.csv")


@dataclass
class Outcome:
    """What one door made of an input: photos by name, all that was told, and written files."""

    photos: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    refusal: str = ""
    files: dict[str, bytes] = field(default_factory=dict)

    def of(self, name: str) -> Any:
        """The photo that was called so, in whatever folder and with whatever accents; or None."""
        last = normalize("NFC", name).rpartition("/")[2]
        found = (one for key, one in self.photos.items() if key.rpartition("/")[2] == last)
        return next(found, None)

    def individuals(self) -> dict[str, str | None]:
        return {key.rpartition("/")[2]: one.individual for key, one in self.photos.items()}


@dataclass
class Case:
    """One input. `told`: what somebody must be told of it; `is_right`: it came in as it was meant.

    `texts`: label files in place of those that are made of `rows`. `archive`: a zip in place of one
    of the folder. `prepare`: what is done on the bench before; it may lay out the folder itself.
    """

    photos: dict[str, bytes]
    is_right: Callable[[Outcome], bool]
    told: str = ""
    rows: list[dict[str, str]] = field(default_factory=list)
    texts: dict[str, bytes] = field(default_factory=dict)
    archive: bytes | None = None
    prepare: Callable[[Any], None] = lambda bench: None
    options: dict[str, Any] = field(default_factory=dict)

    def label(self, name: str, label: str = "w_1", **facts: str) -> Case:
        """Add a row."""
        self.rows.append({"image": name, "label": label, **facts})
        return self


def word_of(case: Case, outcome: Outcome) -> str:
    """What happened, in the words of the table."""
    all_told = f"{outcome.text}\n{outcome.refusal}"
    is_told = bool(case.told) and re.search(case.told, all_told) is not None
    if outcome.refusal:
        return "refused" if is_told else f"refused without a reason: {outcome.refusal}"
    if case.is_right(outcome):
        return "read, told" if is_told else "read"
    return "left out, told" if is_told else f"lost: {outcome}"


def pattern(seed: int, *, form: str = "JPEG", **options: Any) -> bytes:
    """A picture that no other seed's is near."""
    cells = np.random.default_rng(seed).integers(0, 256, (16, 24, 3), np.uint8)
    kept = io.BytesIO()
    picture = Image.fromarray(cells).resize(SIZE, Image.Resampling.BICUBIC)
    picture.save(kept, form, **options)
    return kept.getvalue()


def exif(*, orientation: int = 1, taken_at: str = "", has_place: bool = False) -> Image.Exif:
    made = Image.Exif()
    made[0x0112] = orientation
    if taken_at:
        made.get_ifd(0x8769)[0x9003] = taken_at
    if has_place:
        made.get_ifd(0x8825).update({1: "N", 2: (44.0, 30.0, 1.0), 3: "W", 4: (68.0, 12.0, 1.0)})
    return made


def zipped(files: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def label_files(case: Case, form: str) -> dict[str, bytes]:
    """The label files of a case: its own, or its rows as CSV, COCO or Camtrap DP."""
    if case.texts:
        return case.texts
    made = {"csv": csv_files, "coco": coco_files, "camtrap": camtrap_files}[form](case.rows)
    return {name: text.encode() for name, text in made.items()}


def csv_files(rows: list[dict[str, str]]) -> dict[str, str]:
    return {"labels.csv": table(rows)}


def table(rows: list[dict[str, str]]) -> str:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def coco_files(rows: list[dict[str, str]]) -> dict[str, str]:
    names = list(dict.fromkeys(row["image"] for row in rows))
    width, height = SIZE
    times = {row["image"]: row["taken_at"] for row in rows if "taken_at" in row}
    images = [
        {"id": at, "file_name": name, "width": width, "height": height}
        | ({"date_captured": times[name]} if name in times else {})
        for at, name in enumerate(names)
    ]
    annotations: list[dict[str, Any]] = []
    for row in rows:
        one: dict[str, Any] = {
            "image_id": names.index(row["image"]),
            "individual_id": json.loads(row["json"]) if "json" in row else row["label"],
        }
        if "box" in row:
            left, top, right, bottom = map(float, row["box"].split())
            one["bbox"] = [
                left * width,
                top * height,
                (right - left) * width,
                (bottom - top) * height,
            ]
        annotations.append(one)
    return {"annotations.json": json.dumps({"images": images, "annotations": annotations})}


def camtrap_files(rows: list[dict[str, str]]) -> dict[str, str]:
    names = list(dict.fromkeys(row["image"] for row in rows))
    times = {row["image"]: row.get("taken_at", "") for row in rows}
    media = [
        {"mediaID": name, "timestamp": times[name], "filePath": f"media/{name}"} for name in names
    ]
    observations: list[dict[str, str]] = []
    for at, row in enumerate(rows):
        one = {"observationID": f"o{at}", "mediaID": row["image"], "individualID": row["label"]}
        if "box" in row:
            left, top, right, bottom = map(float, row["box"].split())
            sides = (left, top, right - left, bottom - top)
            keys = ("bboxX", "bboxY", "bboxWidth", "bboxHeight")
            one |= {key: str(side) for key, side in zip(keys, sides, strict=True)}
        observations.append(one)
    return {
        "datapackage.json": package(),
        "media.csv": table(media),
        "observations.csv": table(observations),
    }


def package(*, is_list: bool = False) -> str:
    """The description of a Camtrap DP package, whose files may be named in lists."""
    files = {name: f"{name}.csv" for name in ("media", "observations")}
    resources = [
        {"name": name, "path": [file] if is_list else file} for name, file in files.items()
    ]
    return json.dumps({"resources": resources})


def lay_out(case: Case, folder: Path, form: str) -> Path:
    """Write a case's photos and label files; return the label file. `folders`: no label file."""
    if not case.photos:
        return next(folder / name for name in LABEL_FILES if (folder / name).exists())
    of_label = {row["image"]: row["label"] for row in case.rows}
    for name, data in case.photos.items():
        known = normalize("NFC", name)
        label = of_label.get(name, of_label.get(known))
        top = {"folders": f"{label}/" if label else "", "camtrap": "media/"}.get(form, "")
        path = folder / f"{top}{name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    if form == "folders":
        return folder
    files = label_files(case, form)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder / next(iter(files))
