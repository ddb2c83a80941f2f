"""What one process does, and what two do under torchrun, so that tests can compare them.

torchrun --nproc-per-node 2 tests/training/distributed/pair.py FOLDER WHALES
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from index.labels.reader import read_labels
from training.distributed.batch_statistics import share_batch_statistics
from training.distributed.world import World, enter_world
from training.learning.losses import WeightedLosses
from training.learning.resume import Position, load_state, save_state
from training.learning.sharded_head import shard_classes
from training.recipes.choices import LossChoices
from training.recipes.reading import read_recipe
from training.run import loop
from training.run.run import RunOptions

CLASSES = 10
KNOWN = torch.tensor([True, True, True, False, True] * 2)  # in the first of three steps
HEADS = (
    LossChoices(kind="arcface", scale=8.0, dynamic_margin=True, class_weights="inverse"),
    LossChoices(kind="subcenter_arcface", scale=8.0, margin_degrees=40.0, sub_centers=3),
    LossChoices(kind="softmax", scale=8.0, smoothing=0.2),
)
# Batch statistics and random changes of photos are those of the recipe: batch norms, BNNeck, pose,
# light and colour.
RECIPE = (
    *("network.backbone=test_resnet", "network.embedding_dim=16", "batches.individuals=6"),
    "compute.shard_classes_above=5",
)


def step_gradients(world: World) -> dict[str, Any]:
    """Two steps of a small network on fixed rows; the loss, the gradients and what this process was
    given.
    """
    torch.manual_seed(1)
    network = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 4))
    terms = [LossChoices(kind="arcface", scale=8.0), LossChoices(kind="triplet", margin=0.3)]
    losses = WeightedLosses(
        terms, dimension=4, photos_of_identity=np.array([4, 4, 4, 4]), twin_shift=2
    )
    if world.size > 1:
        share_batch_statistics(network)
    wrapped = world.wrap(network)
    optimiser = torch.optim.SGD([*network.parameters(), *losses.parameters()], lr=0.1)
    found: dict[str, Any] = {"losses": [], "gradients": []}
    for step in range(2):
        pixels, identities = _rows(step, [-1, 0, 1, 2, 3])
        mine = world.part(12)
        found["rows"] = identities[mine].tolist()
        embeddings = world.gather(wrapped(pixels[mine]))
        loss = losses(embeddings, world.gather(identities[mine]))
        optimiser.zero_grad()
        loss.backward()
        found["losses"].append(loss.item())
        weights = [*network.parameters(), *losses.parameters()]
        found["gradients"].append(
            [each.grad.flatten().tolist() for each in weights if each.grad is not None]
        )
        optimiser.step()
    found["statistics"] = [each.float().flatten().tolist() for each in network.buffers()]
    found["agreed"] = world.broadcast(7.0 + world.rank)
    return found


def head_steps(world: World, choices: LossChoices, path: Path) -> dict[str, Any]:
    """Three steps of a head whose class weights are divided, and its state, written to `path`.

    The first step knows some classes only. `is_same` says whether the state was read as written.
    """
    network, losses, optimiser = _head(world, choices)
    wrapped, found = world.wrap(network), list[float]()
    for step in range(3):
        known = torch.nonzero(KNOWN).flatten().tolist() if step == 0 else range(CLASSES)
        losses.restrict_classes(KNOWN if step == 0 else None)
        pixels, identities = _rows(step, [-1, *known])
        mine = world.part(12)
        embeddings = world.gather(wrapped(pixels[mine]))
        loss = losses(embeddings, world.gather(identities[mine]))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        found.append(loss.item())
    modules = {"network": network, "losses": losses}
    save_state(path if world.is_first else None, Position(), modules, optimiser, "d")
    world.wait()
    again, other, anew = _head(world, choices)
    load_state(path, {"network": again, "losses": other}, anew, "d")
    before, after = _numbers(losses, optimiser), _numbers(other, anew)
    is_same = all(torch.equal(*pair) for pair in zip(before, after, strict=True))
    sizes = [each.numel() for each in losses.parameters()]
    return {"losses": found, "is_same": is_same, "sizes": sizes}


def _head(
    world: World, choices: LossChoices
) -> tuple[nn.Module, WeightedLosses, torch.optim.Optimizer]:
    torch.manual_seed(2)
    network = nn.Linear(6, 4)
    counts = np.arange(1, CLASSES + 1)
    losses = WeightedLosses(
        [choices], dimension=4, photos_of_identity=counts, twin_shift=CLASSES // 2
    )
    assert shard_classes(losses, world, CLASSES - 1) or world.size == 1
    weights = [*network.parameters(), *losses.parameters()]
    return network, losses, torch.optim.AdamW(weights, lr=0.05)


def _numbers(losses: WeightedLosses, optimiser: torch.optim.Optimizer) -> list[torch.Tensor]:
    slots = optimiser.state_dict()["state"].values()
    return [*losses.parameters(), *(slot[name] for slot in slots for name in sorted(slot))]


def _rows(step: int, identities: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Thirteen rows (13, 6) and their identities (13,), of which two processes share twelve."""
    pixels = torch.randn(13, 6, generator=torch.Generator().manual_seed(step))
    return pixels, torch.tensor([identities[at % len(identities)] for at in range(13)])


def main() -> None:
    folder, whale_folder = Path(sys.argv[1]), Path(sys.argv[2])
    world = enter_world("cpu")
    found = step_gradients(world)
    found["heads"] = [
        head_steps(world, choices, folder / f"{choices.kind}.safetensors") for choices in HEADS
    ]
    (folder / f"{world.rank}.json").write_text(json.dumps(found))
    recipe = read_recipe("tiny", list(RECIPE))
    labels = read_labels(whale_folder / "labels.csv", whale_folder)
    loop.train(recipe, labels.photos, folder / "run", RunOptions(cache=folder / "cache"))


if __name__ == "__main__":
    main()
