"""The table of wildlife-datasets: `image_id,identity,path`, and columns that it allows beside them.

Their documentation: https://wildlifedatasets.github.io/wildlife-datasets/dataframe/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from embedding.photos.photo import BadPhoto, photo_bytes, photo_size
from index.catalogue.catalogue import CataloguePhoto
from index.exchange.exporting.export import Export
from index.labels.csv_text import csv_text

TABLE = "metadata.csv"
_UNKNOWN = "unknown"  # their word for an animal that nobody knows
_COLUMNS = ("image_id", "identity", "path", "date", "species", "position", "bbox")
_OWN = ("box_orientation", "encounter", "region", "sex", "content_hash")


def wildlife_export(photos: Sequence[CataloguePhoto], places: Mapping[str, str]) -> Export:
    """Make the table; boxes are in pixels of the upright pictures, whose files are read for it."""
    left_out: list[tuple[str, str]] = []
    rows: list[dict[str, object]] = []
    for number, photo in enumerate(photos, start=1):
        try:
            bbox = _bbox(photo)
        except BadPhoto as error:
            left_out.append((photo.name, str(error).removeprefix(f"{photo.name}: ")))
            continue
        rows.append(
            {
                "image_id": number,
                "identity": photo.individual or _UNKNOWN,
                "path": photo.name,
                "date": (photo.taken_at or "").replace("T", " "),
                "species": photo.species or "",
                "position": photo.viewpoint or "",
                "bbox": bbox,
                "box_orientation": "upright" if bbox else "",
                "encounter": photo.encounter or "",
                "region": photo.region or "",
                "sex": photo.sex or "",
                "content_hash": photo.content_hash,
                **({"place": places.get(photo.name, "")} if places else {}),
            }
        )
    columns = (*_COLUMNS, *_OWN, *(("place",) if places else ()))
    texts: dict[str, str | bytes] = {TABLE: csv_text(columns, rows)}
    return Export(texts, {photo.name: photo for photo in photos}, tuple(left_out))


def _bbox(photo: CataloguePhoto) -> str:
    """`[left, top, width, height]` in pixels; empty where no box is known."""
    if photo.box is None:
        return ""
    width_px, height_px = photo_size(photo_bytes(photo.path, name=photo.name), name=photo.name)
    left, top, right, bottom = photo.box
    sides = (
        *(left * width_px, top * height_px),
        *((right - left) * width_px, (bottom - top) * height_px),
    )
    return f"[{', '.join(repr(float(side)) for side in sides)}]"
