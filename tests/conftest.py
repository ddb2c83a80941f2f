"""What every test may ask for: seeded randomness, unit vectors at known angles, the real photographs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

# One thread a library: tests share two cores with each other, and sums then come in one order.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402
import pytest  # noqa: E402

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture
def rng() -> np.random.Generator:
    """The one source of randomness in tests."""
    return np.random.default_rng(20180601)


@pytest.fixture
def at() -> Callable[..., np.ndarray]:
    """2-D float32 unit vectors at the given angles: the distance between at(0) and at(60) is 0.5."""

    def _at(*degrees: float) -> np.ndarray:
        radians = np.radians(np.asarray(degrees, np.float64))
        return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)

    return _at


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real photographs beside the checkout; the test skips, with this reason, without it."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"the real photographs are not at {SHARED / 'data'}")
    return SHARED
