"""training/learning/distributed.py: two real processes learn as one; nothing here is a stub."""

from __future__ import annotations

import csv
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from embedding.checkpoint import load_weights
from index.labels.reader import LabelledPhoto
from training.learning.batches import Batches
from training.learning.distributed import World, enter_world
from training.learning.losses import WeightedLosses
from training.recipes.choices import BadRecipe, BatchChoices, LossChoices, Recipe
from training.run.loop import train
from training.run.run import RunOptions

ALONE = World(0, 1, torch.device("cpu"))
ROOT = Path(__file__).resolve().parents[3]

# No batch statistics (a ConvNeXt without BNNeck) and no random draws: then two processes must learn
# what one learns. The ConvNeXt also has weights that the embedding never uses.
SAME_ALONE = (
    "network.backbone=test_convnext",
    "network.embedding_dim=0",
    "optimiser.kind=sgd",
    "optimiser.rate=0.01",
    "augmentation.rotation_degrees=0",
    "augmentation.shift=0",
    "augmentation.zoom=[1.0, 1.0]",
    "augmentation.shear_degrees=0",
    "augmentation.brightness=0",
    "augmentation.contrast=0",
    "augmentation.saturation=0",
    "augmentation.hue=0",
    "augmentation.gray_share=0",
)


def step_gradients(world: World) -> dict[str, Any]:
    """Two steps of a small network on fixed rows; the loss, the gradients and what this process was
    given.
    """
    torch.manual_seed(1)
    network = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 4))
    terms = [LossChoices(kind="arcface", scale=8.0), LossChoices(kind="triplet", margin=0.3)]
    losses = WeightedLosses(
        terms, dimension=4, photos_of_identity=np.array([4, 4, 4, 4]), twin_shift=2
    )
    wrapped = world.wrap(network)
    optimiser = torch.optim.SGD([*network.parameters(), *losses.parameters()], lr=0.1)
    found: dict[str, Any] = {"losses": [], "gradients": []}
    for step in range(2):
        generator = torch.Generator().manual_seed(step)
        pixels, identities = torch.randn(13, 6, generator=generator), torch.arange(13) % 5 - 1
        mine = world.part(12)
        found["rows"] = identities[mine].tolist()
        embeddings = world.gather(wrapped(pixels[mine]))
        loss = losses(embeddings, world.gather(identities[mine].float()).long())
        optimiser.zero_grad()
        loss.backward()
        found["losses"].append(loss.item())
        weights = [*network.parameters(), *losses.parameters()]
        found["gradients"].append(
            [each.grad.flatten().tolist() for each in weights if each.grad is not None]
        )
        optimiser.step()
    found["agreed"] = world.broadcast(7.0 + world.rank)
    return found


def test_alone_a_process_does_everything() -> None:
    assert ALONE.is_first and not World(1, 2, ALONE.device).is_first
    assert list(range(7))[ALONE.part(7)] == list(range(7))
    assert ALONE.broadcast(0.25) == 0.25
    rows = torch.rand(3, 2)
    assert ALONE.gather(rows) is rows
    ALONE.wait()


def test_parts_are_alike_and_leave_a_remainder_out() -> None:
    parts = [list(range(14))[World(rank, 3, ALONE.device).part(14)] for rank in range(3)]
    assert parts == [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]]


def test_every_process_sees_every_individual_of_a_batch() -> None:
    labels = [f"w{at % 6}" for at in range(24)]
    rows = next(Batches(labels, BatchChoices(individuals=6, photos_each=2), 0).epoch(0))
    parts = [
        set(rows[World(rank, 2, ALONE.device).part(len(rows))].identities) for rank in range(2)
    ]
    assert parts[0] == parts[1] == set(rows.identities)


@pytest.mark.parametrize("device", ["abacus", "cpu:x"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    with pytest.raises(BadRecipe, match=f"compute.device = '{device}'"):
        enter_world(device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_gpu_auto_is_the_cpu_and_cuda_is_refused() -> None:
    assert enter_world("auto") == ALONE
    with pytest.raises(BadRecipe, match=r"compute\.device = 'cuda': "):
        enter_world("cuda")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, whale_folder: Path) -> Path:
    """What two processes under torchrun left: a file of gradients each, and a run."""
    folder = tmp_path_factory.mktemp("pair")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launch = ("--nproc-per-node", "2", "--master-addr", "127.0.0.1", "--master-port", str(port))
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            *launch,
            __file__,
            str(folder),
            str(whale_folder),
        ],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


def test_two_processes_have_the_loss_and_gradients_of_one(pair: Path) -> None:
    both = [json.loads((pair / f"{rank}.json").read_text()) for rank in range(2)]
    alone = step_gradients(ALONE)
    assert sorted(both[0]["rows"] + both[1]["rows"]) == sorted(alone["rows"])
    assert (
        both[0]["gradients"] == both[1]["gradients"]
    )  # to the last bit, or the two would drift apart
    np.testing.assert_allclose(both[0]["losses"], alone["losses"], rtol=1e-5)
    for found, wanted in zip(both[0]["gradients"], alone["gradients"], strict=True):
        for left, right in zip(found, wanted, strict=True):
            np.testing.assert_allclose(left, right, atol=1e-5)


def test_all_processes_go_by_what_the_first_says(pair: Path) -> None:
    assert [json.loads((pair / f"{rank}.json").read_text())["agreed"] for rank in range(2)] == [
        7.0,
        7.0,
    ]


def test_a_run_of_two_processes_is_the_run_of_one(
    pair: Path,
    whales: list[LabelledPhoto],
    fast: Callable[..., Recipe],
    pixel_cache: Path,
    tmp_path: Path,
) -> None:
    best = train(fast(*SAME_ALONE), whales, tmp_path / "alone", RunOptions(cache=pixel_cache))
    rows: list[list[dict[str, str]]] = []
    for out in (pair / "run", tmp_path / "alone"):
        with (out / "metrics.csv").open(newline="") as file:
            rows.append(list(csv.DictReader(file)))
    assert len(rows[0]) == len(rows[1]) == 2
    for left, right in zip(*rows, strict=True):
        assert float(left["loss"]) == pytest.approx(float(right["loss"]), rel=1e-4)
        assert float(left["score"]) == pytest.approx(float(right["score"]), abs=0.02)
    weights = load_weights(best)
    for name, value in load_weights(pair / "run" / "best.safetensors").items():
        torch.testing.assert_close(value, weights[name], atol=2e-3, rtol=2e-3)
    assert {path.name for path in (pair / "run").iterdir()} == {
        path.name for path in (tmp_path / "alone").iterdir()
    }


def main() -> None:
    """Run under torchrun by the `pair` fixture."""
    from index.labels.reader import read_labels
    from training.recipes.reading import read_recipe

    folder, whale_folder = Path(sys.argv[1]), Path(sys.argv[2])
    world = enter_world("cpu")
    (folder / f"{world.rank}.json").write_text(json.dumps(step_gradients(world)))
    recipe = read_recipe("tiny", ["batches.individuals=6", *SAME_ALONE])
    labels = read_labels(whale_folder / "labels.csv", whale_folder)
    train(recipe, labels.photos, folder / "run", RunOptions(cache=folder / "cache"))


if __name__ == "__main__":
    main()
