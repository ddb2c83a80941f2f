"""P x K batches of photos, which depend on the seed, the epoch and the step alone."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.recipes.choices import BadRecipe, BatchChoices


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch: rows of the pixel cache, the identity of each, and whether to mirror it.

    `identities` (n,) run from 0 to identity_count - 1. A photo at row r of nobody known,
    all-negative or unlabelled, has a negative number of its own: -1 - 2r, and -2 - 2r mirrored.
    """

    photos: NDArray[np.int64]  # (n,)
    identities: NDArray[np.int64]  # (n,)
    is_mirrored: NDArray[np.bool_]  # (n,)

    def __getitem__(self, part: slice) -> Batch:
        return Batch(self.photos[part], self.identities[part], self.is_mirrored[part])

    def __len__(self) -> int:
        return len(self.photos)


class Batches:
    """The batches of every epoch.

    `individuals` names each photo's individual (None: new_whale). With flips as individuals the
    mirror image of individual i is identity i + individual_count, as a fluke's left and right sides
    differ. All three first places of humpback 2019 did so. After the photos of `individuals` come
    `unlabelled` rows of photos without a label. Each is in a batch as often as an individual's
    photos, differently changed, and is its own positive.
    """

    def __init__(
        self,
        individuals: Sequence[str | None],
        choices: BatchChoices,
        seed: int,
        *,
        unlabelled: int = 0,
        species: Sequence[str] = (),
        flip_share: float = 0.5,
    ) -> None:
        """Plan the batches; `species` of each photo, where `choices` give shares to species.

        Raises BadRecipe.
        """
        self.choices, self.seed, self.flip_share = choices, seed, flip_share
        self.unlabelled = np.arange(len(individuals), len(individuals) + unlabelled, dtype=np.int64)
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
        remaining = choices.individuals - self.negative_size // choices.photos_each
        unlabelled_individuals = (
            remaining if not self.members else round(choices.individuals * choices.unlabelled_share)
        )
        self.unlabelled_count = min(
            unlabelled_individuals, remaining if not self.members else remaining - 1, unlabelled
        )
        self.positive_individuals = min(remaining - self.unlabelled_count, self.individual_count)
        counts = np.array([len(rows) for rows in self.members], np.float64)
        rates = counts ** (1.0 - choices.oversampling)
        if choices.species_shares:
            rates = self._with_species_shares(rates / rates.sum(), species)
        self.rates = rates / rates.sum() if self.members else rates
        self.labelled_count = sum(len(rows) for rows in self.members)
        # A share of 0 is never drawn, and so many individuals can't be drawn either.
        self.positive_individuals = min(
            self.positive_individuals, int(np.count_nonzero(self.rates))
        )

    def frequent_only(self, fewest_photos: int) -> Batches:
        """Batches without the individuals of fewer photos, in which all others keep their numbers.

        Raises BadRecipe.
        """
        is_frequent = np.array([len(rows) >= fewest_photos for rows in self.members], np.bool_)
        rates = np.where(is_frequent, self.rates, 0.0)
        frequent = int(np.count_nonzero(rates))
        if frequent < 2:
            most = max((len(rows) for rows in self.members), default=0)
            raise BadRecipe(
                f"first_stage.fewest_photos = {fewest_photos} leaves {frequent} individuals to "
                "learn from, of "
                f"{self.individual_count} (the most photos of one are {most}); at least 2 are "
                "needed, so lower it"
            )
        part = copy.copy(self)
        part.rates = rates / rates.sum()
        part.positive_individuals = min(self.positive_individuals, frequent)
        part.labelled_count = sum(
            len(rows)
            for rows, is_included in zip(self.members, is_frequent, strict=True)
            if is_included
        )
        return part

    @property
    def is_drawn(self) -> NDArray[np.bool_]:
        """Which identities are ever drawn: (identity_count,)."""
        return np.tile(self.rates > 0, 2 if self.choices.flips_as_individuals else 1)

    def _with_species_shares(
        self, rates: NDArray[np.float64], species: Sequence[str]
    ) -> NDArray[np.float64]:
        of_individual = np.array([species[rows[0]] for rows in self.members])
        species_shares = self.choices.species_shares
        unknown = sorted(set(species_shares) - set(of_individual))
        if unknown:
            there = ", ".join(sorted(set(of_individual) - {""}))
            known = (
                f"the species are {there}"
                if there
                else "the labels tell no species (several sets do)"
            )
            raise BadRecipe(
                f"batches.species_shares names {unknown[0]!r}, of which nothing is learned; {known}"
            )
        shared, has_share = np.zeros(len(rates)), np.isin(of_individual, list(species_shares))
        for one, share in species_shares.items():
            shared[of_individual == one] = (
                share * rates[of_individual == one] / rates[of_individual == one].sum()
            )
        if not has_share.all():
            rest = 1.0 - sum(species_shares.values())
            shared[~has_share] = rest * rates[~has_share] / rates[~has_share].sum()
        return shared

    def _negative_size(self) -> int:
        if self.choices.new_whales != "negatives" or not len(self.negatives):
            return 0
        individuals = round(self.choices.individuals * self.choices.new_whale_share)
        return min(individuals, self.choices.individuals - 1) * self.choices.photos_each

    @property
    def photos_per_batch(self) -> int:
        """Photos in a batch: fewer than `size` where too few individuals could fill it."""
        return (
            self.positive_individuals + self.unlabelled_count
        ) * self.choices.photos_each + self.negative_size

    @property
    def photos_of_identity(self) -> NDArray[np.int64]:
        """How many photos each identity has: (identity_count,)."""
        counts = np.array([len(rows) for rows in self.members], np.int64)
        return np.concatenate([counts, counts]) if self.choices.flips_as_individuals else counts

    @property
    def steps(self) -> int:
        """Batches in an epoch: each labelled photo is shown once on average.

        Without individuals it is each unlabelled photo.
        """
        if not self.members:
            return max(1, round(len(self.unlabelled) / max(1, self.unlabelled_count)))
        shown = self.positive_individuals * self.choices.photos_each
        return max(1, round(self.labelled_count / shown))

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """Yield the epoch's batches from step `start` on."""
        for step in range(start, self.steps):
            yield self._batch(np.random.default_rng([self.seed, epoch, step]))

    def _batch(self, rng: np.random.Generator) -> Batch:
        photos: list[NDArray[np.int64]] = []
        identities: list[int] = []
        mirrored: list[bool] = []
        for individual in self._draw_individuals(rng):
            photos.append(self._photos_of(int(individual), rng))
            is_mirrored = bool(rng.random() < self.flip_share)
            shift = (
                self.individual_count if is_mirrored and self.choices.flips_as_individuals else 0
            )
            identities += [int(individual) + shift] * self.choices.photos_each
            mirrored += self._mirrored_photos(is_mirrored, rng)
        if self.unlabelled_count:
            chosen = rng.choice(self.unlabelled, self.unlabelled_count, replace=False)
            is_mirrored_each = rng.random(self.unlabelled_count) < self.flip_share
            photos.append(np.repeat(chosen, self.choices.photos_each))
            identities += np.repeat(
                -1 - 2 * chosen - is_mirrored_each, self.choices.photos_each
            ).tolist()
            mirrored += np.repeat(is_mirrored_each, self.choices.photos_each).tolist()
        if self.negative_size:
            chosen = rng.choice(
                self.negatives, self.negative_size, replace=self.negative_size > len(self.negatives)
            )
            photos.append(chosen)
            is_mirrored_each = rng.random(self.negative_size) < self.flip_share
            # A number of its own: new whales are no positives of each other, in this batch or
            # another.
            identities += (-1 - 2 * chosen - is_mirrored_each).tolist()
            mirrored += is_mirrored_each.tolist()
        return Batch(
            np.concatenate(photos), np.array(identities, np.int64), np.array(mirrored, np.bool_)
        )

    def _draw_individuals(self, rng: np.random.Generator) -> NDArray[np.int64]:
        if not self.members:
            return np.zeros(0, np.int64)
        return rng.choice(
            self.individual_count, self.positive_individuals, replace=False, p=self.rates
        )

    def _mirrored_photos(self, is_mirrored: bool, rng: np.random.Generator) -> list[bool]:
        if self.choices.flips_as_individuals:
            return [is_mirrored] * self.choices.photos_each
        return list(rng.random(self.choices.photos_each) < self.flip_share)

    def _photos_of(self, individual: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """K photos: every photo once before any comes twice."""
        rows = self.members[individual]
        rounds = -(-self.choices.photos_each // len(rows))
        return np.concatenate([rng.permutation(rows) for _ in range(rounds)])[
            : self.choices.photos_each
        ]
