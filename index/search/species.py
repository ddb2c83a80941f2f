"""Predict the species of a photo from the nearest individuals, by the same search."""

from __future__ import annotations

import copy
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.search.gallery import Gallery
from index.search.matching import NO_SPECIES, Candidate, Score, SpeciesAnswer

NEIGHBOURS = 20
"""How many of the nearest individuals speak for a photo's species."""
FEWEST_TRIALS = 20
_MOST_TRIALS = 400  # photos of the gallery that are asked as if their individual were not in it
_KEPT_SHARE = 0.01  # of the photos may change before the temperature is fitted again
_TEMPERATURES = np.logspace(-3, 1, 81)


class SpeciesFit(NamedTuple):
    """How distances become probabilities of species, after so many trials with a score."""

    score: Score
    temperature: float
    trials: int


def likeliest_species(
    species_of: Mapping[str, str | None], on_photos: Iterable[tuple[str, str | None, int]]
) -> dict[str, str]:
    """Each individual's species: the one `noted` of it, else that of most of its photos.

    Those without are left out.

    `on_photos` are (individual, species, how many photos).
    """
    counts_of: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for individual, species, photos in on_photos:
        if species:
            counts_of[individual][species] += photos
    found = {
        one: min(counts, key=lambda name: (-counts[name], name))
        for one, counts in counts_of.items()
    }
    return found | {one: species for one, species in species_of.items() if species}


class SpeciesPredictor:
    """Tells species from ranked individuals of one gallery.

    Never changes; safe from several threads.
    """

    def __init__(
        self, gallery: Gallery, species: Mapping[str, str], score: Score = "nearest"
    ) -> None:
        """Know the species of individuals.

        Of those that the gallery doesn't hold nothing is used.
        """
        ids = gallery.individual_ids
        self._know(gallery, species, Counter(species[one] for one in ids if one in species))
        self._score: Score = score
        self.changed_photos = 0  # since the temperature was fitted

    def _know(
        self, gallery: Gallery, species: Mapping[str, str], individuals: Counter[str]
    ) -> None:
        self._gallery = gallery
        self._species = species
        self._individuals = individuals  # of the gallery, by species
        self.names = tuple(sorted(one for one, count in individuals.items() if count > 0))

    def following(
        self,
        gallery: Gallery,
        species: Mapping[str, str],
        individuals: Collection[str],
        photos: int,
    ) -> SpeciesPredictor:
        """The same after a change of so many photos, which concerns these individuals alone.

        The temperature is fitted again after a hundredth of the photos has changed.
        """
        counts = self._individuals.copy()
        for one in individuals:
            if self._gallery.has_individual(one) and one in self._species:
                counts[self._species[one]] -= 1
            if gallery.has_individual(one) and one in species:
                counts[species[one]] += 1
        after = copy.copy(self)
        after._know(gallery, species, counts)
        after.changed_photos += photos
        if after.names != self.names or after.changed_photos > gallery.size * _KEPT_SHARE:
            after.__dict__.pop("fit", None)
            after.changed_photos = 0
        return after

    def prepare(self) -> SpeciesFit | None:
        """Make now what the first answer would else wait for; None where nothing is fitted."""
        return self.fit if len(self.names) > 1 else None

    def with_fit(self, fit: SpeciesFit | None, changed_photos: int) -> SpeciesPredictor:
        """The same with a fit that was made before so many photos changed, where it is of use."""
        few = changed_photos <= self._gallery.size * _KEPT_SHARE
        if fit is None or fit.score != self._score or not few:
            return self
        after = copy.copy(self)
        after.__dict__["fit"] = fit
        after.changed_photos = changed_photos
        return after

    def neighbours(self, k: int) -> int:
        """How many individuals to rank where `k` are needed: enough for the species too."""
        return max(k, NEIGHBOURS) if self.names else k

    def predict(self, ranked: Sequence[Candidate]) -> SpeciesAnswer:
        """Predict the species by ranked individuals, nearest first.

        `Gallery.rank` returns `neighbours` of them.
        """
        if not self.names:
            return NO_SPECIES
        by = next((one for one in ranked if one.individual in self._species), None)
        if by is None:
            return SpeciesAnswer(
                None, None, f"None of the {len(ranked)} nearest individuals has a species."
            )
        at = self.names.index(self._species[by.individual])
        near = (
            f"{by.individual}, at distance {by.distance:.3f}, is the nearest individual with "
            "a species"
        )
        if len(self.names) == 1:
            return SpeciesAnswer(
                self.names[at],
                None,
                f"{near}; the catalogue knows no other species, so there is no probability.",
            )
        _, temperature, trials = self.fit
        if trials < FEWEST_TRIALS:
            return SpeciesAnswer(
                self.names[at],
                None,
                f"{near}; {trials} photos have another individual of their species to be tried "
                "with, and a probability "
                f"needs {FEWEST_TRIALS}.",
            )
        probability = float(_shares(self._distances([ranked]), temperature)[0, at])
        certain = 1 / (trials + 2)  # as far as so many trials can tell
        return SpeciesAnswer(
            self.names[at],
            min(probability, 1 - certain),
            f"{near}; the probability is among the catalogue's {len(self.names)} species, after "
            f"{trials} trials.",
        )

    @cached_property
    def fit(self) -> SpeciesFit:
        """Fit the temperature with the likeliest species of the gallery's own photos.

        Each is asked as if its individual were not in the gallery, the harder case, so that known
        animals are told with more certainty than said.
        """
        gallery = self._gallery
        known = [
            at for at, individual in enumerate(gallery.individuals) if individual in self._species
        ]
        spread = np.unique(
            np.linspace(0, len(known) - 1, min(_MOST_TRIALS, len(known))).round().astype(np.int64)
        )
        rows = [known[int(at)] for at in spread]
        ranked = gallery.rank(gallery.vectors_at(rows), NEIGHBOURS + 1, self._score)
        others = [
            [one for one in candidates if one.individual != gallery.individuals[row]]
            for row, candidates in zip(rows, ranked, strict=True)
        ]
        counts = self._individuals
        truths = [self._species[gallery.individuals[row]] for row in rows]
        tried = [at for at, truth in enumerate(truths) if counts[truth] > 1 and others[at]]
        distances = self._distances([others[at] for at in tried])
        columns = np.array([self.names.index(truths[at]) for at in tried], np.int64)
        is_told = np.isfinite(distances).any(axis=1)
        distances, columns = distances[is_told], columns[is_told]
        if not len(columns):
            return SpeciesFit(self._score, 1.0, 0)
        losses = [_loss(distances, columns, float(temperature)) for temperature in _TEMPERATURES]
        temperature = float(_TEMPERATURES[int(np.argmin(losses))])
        return SpeciesFit(self._score, temperature, len(columns))

    def _distances(self, ranked: Sequence[Sequence[Candidate]]) -> NDArray[np.float64]:
        """Distance (n, s) of each species' nearest individual.

        One that isn't among those ranked is as far as the last.

        All infinite where nobody ranked has a species.
        """
        distances = np.full((len(ranked), len(self.names)), np.inf)
        for row, candidates in enumerate(ranked):
            for one in reversed(candidates):
                species = self._species.get(one.individual)
                if species is not None:
                    distances[row, self.names.index(species)] = one.distance
            if np.isfinite(distances[row]).any():
                distances[row, ~np.isfinite(distances[row])] = candidates[-1].distance
        return distances


def _shares(distances: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Softmax of negative distances (n, s)."""
    raised = np.exp((distances.min(axis=1, keepdims=True) - distances) / temperature)
    return raised / raised.sum(axis=1, keepdims=True)


def _loss(distances: NDArray[np.float64], columns: NDArray[np.int64], temperature: float) -> float:
    own = _shares(distances, temperature)[np.arange(len(columns)), columns]
    return float(-np.log(np.maximum(own, 1e-12)).mean())
