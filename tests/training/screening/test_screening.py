"""training/screening: pictures of other things are drawn by a seed, and a head is fitted to vectors
and written into the checkpoint.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from embedding.checkpoint import CheckpointHeader, fingerprint_of, save_checkpoint
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.photo import Box
from embedding.photos.preprocessing import Preprocessing
from embedding.screening import Screening
from flukeprint import build_app
from training.screening.drawings import KINDS, draw
from training.screening.fit import BadExamples, Examples, fit_screening
from training.screening.vectors import largest_background

DIMENSION = 12


def around(axis: int, count: int, seed: int) -> np.ndarray:
    """Unit vectors near one axis."""
    rng = np.random.default_rng(seed)
    rows = np.eye(DIMENSION)[axis] + 0.15 * rng.standard_normal((count, DIMENSION))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def examples() -> Examples:
    """Flukes at axis 0, turned ones at 1 to 3, heads at 4 whichever way up, other things beyond."""
    return Examples(
        animals={"fluke": around(0, 200, 0), "head": around(4, 200, 1)},
        held_out={"fluke": around(0, 100, 2), "head": around(4, 100, 3)},
        turned={"fluke": [around(axis, 100, axis + 10) for axis in (1, 2, 3)]},
        any_way_up={"head": around(4, 100, 20)},
        others={"dog": around(6, 100, 30), "text": around(7, 100, 31)},
    )


@pytest.fixture(scope="module")
def head(examples: Examples) -> Screening:
    return fit_screening(examples, seed=1)


def test_a_head_tells_animals_from_other_things_and_finds_turned_ones(head: Screening) -> None:
    flukes, dogs = head.animal_scores(around(0, 50, 90)), head.animal_scores(around(6, 50, 91))
    assert flukes.min() > dogs.max()
    assert (flukes >= head.animal_threshold).mean() > 0.9
    assert (dogs < head.animal_threshold).all()
    for turns in (1, 2, 3):
        found = head.quarter_turns(around(turns, 50, 92))
        assert (found == turns).mean() > 0.9
    assert (head.quarter_turns(around(0, 50, 93)) == 0).mean() > 0.9
    assert (head.quarter_turns(around(4, 50, 94)) == 0).mean() > 0.9


def test_the_same_examples_and_seed_make_the_same_head(examples: Examples, head: Screening) -> None:
    again = fit_screening(examples, seed=1)
    for name, values in head.tensors().items():
        np.testing.assert_array_equal(values, again.tensors()[name])


def test_no_species_is_refused_more_than_it_may_be(examples: Examples) -> None:
    """Four of 2,100 held-out photos are no fluke: among all they would decide nothing."""
    few = np.concatenate([around(0, 96, 2), around(6, 4, 5)])
    held_out = {"fluke": few, "head": around(4, 2000, 3)}
    head = fit_screening(replace(examples, held_out=held_out), seed=1)
    lowest = np.sort(head.animal_scores(few))
    assert lowest[0] <= head.animal_threshold < lowest[1]
    together = np.quantile(head.animal_scores(np.concatenate(list(held_out.values()))), 0.0025)
    assert head.animal_threshold < together


def test_too_few_examples_are_refused(examples: Examples) -> None:
    with pytest.raises(BadExamples, match="needs photos of animals"):
        fit_screening(replace(examples, others={}))
    with pytest.raises(BadExamples, match="fluke has 3 photos to set the thresholds by"):
        fit_screening(replace(examples, held_out={"fluke": around(0, 3, 0)}))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_drawn_by_its_seed(kind: str) -> None:
    one, same, other = (draw(kind, np.random.default_rng(seed)) for seed in (4, 4, 5))
    assert one.mode == "RGB" and one.size == same.size
    assert one.tobytes() == same.tobytes() != other.tobytes()


def test_the_background_is_the_largest_piece_without_the_animal() -> None:
    assert largest_background(Box(0.1, 0.5, 0.9, 0.9)) == Box(0, 0, 1, 0.5)
    assert largest_background(Box(0.05, 0.05, 0.95, 0.95)) is None


def test_the_command_writes_a_head_and_keeps_the_fingerprint(tmp_path: Path) -> None:
    torch.manual_seed(3)
    config = NetworkConfig("test_resnet", embedding_dim=8)
    bare = tmp_path / "bare.safetensors"
    save_checkpoint(
        bare,
        Network(config).state_dict(),
        CheckpointHeader(config.to_dict(), Preprocessing(32, 32), {"name": "tiny"}),
    )
    photos, others = tmp_path / "photos", tmp_path / "other" / "photos"
    photos.mkdir()
    others.mkdir(parents=True)
    rng = np.random.default_rng(6)
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "label", "box"])
        for at in range(120):
            pixels = rng.integers(0, 90, (16, 24, 3), np.uint8)
            pixels[:8, :, 0] += 120  # animals are red above
            Image.fromarray(pixels).save(photos / f"{at}.png")
            rows.writerow([f"{at}.png", f"w_{at // 3}", "0.1 0.5 0.9 0.9" if at % 2 else ""])
    for at in range(20):
        Image.fromarray(rng.integers(90, 255, (20, 20, 3), np.uint8)).save(others / f"{at}.png")
    out = tmp_path / "with-head.safetensors"
    arguments = ["train-screening", "--csv", str(tmp_path / "labels.csv"), "--photos", str(photos)]
    arguments += ["--others", str(others), "--checkpoint", str(bare), "--out", str(out)]
    result = CliRunner().invoke(build_app(), [*arguments, "--drawn", "50"])
    assert result.exit_code == 0, result.output
    assert "other:" in result.stdout and "animal:" in result.stdout
    assert Screening.load(out) is not None
    assert fingerprint_of(out) == fingerprint_of(bare)
    assert (tmp_path / "with-head.vectors" / "drawn-text.npy").exists()

    another = CliRunner().invoke(build_app(), [*arguments, "--drawn", "60"])
    assert "empty folder for --vectors" in str(another.exception)
