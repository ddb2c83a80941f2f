"""Striped whales: small synthetic photos of which every individual has colours of its own, and
recipes for them.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from index.labels.reader import LabelledPhoto, read_labels
from training.evaluation.queries import LabelledVectors
from training.recipes.choices import Recipe
from training.recipes.reading import read_recipe
from training.splits.protocol import make_split

ROOT = Path(__file__).resolve().parents[2]

# Seconds, not minutes: a network of 0.4 million weights, and few photos a batch.
FAST = ("network.backbone=test_resnet", "network.embedding_dim=16", "batches.individuals=6")


def striped(individual: int, photo: int) -> Image.Image:
    """A 48 x 32 px photo: two colours and a period per individual, a shift and noise per photo."""
    colours = np.random.default_rng([individual, 1]).integers(0, 256, (2, 3))
    rng = np.random.default_rng([individual, photo, 2])
    at = (np.arange(48) + rng.integers(0, 6)) // (3 + individual % 5) % 2
    pixels = np.broadcast_to(colours[at][None], (32, 48, 3)) + rng.normal(0, 12, (32, 48, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="session")
def whale_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 individuals of 2 to 5 photos and 12 new whales, 82 photos, with `labels.csv` beside
    them.
    """
    folder = tmp_path_factory.mktemp("whales")
    rows: list[tuple[str, str]] = []
    for individual in range(20):
        for photo in range(2 + individual % 4):
            rows.append((f"w{individual:02}_{photo}.png", f"w{individual:02}"))
            striped(individual, photo).save(folder / rows[-1][0])
    for photo in range(12):
        rows.append((f"new_{photo:02}.png", "new_whale"))
        striped(100 + photo, 0).save(folder / rows[-1][0])
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("Image", "Id"), *rows])
    return folder


@pytest.fixture(scope="session")
def whales(whale_folder: Path) -> list[LabelledPhoto]:
    return list(read_labels(whale_folder / "labels.csv", whale_folder).photos)


@pytest.fixture
def herd(rng: np.random.Generator) -> LabelledVectors:
    """60 individuals of 4 photos each as random clusters in 16 dimensions, and 150 new whales,
    split by seed 0.
    """
    centres = np.repeat(rng.normal(size=(60, 16)), 4, axis=0)
    rows = np.concatenate(
        [centres + 0.55 * rng.normal(size=centres.shape), rng.normal(size=(150, 16))]
    )
    names = [f"w{row // 4:02}_{row % 4}" for row in range(240)] + [
        f"new_{row:03}" for row in range(150)
    ]
    photos = [
        LabelledPhoto(name, Path(name), None if name[0] == "n" else name[:3]) for name in names
    ]
    vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return LabelledVectors(vectors, photos, make_split(photos, 0))


@pytest.fixture(scope="session")
def pixel_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder of decoded photos for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def fast() -> Callable[..., Recipe]:
    """The recipe `tiny` with a still smaller network, and overrides `section.key=value`."""

    def _fast(*overrides: str) -> Recipe:
        return read_recipe("tiny", [*FAST, *overrides])

    return _fast


@pytest.fixture
def fast_options() -> list[str]:
    """What makes the command's `tiny` the same recipe as `fast()`."""
    return [part for override in FAST for part in ("--set", override)]


@pytest.fixture
def start_python() -> Callable[..., subprocess.Popen[str]]:
    """Start this Python, with the given arguments, in the repository's root."""

    def _start(*arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return _start
