from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.classification.figures import draw_confusion, draw_curves_of_kinds, draw_reliability


@pytest.mark.parametrize("count", [2, 3, 20])
def test_curves_and_confusion_are_drawn_of_few_kinds_and_of_many(
    count: int, tmp_path: Path, rng: np.random.Generator
) -> None:
    kinds = np.arange(5 * count) % count
    raw = rng.random((len(kinds), count)) + np.eye(count)[kinds]
    names = [f"kind {at}" for at in range(count)]
    draw_curves_of_kinds(raw / raw.sum(1, keepdims=True), kinds, names, tmp_path / "curves.png")
    draw_confusion(np.eye(count, dtype=np.int64) * 5, names, tmp_path / "confusion.png")
    for name, is_wide in (("curves.png", True), ("confusion.png", False)):
        with Image.open(tmp_path / name) as drawn:
            assert (drawn.width > 1.5 * drawn.height) is is_wide
            assert len(drawn.convert("RGB").getcolors(1 << 24) or ()) > 20


def test_reliability_is_drawn(tmp_path: Path) -> None:
    bins = [
        {"stated": 0.65, "right": 0.5, "photos": 4},
        {"stated": 1.0, "right": 0.9, "photos": 20},
    ]
    draw_reliability(bins, 0.08, tmp_path / "reliability.png")
    with Image.open(tmp_path / "reliability.png") as drawn:
        assert len(drawn.convert("RGB").getcolors(1 << 24) or ()) > 20
