"""Fit an ensemble's gate, which gives each species' photos to its experts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from embedding.eager.eager_runtime import normalised
from embedding.embedder import Embedder
from embedding.errors import FlukeprintError
from embedding.networks.ensemble import Ensemble, Gate, GateConfig
from embedding.photos.photo import read_photo
from index.labels.reader import LabelledPhoto
from training.splits.photo_facts import species_of
from training.splits.protocol import make_split

PHOTOS_OF_SPECIES = 2400
"""How many photos of a species are used."""
_BATCH = 32
_DECAY = 1e-6
"""Weight decay, the best of those tried on photos that the gate wasn't fitted to
(tests/bench/gate.py). Without decay a photo unlike every species would go to one species by chance;
it should be divided among members."""


class BadExperts(FlukeprintError):
    """Experts for a species of which there is no photo, or that are no member."""


def shares_of_species(
    experts: Mapping[str, Sequence[int]], species: Sequence[str], members: int
) -> dict[str, tuple[float, ...]]:
    """Compute the members' shares of each species.

    A species' experts share it equally; without experts all members do.

    `experts` are numbers from 1. Raises BadExperts.
    """
    unknown = sorted(set(experts) - set(species))
    if unknown:
        raise BadExperts(
            f"--expert names {unknown[0]!r}, of which no photo was given; the species are "
            f"{', '.join(sorted(species))}"
        )
    shares: dict[str, tuple[float, ...]] = {}
    for name in sorted(species):
        own = set(experts.get(name, range(1, members + 1)))
        if not own or not own <= set(range(1, members + 1)):
            raise BadExperts(
                f"the experts for {name} are {sorted(own)}; the members are 1 to {members}"
            )
        shares[name] = tuple(1 / len(own) if at in own else 0.0 for at in range(1, members + 1))
    return shares


def sample_by_species(
    photos: Sequence[LabelledPhoto], seed: int = 0, *, most: int = PHOTOS_OF_SPECIES
) -> dict[str, list[LabelledPhoto]]:
    """Draw some photos of each species from the part to learn from.

    That is split `seed`, as training makes it.
    """
    fit = set(make_split(photos, seed).names("fit"))
    species, rng = species_of(photos), np.random.default_rng(seed)
    found: dict[str, list[LabelledPhoto]] = {}
    for photo in photos:
        if photo.name in fit:
            found.setdefault(species[photo.name], []).append(photo)
    return {
        name: [own[at] for at in rng.permutation(len(own))[:most].tolist()]
        for name, own in sorted(found.items())
    }


def fit_gate(
    embedder: Embedder, photos: Mapping[str, Sequence[LabelledPhoto]], config: GateConfig
) -> dict[str, float]:
    """Fit the ensemble's gate; returns the share of each species' photos that it gets right.

    Half of the photos are counted by a gate fitted to the others; the one that stays is fitted to
    all. The ensemble's gate must be of `config`, and `photos` of its species. Boxes are the
    locator's, as they are for a user's photo.
    """
    ensemble = embedder.network
    assert isinstance(ensemble, Ensemble)
    assert isinstance(ensemble.gate, Gate)
    gate_members = range(ensemble.gate_view_count)
    vectors = [
        torch.cat([unit_vectors(embedder, photos[name], at)[0] for at in gate_members], dim=1)
        for name in config.shares
    ]
    weight, bias = _softmax_regression([rows[::2] for rows in vectors])
    predicted = [(rows[1::2] @ weight.T + bias).argmax(1) for rows in vectors]
    weight, bias = _softmax_regression(vectors)
    ensemble.gate.weight.copy_(weight)
    ensemble.gate.bias.copy_(bias)
    return {
        name: float((predicted[at] == at).float().mean()) for at, name in enumerate(config.shares)
    }


def _softmax_regression(classes: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Fit weight (s, d) and bias (s,) that separate s classes of vectors (n, d).

    Every class counts the same.
    """
    vectors, counts = torch.cat(list(classes)), torch.tensor([len(rows) for rows in classes])
    whose = torch.arange(len(classes)).repeat_interleave(counts)
    weight = torch.zeros(len(classes), vectors.shape[1], requires_grad=True)
    bias = torch.zeros(len(classes), requires_grad=True)
    shares = 1.0 / counts.float()
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        misfit = functional.cross_entropy(vectors @ weight.T + bias, whose, weight=shares)
        total = misfit + _DECAY * weight.square().sum()
        total.backward()  # pyright: ignore[reportUnknownMemberType]
        return total

    optimiser.step(loss)  # pyright: ignore[reportArgumentType, reportUnknownMemberType]
    return weight.detach(), bias.detach()


@torch.inference_mode()
def unit_vectors(
    embedder: Embedder,
    photos: Sequence[LabelledPhoto],
    member: int,
    *,
    has_both_sides: bool = False,
) -> list[Tensor]:
    """Embed views (n, d) of photos, and of their mirror images if asked for, by one member.

    Of unit length, and whosever the photos are by the gate.
    """
    assert isinstance(embedder.network, Ensemble)
    sides = (False, True) if has_both_sides else (False,)
    views: list[list[Tensor]] = [[] for _ in sides]
    for start in range(0, len(photos), _BATCH):
        images = [read_photo(photo.path) for photo in photos[start : start + _BATCH]]
        boxes = embedder.located(images, [None] * len(images))
        pixels = [
            embedder.preprocessing.pixels(image, box)
            for image, box in zip(images, boxes, strict=True)
        ]
        batch = normalised(
            torch.from_numpy(np.stack(pixels)).to(embedder.device), embedder.preprocessing
        )
        for view, is_mirrored in zip(views, sides, strict=True):
            view.append(embedder.network.member_view(batch, member, is_mirrored=is_mirrored).cpu())
    return [torch.cat(view) for view in views]
