"""What a step of training keeps in memory, and how long it takes, by the choices of [compute].

    python -m tests.bench.training_memory humpback-2018 --photos 32 --micro-batch 8

Pixels are random, because neither depends on them. Times are CPU seconds, as ratios to the recipe's
own choices in the same run; the first step of each is left out.
"""

from __future__ import annotations

import argparse
import time

import torch
from torch import Tensor, nn

from training.learning.first_weights import start_network
from training.recipes.reading import read_recipe


def step(network: nn.Module, images: Tensor, micro_batch: int) -> int:
    """One forward and backward pass; returns the most bytes kept for the backward pass at once."""
    weights = {weight.data_ptr() for weight in network.parameters()}
    most = 0
    for part in images.split(micro_batch or len(images)):
        kept: dict[int, int] = {}

        def keep(values: Tensor, kept: dict[int, int] = kept) -> Tensor:
            if values.data_ptr() not in weights:
                kept[values.data_ptr()] = values.untyped_storage().nbytes()
            return values

        if micro_batch:
            with torch.no_grad():  # the pass whose embeddings are compared
                network(part)
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda values: values):
            embeddings = network(part)
        most = max(most, sum(kept.values()))
        embeddings.square().sum().backward()
    return most


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe")
    parser.add_argument("--photos", type=int, default=32)
    parser.add_argument("--micro-batch", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    recipe = read_recipe(options.recipe, ["network.weights=random"])
    shape = (options.photos, 3, recipe.input.height_px, recipe.input.width_px)
    images = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    own_seconds = None
    size = f"{shape[3]} x {shape[2]} px"
    print(f"{recipe.name}: {recipe.network.backbone}, {options.photos} photos of {size}")
    for name, micro_batch, is_recomputed in (
        ("the recipe's own", 0, False),
        (f"micro_batch = {options.micro_batch}", options.micro_batch, False),
        ("checkpointing = true", 0, True),
        ("both", options.micro_batch, True),
    ):
        torch.manual_seed(0)
        network = start_network(recipe.network).train()
        if is_recomputed:
            network.backbone.set_grad_checkpointing(True)
        most = step(network, images, micro_batch)
        seconds = min(_seconds(network, images, micro_batch) for _ in range(options.repeats))
        own_seconds = own_seconds or seconds
        print(f"{name:24} {most / 1e6:8.0f} MB kept {seconds / own_seconds:6.2f} x the time")


def _seconds(network: nn.Module, images: Tensor, micro_batch: int) -> float:
    began = time.process_time()
    step(network, images, micro_batch)
    return time.process_time() - began


if __name__ == "__main__":
    main()
