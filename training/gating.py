"""Fitting an ensemble's gate: where each species' photos lie, so that its experts answer for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from embedding.embedder import Embedder, normalised
from embedding.ensemble import Ensemble, Gate, GateConfig
from embedding.errors import FlukeprintError
from embedding.photo import read_photo
from index.labels import LabelledPhoto
from training.splits import make_split, species_of

PHOTOS_OF_SPECIES = 400
"""How many photos of a species are looked at, half of them to find its centre, half to count how many find home."""
_BATCH = 32


class BadExperts(FlukeprintError):
    """Experts for a species of which there is no photo, or that are no member."""


def shares_of(
    experts: Mapping[str, Sequence[int]], species: Sequence[str], members: int
) -> dict[str, tuple[float, ...]]:
    """The members' shares of each species: its experts' alike, the others' none; a species without experts is all's.

    `experts` are numbers from 1. Raises BadExperts.
    """
    unknown = sorted(set(experts) - set(species))
    if unknown:
        raise BadExperts(
            f"--expert names {unknown[0]!r}, of which no photo was given; the species are {', '.join(sorted(species))}"
        )
    shares: dict[str, tuple[float, ...]] = {}
    for name in sorted(species):
        own = set(experts.get(name, range(1, members + 1)))
        if not own or not own <= set(range(1, members + 1)):
            raise BadExperts(f"the experts for {name} are {sorted(own)}; the members are 1 to {members}")
        shares[name] = tuple(1 / len(own) if at in own else 0.0 for at in range(1, members + 1))
    return shares


def sample(photos: Sequence[LabelledPhoto], seed: int = 0) -> dict[str, list[LabelledPhoto]]:
    """Some photos of each species, of the part that may be learned from (split `seed`, as training makes it)."""
    fit = set(make_split(photos, seed).names("fit"))
    species, rng = species_of(photos), np.random.default_rng(seed)
    found: dict[str, list[LabelledPhoto]] = {}
    for photo in photos:
        if photo.name in fit:
            found.setdefault(species[photo.name], []).append(photo)
    return {
        name: [own[at] for at in rng.permutation(len(own))[:PHOTOS_OF_SPECIES].tolist()]
        for name, own in sorted(found.items())
    }


def fit_gate(embedder: Embedder, photos: Mapping[str, Sequence[LabelledPhoto]], config: GateConfig) -> dict[str, float]:
    """Set the centres of the embedder's ensemble; returns each species' share of other photos that find home.

    The ensemble's gate must be of `config`, and `photos` of its species. Boxes are the locator's, as they are for a
    user's photo.
    """
    ensemble = embedder.network
    assert isinstance(ensemble, Ensemble)
    assert isinstance(ensemble.gate, Gate)
    vectors = {name: _ungated(embedder, ensemble, photos[name]) for name in config.shares}
    centres = np.stack([rows[::2].mean(0) for rows in vectors.values()])
    ensemble.gate.centres.copy_(torch.from_numpy(centres))
    found: dict[str, float] = {}
    for at, (name, rows) in enumerate(vectors.items()):
        nearest = ensemble.gate.species(torch.from_numpy(rows[1::2])).argmax(1)
        found[name] = float((nearest == at).float().mean())
    return found


@torch.inference_mode()
def _ungated(embedder: Embedder, ensemble: Ensemble, photos: Sequence[LabelledPhoto]) -> NDArray[np.float32]:
    """The members' unit vectors side by side (n, d)."""
    rows: list[NDArray[np.float32]] = []
    for start in range(0, len(photos), _BATCH):
        images = [read_photo(photo.path) for photo in photos[start : start + _BATCH]]
        boxes = embedder.located(images, [None] * len(images))
        pixels = [embedder.preprocessing.pixels(image, box) for image, box in zip(images, boxes, strict=True)]
        seen = normalised(torch.from_numpy(np.stack(pixels)).to(embedder.device), embedder.preprocessing)
        rows.append(torch.cat(ensemble.parts(seen), dim=1).cpu().numpy())
    return np.concatenate(rows)
