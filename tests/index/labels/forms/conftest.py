"""A folder of photos, and label tables beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from index.tables.workbooks import write_workbook

WriteTable = Callable[[Sequence[str], Sequence[Sequence[object]]], Path]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Four photos of 240 x 160 pixels."""
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    for number, name in enumerate(("a.jpg", "b.jpg", "c.jpg", "sub/d.jpg")):
        cells = np.random.default_rng(number).integers(0, 256, (160, 240, 3), np.uint8)
        Image.fromarray(cells).save(folder / name)
    return folder


@pytest.fixture
def workbook(photos: Path) -> WriteTable:
    """Write a workbook beside the photos."""

    def write(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
        (photos / "table.xlsx").write_bytes(write_workbook(columns, rows))
        return photos / "table.xlsx"

    return write
