"""Which false-positive rate can be promised at which distance, by animals and not by photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.75
"""A small catalogue's promise is a bound that three catalogues in four keep; all do on average."""
FEW_STRANGERS, MANY_STRANGERS = 100, 300
"""From so few strangers to so many the bound goes over to the mean that all catalogues keep.

It would else cost a catalogue of 300 individuals a quarter of its known animals at a rate of .01,
where the mean costs an eighth (docs/calibration.md).
"""
ENOUGH_ANIMALS = 50
"""So many strangers of a second kind (new_whale photos) are a kind of their own."""

# A calibration is stored with its catalogue: a few kilobytes.
_LOWEST_DISTANCES = 200  # of the stored distances, those kept one by one: low rates need them
_MOST_DISTANCES = 1000
_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class StrangerKind:
    """Unknown queries of one kind.

    `distances` (u, r) ascend by row; `animals` (u,) number the strangers they show. Where they are
    `held_out` of the catalogue, they were tried on one individual fewer than it has.
    """

    distances: NDArray[np.float64]
    animals: NDArray[np.int64]
    is_held_out: bool = True

    @property
    def animal_count(self) -> int:
        """How many strangers there are."""
        return len(np.unique(self.animals))

    def passing(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        """Count the animals nearer than each distance: a half where half of its photos are."""
        nearest, counted = self._counted()
        return counted[np.searchsorted(nearest, distances, side="left")]

    def bounds(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bound the share of further animals that are nearer than each distance.

        Many strangers bound the mean: where k of n are nearer than the photo at whose distance the
        promise ends, the next one is with a probability of (k + 1) / (n + 1) at most (Vovk,
        Gammerman and Shafer 2005). The one that is added is the animal of that photo. Where the
        photo is a half of it, a half is added.
        """
        count = self.animal_count
        grown = count / max(1, count - 1) if self.is_held_out else 1.0
        nearest, counted = self._counted()
        at = np.searchsorted(nearest, distances, side="left")
        passing = counted[at]
        first, last = (np.searchsorted(nearest, nearest, side=side) for side in ("left", "right"))
        # Photos at one distance are one animal's, or some animals', of which one is enough.
        added = np.append(np.minimum(1.0, counted[last] - counted[first]), 1.0)
        mean = (passing + added[at]) / (count + 1)
        share = (count - FEW_STRANGERS) / (MANY_STRANGERS - FEW_STRANGERS)
        weight = min(1.0, max(0.0, share))
        bounds = (1 - weight) * upper_bounds(passing, count) + weight * mean
        return np.minimum(1.0, bounds * grown)

    def _counted(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The nearest distances (u,), ascending, and how many animals the first 0 to u photos are.

        A photo counts as its share of its animal's photos.
        """
        _, number, photos = np.unique(self.animals, return_inverse=True, return_counts=True)
        order = np.argsort(self.distances[:, 0], kind="stable")
        counted = np.concatenate([[0.0], np.cumsum(1 / photos[number[order]])])
        return self.distances[order, 0], counted


@dataclass(frozen=True, slots=True)
class RateBounds:
    """Rates at distances: what was measured and what can be promised just below each.

    `distances` ascend strictly. `shares` are the measured shares of strangers that are nearer, of
    the harder kind; `rates` are their upper bounds. Neither falls.
    """

    distances: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()
    rates: tuple[float, ...] = ()


def upper_bounds(passing: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Bound rates of which `passing` of `count` were seen, at CONFIDENCE (Clopper and Pearson)."""
    seen = np.minimum(passing, count)
    import scipy.special  # pyright: ignore[reportMissingTypeStubs]

    special: Any = scipy.special  # imported here: it takes longer than a command's rest
    bounds = special.betaincinv(seen + 1, np.maximum(count - seen, 1e-9), CONFIDENCE)
    return np.where(seen >= count, 1.0, bounds)


def bound_rates(kinds: Sequence[StrangerKind]) -> RateBounds:
    """Promise for the hardest of the kinds of stranger, the first of which is always there.

    A further kind with fewer animals than ENOUGH_ANIMALS is counted with the first. So is a larger
    one at distances within which none of its animals came: that so many did not says nothing
    against a rate that they are too few to promise.
    """
    first, *others = kinds
    together = _pooled(kinds)
    distances = _thinned(np.unique(together.distances[:, 0]))
    shares = first.passing(distances) / max(1, first.animal_count)
    rates = first.bounds(distances)
    for other in others:
        pooled = _pooled([first, other])
        pooled_rates = pooled.bounds(distances)
        if other.animal_count < ENOUGH_ANIMALS:
            rates = np.maximum(rates, pooled_rates)
            shares = np.maximum(shares, pooled.passing(distances) / max(1, pooled.animal_count))
        else:
            passing = other.passing(distances)
            alone = np.where(passing > 0, other.bounds(distances), pooled_rates)
            rates = np.maximum(rates, alone)
            shares = np.maximum(shares, passing / other.animal_count)
    rates = np.maximum(np.maximum.accumulate(rates), shares)
    return RateBounds(
        tuple(distances.tolist()),
        tuple(np.round(shares, _DECIMALS).tolist()),
        tuple(np.round(rates, _DECIMALS).tolist()),
    )


def _pooled(kinds: Sequence[StrangerKind]) -> StrangerKind:
    """All strangers as one kind, no animal of one being an animal of another."""
    shift, animals = 0, list[NDArray[np.int64]]()
    for kind in kinds:
        own = np.unique(kind.animals, return_inverse=True)[1]
        animals.append(own + shift)
        shift += len(own)
    return StrangerKind(
        np.concatenate([kind.distances for kind in kinds]),
        np.concatenate(animals),
        kinds[0].is_held_out,
    )


def _thinned(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """The lowest distances one by one, the others evenly: as many as are stored."""
    return distances[stored_positions(len(distances))]


def stored_positions(count: int) -> NDArray[np.int64]:
    """Choose which of so many sorted distances to store: the lowest one by one, others evenly."""
    if count <= _MOST_DISTANCES:
        return np.arange(count)
    others = np.linspace(_LOWEST_DISTANCES, count - 1, _MOST_DISTANCES - _LOWEST_DISTANCES)
    return np.concatenate([np.arange(_LOWEST_DISTANCES), others.astype(np.int64)])
