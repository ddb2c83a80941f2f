"""Kinds that differ in colour, some of each kind in encounters, and a run that has learned them."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from index.labels.reader import LabelledPhoto, read_labels
from training.classification.train_classes import train_kinds
from training.recipes.choices import Recipe
from training.recipes.reading import read_recipe
from training.run.run import RunOptions

COLOURS = {"bumble": (200, 60, 60), "honey": (60, 200, 60), "wasp": (60, 60, 200)}
QUICK = (
    "network.backbone=test_resnet",
    "network.weights=random",
    "network.member=0",
    "network.stride=0",
    "network.embedding_dim=8",
    "network.backbone_options={}",
    "network.drop_path=0.0",
    "input.width_px=32",
    "input.height_px=32",
    "batches.individuals=12",
    "schedule.epochs=2",
    "schedule.validate_every_epochs=1",
    "compute.precision=float32",
    "compute.device=cpu",
)


@pytest.fixture(scope="session")
def kind_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve photos of each of three kinds, noisy and of overlapping colours, and two of new_whale;
    `labels.csv`.
    """
    folder = tmp_path_factory.mktemp("kinds")
    rng = np.random.default_rng(7)
    rows: list[tuple[str, str]] = [("new_0.png", "new_whale"), ("new_1.png", "new_whale")]
    rows += [(f"{kind}_{at:02}.png", kind) for kind in COLOURS for at in range(12)]
    for name, kind in rows:
        colour = np.array(COLOURS.get(kind, (128, 128, 128)))
        pixels = rng.normal(0, 30, (24, 24, 3)) + rng.normal(0, 25, 3) + colour
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / name)
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("image", "label"), *rows])
    return folder


@pytest.fixture(scope="session")
def kinds(kind_folder: Path) -> list[LabelledPhoto]:
    return list(read_labels(kind_folder / "labels.csv", kind_folder).photos)


@pytest.fixture(scope="session")
def quick() -> Callable[..., Recipe]:
    """The shipped recipe, made a matter of seconds."""
    return lambda *overrides: read_recipe("classify", [*QUICK, *overrides])


@pytest.fixture(scope="session")
def learned(
    kinds: list[LabelledPhoto],
    quick: Callable[..., Recipe],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The folder of a finished run."""
    out = tmp_path_factory.mktemp("learned") / "run"
    train_kinds(quick(), kinds, out, RunOptions(cache=out.parent / "cache"))
    return out
