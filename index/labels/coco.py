"""Read COCO JSON as wildlife projects export it: Wildbook, wildlife-datasets, camera traps, CVAT.

They agree on the lists `images`, `annotations` and `categories`, and differ in where the
individual's name is.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, cast

from embedding.photos.photo import Box
from index.labels.fields import (
    in_nfc,
    list_some,
    make_box,
    optional_fact,
    other_word_for_nobody,
    parse_box_orientation,
    parse_content_hash,
    parse_individual,
    parse_photo_name,
    parse_time,
    read_text,
)
from index.labels.labelled_photo import BadLabels, LabelledPhoto
from index.labels.nobody import means_missing

_Record = dict[str, Any]

# In this order: old Wildbook exports keep in `individual_ids` the other annotations of the
# individual in `name`.
_INDIVIDUAL_KEYS = ("individual_id", "identity", "individual", "name", "individual_ids")
_ENCOUNTER_KEYS = ("encounter_id", "encounter", "seq_id")
_REGION_KEY = "encounter_region"  # plain `region` means a part of the picture elsewhere
_UNIDENTIFIED = "____"  # Wildbook's name for nobody yet
_TIME_KEYS = ("date_captured", "datetime", "taken_at", "date")


def coco_rows(path: Path, photos: Path) -> tuple[list[LabelledPhoto], list[str]]:
    """Read one row a photo, and what was left out.

    Of a photo's several boxes of one individual the largest counts.
    """
    document = _document(path)
    images = {
        _key(image, name): image
        for image in _records(path, document, "images")
        for name in ("uuid", "id")
    }
    species = {
        _key(category, "id"): _text(category.get("name"))
        for category in _records(path, document, "categories", is_required=False)
    }
    rows: dict[tuple[str, str | None], LabelledPhoto] = {}
    unnamed: list[str] = []
    no_time: list[str] = []
    for annotation in _records(path, document, "annotations"):
        image_key = _key(annotation, "image_id", "image_uuid")
        image = images.get(image_key)
        if image is None or not image_key:
            raise BadLabels(
                f"{path}: an annotation's image_id {image_key!r} is not among the images"
            )
        where = f"{path}, image {image.get('file_name') or image.get('path')}"
        name = parse_photo_name(_text(image.get("file_name") or image.get("path")), where)
        label = _individual(annotation, where)
        if not label:
            unnamed.append(name)
            continue
        row = LabelledPhoto(
            name=name,
            path=photos / name,
            individual=parse_individual(label, where),
            species=optional_fact(species.get(_key(annotation, "category_id"), "")),
            encounter=optional_fact(_first((annotation, image), _ENCOUNTER_KEYS)),
            taken_at=_time((image, annotation), name, no_time),
            box=_box(annotation.get("bbox"), image, where),
            region=optional_fact(_key(annotation, _REGION_KEY)),
            nobody=other_word_for_nobody(label),
            content_hash=parse_content_hash(_text(image.get("content_hash"))),
            box_orientation=parse_box_orientation(
                _first((annotation, image, _header(document)), ("box_orientation",)), where
            ),
            box_size_px=_size_px(image) if annotation.get("bbox") else None,
        )
        same = rows.setdefault((name, row.individual), row)
        if _area(row.box) > _area(same.box):
            rows[name, row.individual] = row
    warnings: list[str] = []
    if unnamed:
        warnings.append(
            f"{len(unnamed):,} annotations name no individual and are left out: "
            f"{list_some(unnamed)}"
        )
    if no_time:
        warnings.append(
            f"{len(no_time):,} times can't be read and count as none: "
            f"{list_some(list(dict.fromkeys(no_time)))}"
        )
    return list(rows.values()), warnings


def _document(path: Path) -> _Record:
    try:
        document: Any = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise BadLabels(f"{path}, line {error.lineno}: not JSON ({error.msg})") from None
    except (ValueError, RecursionError) as error:  # numbers or lists that no program wrote
        raise BadLabels(f"{path}: not JSON that can be read ({error})") from None
    if not isinstance(document, dict):
        raise BadLabels(
            f"{path}: not COCO: an object with the lists images, annotations and categories is "
            "needed"
        )
    return cast("_Record", document)


def _records(path: Path, document: _Record, key: str, is_required: bool = True) -> list[_Record]:
    records: Any = document.get(key, None if is_required else [])
    if not isinstance(records, list) or not all(
        isinstance(one, dict) for one in cast("list[Any]", records)
    ):
        found = ", ".join(document) or "nothing"
        raise BadLabels(
            f"{path}: not COCO: it needs a list of objects called {key}; it has {found}"
        )
    return cast("list[_Record]", records)


def _key(record: _Record, *names: str) -> str:
    return _first((record,), names)


def _text(value: object) -> str:
    """A name or a number as text; empty for null, NaN and for what is neither.

    Programs that store whole numbers with a point write 12 as 12.0.
    """
    if isinstance(value, float):
        if not math.isfinite(value):
            return ""
        return str(int(value)) if value.is_integer() else str(value)
    return in_nfc(str(value).strip()) if isinstance(value, str | int) else ""


def _first(records: tuple[_Record, ...], keys: tuple[str, ...]) -> str:
    return next(
        (text for record in records for key in keys if (text := _text(record.get(key)))), ""
    )


def _individual(annotation: _Record, where: str) -> str:
    """The individual's name, looked for in the annotation, then in its `attributes`.

    Empty where there is none: a missing value, also as text such as `null` or `NaN`. Raises
    BadLabels for true and false.
    """
    attributes: Any = annotation.get("attributes")
    for record in (annotation, cast("_Record", attributes) if isinstance(attributes, dict) else {}):
        for key in _INDIVIDUAL_KEYS:
            value: Any = record.get(key)
            ids = cast("list[Any]", value if isinstance(value, list) else [value])
            if any(isinstance(one, bool) for one in ids):
                raise BadLabels(
                    f"{where}: {key} is {json.dumps(value)}, which names no individual; give its "
                    "name or number, or null where nobody knows the animal"
                )
            texts = {_text(one) for one in ids}
            if texts == {_UNIDENTIFIED}:
                return ""
            names = {text for text in texts if not means_missing(text)}
            if len(names) > 1:
                raise BadLabels(
                    f"{where}: one annotation names several individuals, "
                    f"{list_some(sorted(names))}; keep the right one"
                )
            if names:
                return names.pop()
    return ""


def _time(records: tuple[_Record, ...], name: str, unread: list[str]) -> str | None:
    """When the photo was taken.

    One that can't be read counts as none, and is noted: exports hold `NA` and zeros.
    """
    text = optional_fact(_first(records, _TIME_KEYS)) or ""
    try:
        return parse_time(text, "")
    except BadLabels:
        unread.append(f"{text!r} of {name}")
        return None


def _box(bbox: Any, image: _Record, where: str) -> Box | None:
    """COCO's left, top, width, height in pixels as shares.

    Cut at the photo's edges, which boxes often overrun.
    """
    if not bbox or bbox == [0, 0, 0, 0]:  # as some programs write that there is none
        return None
    try:
        left, top, width, height = map(float, bbox)
        width_px, height_px = float(image["width"]), float(image["height"])
        sides = (
            left / width_px,
            top / height_px,
            (left + width) / width_px,
            (top + height) / height_px,
        )
    except KeyError as error:
        raise BadLabels(
            f"{where}: has a bbox but the image has no {error.args[0]}, so its place isn't known"
        ) from None
    except (TypeError, ValueError, ZeroDivisionError):
        raise BadLabels(
            f"{where}: the bbox {bbox!r} must be four numbers, left, top, width and height in "
            "pixels of an image "
            f"of {image.get('width')} x {image.get('height')}"
        ) from None
    return make_box([min(max(side, 0.0), 1.0) for side in sides], where, bbox)


def _size_px(image: _Record) -> tuple[float, float] | None:
    """The size of the picture that boxes were measured on."""
    try:
        width_px, height_px = float(image["width"]), float(image["height"])
    except (KeyError, TypeError, ValueError):
        return None
    is_size = 0 < width_px < math.inf and 0 < height_px < math.inf
    return (width_px, height_px) if is_size else None


def _header(document: _Record) -> _Record:
    """What is said of all photos: in the object `info`, which COCO has for it."""
    told: Any = document.get("info")
    return cast("_Record", told) if isinstance(told, dict) else {}


def _area(box: Box | None) -> float:
    return 0.0 if box is None else (box.right - box.left) * (box.bottom - box.top)
