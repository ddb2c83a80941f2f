"""Contact sheets: a label's photos on one page, for a person to see whether it is one animal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from embedding.checkpoint import write_atomically
from embedding.explanation.heatmap import Tile, png_bytes, tiled
from embedding.photos.photo import BadPhoto, Image, read_photo, thumbnail, to_array
from index.labels.csv_labels import list_some
from index.labels.reader import NEW_WHALE, BadLabels, LabelledPhoto
from training.data.explore import photos_per_label

_TILE_PX, _COLUMNS, _MOST = 200, 6, 24


def labels_for_sheets(
    photos: Sequence[LabelledPhoto], count: int, named: Sequence[str]
) -> list[str]:
    """Choose the labels that get a sheet: the named ones, then the most photographed.

    Raises BadLabels.
    """
    per_label = list(photos_per_label(photos))
    known = {photo.individual or NEW_WHALE for photo in photos}
    absent = [name for name in named if name not in known]
    if absent:
        raise BadLabels(f"--label {absent[0]}: no photo has it; there are {list_some(per_label)}")
    return list(dict.fromkeys([*named, *per_label[:count]]))


def draw_sheet(label: str, photos: Sequence[LabelledPhoto], path: Path) -> Image:
    """Draw a label's photos with their names; returns the sheet.

    Of many photos 24 are drawn, spread evenly over time and names.
    """
    own = [photo for photo in photos if (photo.individual or NEW_WHALE) == label]
    own.sort(key=lambda photo: (photo.taken_at or "", photo.name))
    at: list[int] = np.linspace(0, len(own) - 1, min(_MOST, len(own))).round().astype(int).tolist()
    tiles = [tile for tile in (_tile(own[each]) for each in at) if tile is not None]
    heading = f"{label}: {len(own):,} photo{'' if len(own) == 1 else 's'}"
    heading += f", {len(tiles)} of them shown" if len(tiles) < len(own) else ""
    sheet = tiled(
        [tiles[start : start + _COLUMNS] for start in range(0, len(tiles), _COLUMNS)], heading
    )
    write_atomically(path, png_bytes(sheet))
    return sheet


def _tile(photo: LabelledPhoto) -> Tile | None:
    try:
        image = thumbnail(read_photo(photo.path, name=photo.name, at_least_px=_TILE_PX), _TILE_PX)
    except BadPhoto:
        return None
    return Tile(to_array(image), (photo.name, *([photo.taken_at] if photo.taken_at else [])))
