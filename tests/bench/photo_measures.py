"""Quality and size of photos' animals, measured once and kept, for match_features.py."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from embedding.embedder import Embedder
from embedding.photos.box import WHOLE
from embedding.photos.photo import read_photo
from embedding.photos.quality_measures import quality_of

_AT_ONCE = 16


def measured(paths: Sequence[Path], kept: Path) -> np.ndarray:
    """Measure photos in the boxes that the locator finds: (n, 4).

    The columns are the score of quality, sharpness, light, and the shorter side of the box in px.
    """
    if kept.exists():
        stored = np.load(kept, allow_pickle=False)
        row_of = {str(name): row for row, name in enumerate(stored["photo"])}
        return stored["measures"][[row_of[path.name] for path in paths]]
    embedder = Embedder.load()
    rows: list[list[float]] = []
    for start in range(0, len(paths), _AT_ONCE):
        images = [read_photo(path) for path in paths[start : start + _AT_ONCE]]
        for image, box in zip(images, embedder.located(images, [None] * len(images)), strict=True):
            seen, found = box or WHOLE, quality_of(image, box)
            width = (seen.right - seen.left) * image.width
            height = (seen.bottom - seen.top) * image.height
            rows.append([found.score, found.sharpness, found.light, min(width, height)])
    content = io.BytesIO()
    np.savez(content, photo=np.array([path.name for path in paths]), measures=np.array(rows))
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(content.getvalue())
    return np.array(rows)
