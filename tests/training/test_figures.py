"""training/figures.py: pictures of an evaluation that show what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from index.labels import LabelledPhoto
from training.evaluation import Answers, answers_of
from training.figures import draw_cmc, draw_det, draw_sheets
from training.splits import Split, make_split

QUERIES = 12  # at most, on a sheet


def drawn(path: Path) -> tuple[tuple[int, int], np.ndarray]:
    """The picture's size and pixels; fails for anything but a whole PNG."""
    with Image.open(path) as picture:
        picture.load()
        assert picture.format == "PNG"
        return picture.size, np.asarray(picture.convert("RGB"))


@pytest.fixture(scope="module")
def split(whales: list[LabelledPhoto]) -> Split:
    return make_split(whales)


def answers(whales: list[LabelledPhoto], split: Split, noise: float) -> Answers:
    """Vectors near their individual's own direction; the noise makes misses."""
    rng = np.random.default_rng(8)
    individuals = [photo.individual or photo.name for photo in whales]
    ids = sorted(set(individuals))
    directions = rng.normal(size=(len(ids), 16))
    vectors = directions[[ids.index(one) for one in individuals]] + noise * rng.normal(size=(len(whales), 16))
    return answers_of((vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), whales, split)


def test_det_and_cmc_are_curves_on_white(whales: list[LabelledPhoto], split: Split, tmp_path: Path) -> None:
    found = answers(whales, split, 1.0)
    draw_det(found, tmp_path / "det.png", "whales")
    draw_cmc(found, tmp_path / "cmc.png", "whales")
    for name in ("det.png", "cmc.png"):
        size, pixels = drawn(tmp_path / name)
        assert size == (600, 500)
        assert (pixels == 255).all(axis=2).mean() > 0.5
        assert (np.ptp(pixels.astype(int), axis=2) > 60).sum() > 200  # a coloured line


def test_sheets_show_hits_in_pairs_and_misses_in_threes(
    whales: list[LabelledPhoto], split: Split, tmp_path: Path
) -> None:
    found = answers(whales, split, 1.0)
    hits, misses = int((found.known_ranks == 1).sum()), int((found.known_ranks > 1).sum())
    assert hits and misses
    draw_sheets(found, whales, tmp_path)
    for name, count, tiles in (("hits.png", hits, 2), ("misses.png", misses, 3)):
        size, _ = drawn(tmp_path / name)
        lines = -(-min(count, QUERIES) // 2)
        assert size == (2 * tiles * 220, lines * 160)


def test_a_sheet_shows_the_photos_themselves(whales: list[LabelledPhoto], split: Split, tmp_path: Path) -> None:
    found = answers(whales, split, 0.1)
    draw_sheets(found, whales, tmp_path)
    _, pixels = drawn(tmp_path / "hits.png")
    first = int(np.argsort(found.known_distances, kind="stable")[0])
    with Image.open(next(p.path for p in whales if p.name == found.known_photos[first].name)) as image:
        colour = np.asarray(image.convert("RGB")).reshape(-1, 3).astype(int)
    left_top = pixels[:160, :220].reshape(-1, 3).astype(int)
    stripe = np.median(colour[np.abs(colour - colour[0]).sum(axis=1) < 90], axis=0)
    assert (np.abs(left_top - stripe).sum(axis=1) < 40).sum() > 500


def test_without_misses_there_is_no_sheet_of_them(whales: list[LabelledPhoto], split: Split, tmp_path: Path) -> None:
    draw_sheets(answers(whales, split, 0.01), whales, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["hits.png"]
