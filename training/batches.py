"""Which photos a step learns from: P x K batches that depend on nothing but the seed, the epoch and the step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.recipe import BatchChoices


@dataclass(frozen=True, slots=True)
class Rows:
    """One batch: rows of the pixel cache, the identity of each, and whether to mirror it.

    `identities` (n,) run from 0 to identity_count - 1; an all-negative photo has a negative number of its own.
    """

    photos: NDArray[np.int64]  # (n,)
    identities: NDArray[np.int64]  # (n,)
    is_mirrored: NDArray[np.bool_]  # (n,)

    def __getitem__(self, part: slice) -> Rows:
        return Rows(self.photos[part], self.identities[part], self.is_mirrored[part])

    def __len__(self) -> int:
        return len(self.photos)


class Batches:
    """The batches of every epoch.

    `individuals` names each photo's individual (None: new_whale). With flips as individuals the mirror image of
    individual i is identity i + individual_count, as a fluke's left and right sides differ (all three first places
    of humpback 2019 did so).
    """

    def __init__(self, individuals: Sequence[str | None], choices: BatchChoices, seed: int) -> None:
        self.choices, self.seed = choices, seed
        labels = list(individuals)
        if choices.new_whales == "individuals":
            labels = [name if name is not None else f"\0new {at}" for at, name in enumerate(labels)]
        self.names = sorted({name for name in labels if name is not None})
        of_name = {name: at for at, name in enumerate(self.names)}
        members: list[list[int]] = [[] for _ in self.names]
        for at, name in enumerate(labels):
            if name is not None:
                members[of_name[name]].append(at)
        self.members = [np.array(rows, np.int64) for rows in members]
        self.negatives = np.array([at for at, name in enumerate(labels) if name is None], np.int64)
        self.individual_count = len(self.names)
        self.identity_count = self.individual_count * (2 if choices.flips_as_individuals else 1)
        self.size = choices.individuals * choices.photos_each
        self.negative_size = self._negative_size()
        self.positive_individuals = (self.size - self.negative_size) // choices.photos_each
        counts = np.array([len(rows) for rows in self.members], np.float64)
        rates = counts ** (1.0 - choices.oversampling)
        self.rates = rates / rates.sum()

    def _negative_size(self) -> int:
        if self.choices.new_whales != "negatives" or not len(self.negatives):
            return 0
        individuals = round(self.choices.individuals * self.choices.new_whale_share)
        return min(individuals, self.choices.individuals - 1) * self.choices.photos_each

    @property
    def photos_of_identity(self) -> NDArray[np.int64]:
        """How many photos each identity has: (identity_count,)."""
        counts = np.array([len(rows) for rows in self.members], np.int64)
        return np.concatenate([counts, counts]) if self.choices.flips_as_individuals else counts

    @property
    def steps(self) -> int:
        """Batches in an epoch: as many as show every labelled photo once on average."""
        shown = min(self.positive_individuals, self.individual_count) * self.choices.photos_each
        return max(1, round(sum(len(rows) for rows in self.members) / shown))

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Rows]:
        """Yield the epoch's batches from step `start` on."""
        for step in range(start, self.steps):
            yield self._batch(np.random.default_rng([self.seed, epoch, step]))

    def _batch(self, rng: np.random.Generator) -> Rows:
        photos: list[NDArray[np.int64]] = []
        identities: list[int] = []
        mirrored: list[bool] = []
        count = min(self.positive_individuals, self.individual_count)
        for individual in rng.choice(self.individual_count, count, replace=False, p=self.rates):
            photos.append(self._photos_of(int(individual), rng))
            is_mirrored = bool(rng.random() < 0.5)
            shift = self.individual_count if is_mirrored and self.choices.flips_as_individuals else 0
            identities += [int(individual) + shift] * self.choices.photos_each
            mirrored += self._mirroring(is_mirrored, rng)
        if self.negative_size:
            chosen = rng.choice(self.negatives, self.negative_size, replace=self.negative_size > len(self.negatives))
            photos.append(chosen)
            # A number of its own: new whales are no positives of each other.
            identities += [-1 - at for at in range(self.negative_size)]
            mirrored += list(rng.random(self.negative_size) < 0.5)
        return Rows(np.concatenate(photos), np.array(identities, np.int64), np.array(mirrored, np.bool_))

    def _mirroring(self, is_mirrored: bool, rng: np.random.Generator) -> list[bool]:
        if self.choices.flips_as_individuals:
            return [is_mirrored] * self.choices.photos_each
        return list(rng.random(self.choices.photos_each) < 0.5)

    def _photos_of(self, individual: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """K photos: every photo once before any comes twice."""
        rows = self.members[individual]
        rounds = -(-self.choices.photos_each // len(rows))
        return np.concatenate([rng.permutation(rows) for _ in range(rounds)])[: self.choices.photos_each]
