from __future__ import annotations

import numpy as np
import pytest

from demo.anatomy import HEIGHT_PX, LEFT, PX_PER_UNIT, TOP, WIDTH_PX, Individual
from demo.photograph import photograph
from demo.pose import Pose
from embedding.photos.photo import to_array

STEP = 6  # grid pixels to a cell when photos are laid back onto the flat fluke


def _laid_flat(individual: Individual, seed: int) -> np.ndarray:
    """Brightness of one photo, averaged over the cells of the flat fluke that its pixels came from;
    NaN unseen.
    """
    rng = np.random.default_rng(seed)
    pose = Pose.from_rng(rng)
    bright = to_array(photograph(individual, rng, pose=pose)).mean(axis=2)
    x, y = pose.on_fluke(450, 225)
    column = ((x - LEFT) * PX_PER_UNIT / STEP).astype(int)
    row = ((TOP - y) * PX_PER_UNIT / STEP).astype(int)
    shape = HEIGHT_PX // STEP, WIDTH_PX // STEP
    # Only the middle of the lobes, which every whale has and no water covers.
    on = (np.abs(x) > 0.1) & (np.abs(x) < 0.85) & (y > -0.2) & (y < 0.02)
    cells = row[on] * shape[1] + column[on]
    total = np.bincount(cells, bright[on], minlength=shape[0] * shape[1])
    count = np.bincount(cells, minlength=shape[0] * shape[1])
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _alike(one: np.ndarray, other: np.ndarray) -> float:
    both = ~np.isnan(one) & ~np.isnan(other)
    return float(np.corrcoef(one[both], other[both])[0, 1])


def test_the_same_whale_and_seed_are_the_same_photo() -> None:
    whale = Individual.from_seed(3)
    first, again, other = (photograph(whale, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(to_array(first), to_array(again))
    assert not np.array_equal(to_array(first), to_array(other))


@pytest.mark.parametrize(("width_px", "height_px"), [(450, 225), (300, 200), (900, 300)])
def test_a_photo_has_the_asked_size(
    rng: np.random.Generator, width_px: int, height_px: int
) -> None:
    photo = photograph(Individual.from_seed(1), rng, width_px, height_px)
    assert photo.size == (width_px, height_px)
    assert photo.mode == "RGB"


def test_photos_of_one_whale_are_nearer_to_each_other_than_to_other_whales() -> None:
    whales = [Individual.from_seed(seed) for seed in range(12)]
    flat = [[_laid_flat(whale, 100 * whale.seed + photo) for photo in range(3)] for whale in whales]
    same = [_alike(photos[0], photo) for photos in flat for photo in photos[1:]]
    others = [_alike(a[0], b[1]) for i, a in enumerate(flat) for j, b in enumerate(flat) if i != j]
    assert np.median(same) > np.median(others) + 0.25
    # Laid flat, most photos find their whale by plain correlation.
    found = [
        max(range(12), key=lambda other: _alike(photos[0], flat[other][1])) == number
        for number, photos in enumerate(flat)
    ]
    assert sum(found) >= 9


def test_light_and_water_vary_from_photo_to_photo(rng: np.random.Generator) -> None:
    whale = Individual.from_seed(5)
    photos = np.stack([to_array(photograph(whale, rng, 90, 45)) for _ in range(30)]).astype(float)
    assert photos.mean(axis=(1, 2, 3)).std() > 8
    grey = (photos.std(axis=3) < 1).all(axis=(1, 2))
    assert 1 <= grey.sum() <= 20
