"""Give a catalogue's labels out, and on request its photos, in the forms that other programs read.

Every form holds the labels of all photos that are catalogued. Reading it back gives the same
catalogue, as far as the form can hold it: docs/formats.md says what each one can't.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

from embedding.photos.photo import BadPhoto, photo_bytes, photo_size
from index.catalogue.catalogue import CataloguePhoto
from index.exchange.exporting.export import BadExport, Export
from index.exchange.exporting.wildbook import wildbook_export
from index.exchange.exporting.wildlife import wildlife_export
from index.labels.camtrap import MEDIA, camtrap_texts
from index.labels.csv_text import csv_text
from index.labels.reader import NEW_WHALE
from index.photos.exported_copy import zip_name
from index.reindex.plan import as_labelled
from index.sightings.selection import Selection

Format = Literal[
    "csv", "coco", "camtrap-dp", "kaggle", "happywhale", "wildlife-datasets", "wildbook", "zip"
]
FORMATS: tuple[Format, ...] = get_args(Format)
MEASURED: frozenset[Format] = frozenset({"coco", "wildlife-datasets"})
"""Those whose boxes are in pixels, so that making them reads photos."""
BYTE_ORDER_MARK = "\ufeff"  # without it spreadsheets take UTF-8 for their own alphabet

_NEW = "new_individual"  # what Kaggle's second competition calls an animal that nobody knows
_COLUMNS = ("image", "label", "species", "encounter", "region", "taken_at", "box", "content_hash")


def make_export(
    form: Format,
    known: Sequence[CataloguePhoto],
    *,
    places: Mapping[str, str],
    created: str,
    selection: Selection | None = None,
) -> Export:
    """Make an export of the catalogued photos, or of those that are selected.

    `places`: photo names to places, empty where they are to stay private; `created` is ISO 8601
    with a time zone. Raises BadExport when there is nothing to export.
    """
    photos = [photo for photo in known if photo.state == "catalogued"]
    if not photos:
        raise BadExport("the catalogue has no catalogued photo to export")
    if selection is not None:
        photos = [photo for photo in photos if selection.has_photo(photo)]
        if not photos:
            raise BadExport("no catalogued photo is selected; select others, or export all")
        places = {photo.name: places[photo.name] for photo in photos if photo.name in places}
    if form == "camtrap-dp":
        texts = camtrap_texts([as_labelled(photo) for photo in photos], places, created=created)
        return Export({**texts}, {f"{MEDIA}/{photo.name}": photo for photo in photos})
    return _MAKERS[form](photos, places)


def _csv(photos: Sequence[CataloguePhoto], places: Mapping[str, str]) -> Export:
    named = {photo.name: photo for photo in photos}
    return Export({"labels.csv": labels_csv(named, places)}, named)


def _happywhale(photos: Sequence[CataloguePhoto], places: Mapping[str, str]) -> Export:
    del places
    _refuse_spaces(photos)
    columns = ("image", "species", "individual_id")
    rows = (
        {"image": one.name, "species": one.species or "", "individual_id": one.individual or _NEW}
        for one in photos
    )
    return Export({"train.csv": csv_text(columns, rows)}, {photo.name: photo for photo in photos})


def _zip(photos: Sequence[CataloguePhoto], places: Mapping[str, str]) -> Export:
    named: dict[str, CataloguePhoto] = {}
    for photo in photos:
        name = zip_name(photo.name, photo.individual)
        if name in named:
            folder, _, last = name.partition("/")
            name = f"{folder}/{photo.content_hash[:12]}_{last}"
        named[name] = photo
    return Export({"labels.csv": BYTE_ORDER_MARK + labels_csv(named, places)}, named)


def labels_csv(named: Mapping[str, CataloguePhoto], places: Mapping[str, str]) -> str:
    """Make the CSV that flukeprint reads, with content hashes, and places where there are any."""
    more = tuple(
        name for name in ("viewpoint", "sex") if any(getattr(one, name) for one in named.values())
    )
    columns = (*_COLUMNS, *more, "place") if places else (*_COLUMNS, *more)
    return csv_text(columns, (_row(name, photo, places) for name, photo in named.items()))


def _row(name: str, photo: CataloguePhoto, places: Mapping[str, str]) -> dict[str, str]:
    row = {
        "image": name,
        "label": photo.individual or NEW_WHALE,
        "species": photo.species or "",
        "encounter": photo.encounter or "",
        "region": photo.region or "",
        "taken_at": photo.taken_at or "",
        "box": " ".join(repr(float(side)) for side in photo.box) if photo.box else "",
        "content_hash": photo.content_hash,
    }
    row |= {
        name: value for name in ("viewpoint", "sex") if (value := getattr(photo, name)) is not None
    }
    return row | ({"place": places.get(photo.name, "")} if places else {})


def _kaggle(photos: Sequence[CataloguePhoto], places: Mapping[str, str]) -> Export:
    del places
    _refuse_spaces(photos)
    rows = ({"Image": photo.name, "Id": photo.individual or NEW_WHALE} for photo in photos)
    return Export(
        {"train.csv": csv_text(("Image", "Id"), rows)}, {photo.name: photo for photo in photos}
    )


def _refuse_spaces(photos: Sequence[CataloguePhoto]) -> None:
    odd = [
        photo.individual
        for photo in photos
        if photo.individual and photo.individual.split() != [photo.individual]
    ]
    if odd:
        raise BadExport(
            f"the individual {odd[0]!r} has a space in its name, which Kaggle's form cannot "
            "hold; use csv"
        )


def _coco(photos: Sequence[CataloguePhoto], places: Mapping[str, str]) -> Export:
    species = sorted({photo.species or "" for photo in photos})
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    left_out: list[tuple[str, str]] = []
    for number, photo in enumerate(photos, start=1):
        try:
            size = photo_size(photo_bytes(photo.path, name=photo.name), name=photo.name)
        except BadPhoto as error:
            left_out.append((photo.name, str(error).removeprefix(f"{photo.name}: ")))
            if photo.box is not None:
                continue  # in COCO a box is in pixels, and nobody knows of what
            size = None
        images.append(_coco_image(number, photo, size, places))
        annotations.append(
            _coco_annotation(number, photo, size, species.index(photo.species or "") + 1)
        )
    # A species that nobody named is a category without a name.
    categories = [{"id": at, "name": name} for at, name in enumerate(species, start=1)]
    document = {"images": images, "annotations": annotations, "categories": categories}
    texts = {"annotations.json": json.dumps(document, indent=1, ensure_ascii=False) + "\n"}
    return Export({**texts}, {photo.name: photo for photo in photos}, tuple(left_out))


def _coco_image(
    number: int, photo: CataloguePhoto, size: tuple[int, int] | None, places: Mapping[str, str]
) -> dict[str, Any]:
    image: dict[str, Any] = {
        "id": number,
        "file_name": photo.name,
        "content_hash": photo.content_hash,
    }
    if size:
        image |= {"width": size[0], "height": size[1]}
    if photo.taken_at:
        image["date_captured"] = photo.taken_at
    return image | ({"place": places[photo.name]} if photo.name in places else {})


def _coco_annotation(
    number: int, photo: CataloguePhoto, size: tuple[int, int] | None, category: int
) -> dict[str, Any]:
    annotation: dict[str, Any] = {
        "id": number,
        "image_id": number,
        "category_id": category,
        "individual_id": photo.individual or NEW_WHALE,
        "iscrowd": 0,
    }
    if photo.encounter:
        annotation["encounter_id"] = photo.encounter
    if photo.region:
        annotation["encounter_region"] = photo.region
    if photo.box and size:
        (left, top, right, bottom), (width_px, height_px) = photo.box, size
        sides = (
            left * width_px,
            top * height_px,
            (right - left) * width_px,
            (bottom - top) * height_px,
        )
        annotation |= {"bbox": list(sides), "area": sides[2] * sides[3]}
    return annotation


_MAKERS: dict[str, Callable[[Sequence[CataloguePhoto], Mapping[str, str]], Export]] = {
    "csv": _csv,
    "coco": _coco,
    "kaggle": _kaggle,
    "happywhale": _happywhale,
    "wildlife-datasets": wildlife_export,
    "wildbook": wildbook_export,
    "zip": _zip,
}
