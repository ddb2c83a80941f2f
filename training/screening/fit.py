"""Fit a screening head to unit vectors of animals, of turned animals, and of other things."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from embedding.errors import FlukeprintError
from embedding.screening import Layers, Screening

Floats = NDArray[np.float32]

REFUSED_SHARE = 0.0025
"""The share of held-out photos of animals that may score below the head's threshold: of all species
together, and of each. A species with few photos isn't paid for by the others."""
TURNED_SHARE = 0.02
"""The share of a species' held-out upright photos that may be taken for turned at first. Most of
them are left as they are, because no turn makes them upright (`Embedder.embed_upright`)."""
FEWEST_HELD_OUT = 20
BASIS = 36
"""How many axes of the vectors both networks see: the shipped file has room for so many."""

_HIDDEN = 64
_STEPS = 1200
_BATCH = 512
_RATE, _DECAY = 3e-3, 1e-3
_NOISE = 0.6  # added to each number, whose own size is about 1: it makes kinds not met before count
_LEAST_PROBABILITY = 0.05


class BadExamples(FlukeprintError):
    """Vectors too few to fit a screening head to."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Unit vectors (n, d) to learn from, by species or by kind.

    `animals` are of upright photos, and `held_out` others of the same species that set the
    thresholds. `turned` has for a species the vectors of photos that need 1, 2 and 3 quarter turns
    to the left. A species that is seen from above has `any_way_up` instead: its photos in all
    turns. `others` are of things that are no animal of the checkpoint.
    """

    animals: Mapping[str, Floats]
    held_out: Mapping[str, Floats]
    turned: Mapping[str, Sequence[Floats]]
    any_way_up: Mapping[str, Floats]
    others: Mapping[str, Floats]


def fit_screening(examples: Examples, seed: int = 0) -> Screening:
    """Fit both networks of a head: the same examples and seed, the same head.

    Every species counts the same, and so does every kind of other things. Raises BadExamples.
    """
    if not examples.animals or not examples.others:
        raise BadExamples("a screening head needs photos of animals, and of other things")
    for species, vectors in examples.held_out.items():
        if len(vectors) < FEWEST_HELD_OUT:
            raise BadExamples(
                f"{species} has {len(vectors)} photos to set the thresholds by; "
                f"{FEWEST_HELD_OUT} are needed"
            )
    animal = _network(_animal_groups(examples), 1, seed)
    turn = _network(_turn_groups(examples), 4, seed)
    rows = np.concatenate([*examples.animals.values(), *examples.others.values()])
    head = with_basis(Screening(_halved(animal), _halved(turn), 0.0, 0.0), rows)
    held_out = [np.concatenate(list(examples.held_out.values())), *examples.held_out.values()]
    lowest = min(float(np.quantile(head.animal_scores(own), REFUSED_SHARE)) for own in held_out)
    surest = max(
        float(np.quantile(_turn_probabilities(head, rows), 1 - TURNED_SHARE))
        for rows in examples.held_out.values()
    )
    surest = max(surest, _LEAST_PROBABILITY)
    return replace(head, animal_threshold=lowest, turn_probability=surest)


def with_basis(head: Screening, rows: Floats, rank: int = BASIS) -> Screening:
    """Bring the first layers down to products with `rank` common axes, so that the file is small.

    The axes are those by which the layers' outputs for typical vectors `rows` (n, d) change least.
    A head whose layers have no more rows than that stays as it is.
    """
    stacked = np.concatenate([head.animal[0][0], head.turn[0][0]]).astype(np.float64)
    if min(stacked.shape) <= rank:
        return head
    outputs = rows.astype(np.float64) @ stacked.T
    _, axes = np.linalg.eigh(outputs.T @ outputs)
    kept = axes[:, -rank:]  # (outputs, rank)
    basis = kept.T @ stacked
    split = len(head.animal[0][0])
    first = [(kept[:split], head.animal[0][1]), (kept[split:], head.turn[0][1])]
    small = [(weight.astype(np.float16).astype(np.float32), bias) for weight, bias in first]
    return replace(
        head,
        animal=(small[0], *head.animal[1:]),
        turn=(small[1], *head.turn[1:]),
        basis=basis.astype(np.float16).astype(np.float32),
    )


def _animal_groups(examples: Examples) -> list[tuple[Floats, int, float]]:
    """Vectors, their class, and the weight of the group."""
    animals, others = len(examples.animals), len(examples.others)
    return [
        *((rows, 1, 1 / animals) for rows in examples.animals.values()),
        *((rows, 0, 1 / others) for rows in examples.others.values()),
    ]


def _turn_groups(examples: Examples) -> list[tuple[Floats, int, float]]:
    groups = [(rows, 0, 1.0) for rows in examples.animals.values()]
    groups += [(rows, 0, 1.0) for rows in examples.any_way_up.values()]
    groups += [(rows, 0, 1 / len(examples.others)) for rows in examples.others.values()]
    for turned in examples.turned.values():
        groups += [(rows, turns, 1.0) for turns, rows in enumerate(turned, start=1)]
    return groups


def _network(groups: Sequence[tuple[Floats, int, float]], outputs: int, seed: int) -> nn.Sequential:
    """Fit a network with one hidden layer by AdamW, its inputs scaled and noisy."""
    rows = torch.cat([torch.from_numpy(rows) for rows, _, _ in groups])
    dimension = rows.shape[1]
    scale = dimension**0.5
    classes = torch.cat([torch.full((len(own),), one) for own, one, _ in groups])
    weights = torch.cat([torch.full((len(own),), w / max(len(own), 1)) for own, _, w in groups])
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # pyright: ignore[reportUnknownMemberType]
        network = nn.Sequential(
            nn.Linear(dimension, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, outputs)
        )
    optimiser = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=_STEPS)
    for _ in range(_STEPS):
        at = torch.multinomial(weights, _BATCH, replacement=True, generator=generator)
        batch = rows[at] * scale
        batch = batch + _NOISE * torch.randn(batch.shape, generator=generator)
        batch = functional.normalize(batch) * scale
        loss = _misfit(network(batch), classes[at])
        optimiser.zero_grad()
        loss.backward()  # pyright: ignore[reportUnknownMemberType]
        optimiser.step()
        schedule.step()
    first = network[0]
    assert isinstance(first, nn.Linear)
    with torch.no_grad():
        first.weight.mul_(scale)  # so that it takes unit vectors as they are
    return network


def _misfit(logits: Tensor, classes: Tensor) -> Tensor:
    if logits.shape[1] == 1:
        return functional.binary_cross_entropy_with_logits(logits[:, 0], classes.float())
    return functional.cross_entropy(logits, classes)


def _halved(network: nn.Sequential) -> Layers:
    """The layers as the checkpoint file will hold them: rounded to fp16."""
    return tuple(
        (_half(layer.weight), _half(layer.bias))
        for layer in network
        if isinstance(layer, nn.Linear)
    )


def _half(values: Tensor) -> Floats:
    return values.detach().numpy().astype(np.float16).astype(np.float32)


def _turn_probabilities(head: Screening, rows: Floats) -> NDArray[np.float64]:
    """How probable it is of each photo that it isn't upright."""
    return 1 - head.turn_probabilities(rows)[:, 0]
