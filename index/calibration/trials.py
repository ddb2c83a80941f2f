"""Trials: a catalogue asked about its own photos, as if they were not in it."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.calibration.bursts import PhotoFacts, find_bursts
from index.calibration.distance_block import DistanceBlock
from index.calibration.leave_one_out import LabelledPhotos
from index.calibration.ranks import LABELS_A_ROW
from index.search.matching import Score
from index.search.rows.live_rows import LiveRows
from index.search.vectors import FloatArray

TRIAL_RANKS = LABELS_A_ROW
"""Candidates kept of each trial: as many as a submission has labels."""
MOST_TRIALS = 12_000
"""Photos tried of either kind, labelled or of nobody known, whatever the catalogue's size.

A rate of .01 of so many individuals is known to within .0009 (one standard error), which is 9 % of
itself, and a rate of .05 to within 4 % of itself.
"""


@dataclass(frozen=True, slots=True)
class Trials:
    """The results of t known queries.

    The distances (t, r) of their first candidates ascend, and are infinite where there are fewer
    than r. The rank (t,) of the right individual counts from 1. `animals` (t,) number the queries'
    individuals; empty: each is another one. `nearest` (t,) number the first candidates' groups.
    """

    distances: NDArray[np.float64]
    true_ranks: NDArray[np.int64]
    animals: NDArray[np.int64] | None = None
    nearest: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True)
class UnknownTrials:
    """The results of u unknown queries: distances (u, r) as in Trials, and whose they are.

    `animals` (u,) number the strangers, each an individual or a burst of nobody known.
    """

    distances: NDArray[np.float64]
    animals: NDArray[np.int64]
    nearest: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CatalogueTrials:
    """What a catalogue's own photos teach.

    `groups` are what `nearest` number: species and viewpoint of the photo that was nearest, each
    "" where it isn't known.
    """

    known: Trials
    held_out: UnknownTrials  # photos with their own individual taken out of the gallery
    unlabelled: UnknownTrials  # photos of nobody in the gallery
    groups: tuple[tuple[str, str], ...]


class PhotoSample(NamedTuple):
    """The rows to try, sorted, and those of all photos of their individuals."""

    rows: list[int]
    whole: list[int]


@dataclass(frozen=True, slots=True)
class TriedPhotos:
    """A catalogue's photos, which of them are tried, and the bursts of those.

    `burst_of` numbers the burst of each row in `sample.whole`; `members` are a burst's rows.
    """

    individuals: Sequence[str | None]
    labelled: LabelledPhotos
    facts: PhotoFacts
    sample: PhotoSample
    burst_of: Mapping[int, int]
    members: Mapping[int, Sequence[int]]

    @classmethod
    def of(
        cls,
        vectors: FloatArray | LiveRows,
        individuals: Sequence[str | None],
        facts: PhotoFacts = PhotoFacts(),
    ) -> TriedPhotos:
        """Choose from a catalogue's photos (m, d); individual None is nobody known.

        All photos are tried, or a sample by individual beyond MOST_TRIALS. Raises BadVectors.
        """
        labelled = LabelledPhotos(vectors, individuals)
        sample = sample_photos(individuals)
        bursts = find_bursts(sample.whole, individuals, vectors, facts).tolist()
        members: defaultdict[int, list[int]] = defaultdict(list)
        for row, burst in zip(sample.whole, bursts, strict=True):
            members[burst].append(row)
        burst_of = dict(zip(sample.whole, bursts, strict=True))
        return cls(individuals, labelled, facts, sample, burst_of, members)

    def burst(self, row: int) -> Sequence[int]:
        """The rows of a photo's burst, its own among them."""
        return self.members[self.burst_of[row]]


def catalogue_trials(photos: TriedPhotos, score: Score = "nearest") -> CatalogueTrials:
    """Try photos as known queries and as unknown ones.

    A known trial leaves the photo's whole burst out. A held-out trial is dropped where no other
    individual remains to be mistaken for.
    """
    rows = np.array(photos.sample.rows, np.int64)
    bursts = np.array([photos.burst_of[row] for row in photos.sample.rows], np.int64)
    left_out = [photos.burst(row) for row in photos.sample.rows]
    known, held_out, unlabelled = _Collected(), _Collected(), _Collected()
    ranks: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    for block in photos.labelled.distances(rows, left_out, score):
        is_labelled = block.is_labelled
        is_known = np.isfinite(block.own_cosines)
        ranks.append(block.true_ranks(is_known))
        animals = np.where(is_labelled, block.columns, bursts[block.at])
        known.add(photos.labelled, block, animals, is_known)
        unlabelled.add(photos.labelled, block, animals, ~is_labelled)
        if len(photos.labelled.ids) > 1:
            held_out.add(photos.labelled, block.without_own(), animals, is_labelled)
    named = _groups_of(photos.individuals, photos.facts)
    groups = sorted(set(named))
    number_of = {group: at for at, group in enumerate(groups)}
    numbers = np.array([number_of[group] for group in named], np.int64)
    return CatalogueTrials(
        Trials(known.distances, np.concatenate(ranks), known.animals, numbers[known.nearest]),
        UnknownTrials(held_out.distances, held_out.animals, numbers[held_out.nearest]),
        UnknownTrials(unlabelled.distances, unlabelled.animals, numbers[unlabelled.nearest]),
        tuple(groups),
    )


def _groups_of(individuals: Sequence[str | None], facts: PhotoFacts) -> list[tuple[str, str]]:
    """Each photo's species and viewpoint."""
    viewpoints = facts.viewpoints or [None] * len(individuals)
    return [
        (facts.species.get(one or "", ""), viewpoint or "")
        for one, viewpoint in zip(individuals, viewpoints, strict=True)
    ]


def sample_photos(individuals: Sequence[str | None], most: int = MOST_TRIALS) -> PhotoSample:
    """Choose what to try: all photos, or beyond `most` as many of each individual as there is room.

    Rates are of animals, so that one photo each of many individuals says more than many photos of
    a few. Where there are more than `most` individuals, those first by a hash of the name are
    tried: the same in every revision. The photos of one individual, and those of nobody known, are
    spread evenly.
    """
    nobody = _spread([row for row, one in enumerate(individuals) if one is None], most)
    of_individual: defaultdict[str, list[int]] = defaultdict(list)
    for row, one in enumerate(individuals):
        if one is not None:
            of_individual[one].append(row)
    names: list[str] = list(of_individual)
    if len(names) > most:
        names = sorted(names, key=hash_of)[:most]
    each = _photos_each([len(of_individual[one]) for one in names], most)
    tried = [row for one in names for row in _spread(of_individual[one], each)]
    whole = [row for one in names for row in of_individual[one]]
    return PhotoSample(sorted([*tried, *nobody]), sorted([*whole, *nobody]))


def _photos_each(counts: Sequence[int], most: int) -> int:
    """As many photos of each individual, at least one, as are `most` together."""
    each, tried = 1, len(counts)
    while (more := sum(count > each for count in counts)) and tried + more <= most:
        each, tried = each + 1, tried + more
    return each


def _spread(rows: list[int], most: int) -> list[int]:
    if len(rows) <= most:
        return rows
    return [rows[at * len(rows) // most] for at in range(most)]


def hash_of(name: str) -> bytes:
    return hashlib.blake2b(name.encode(), digest_size=8).digest()


class _Collected:
    """Trials of one kind, block after block."""

    def __init__(self) -> None:
        self._distances: list[NDArray[np.float64]] = [np.zeros((0, TRIAL_RANKS))]
        self._animals: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
        self._nearest: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]

    def add(
        self,
        photos: LabelledPhotos,
        block: DistanceBlock,
        animals: NDArray[np.int64],
        chosen: NDArray[np.bool_],
    ) -> None:
        """Take the chosen rows (q,) of a block."""
        self._distances.append(block.first_distances(chosen, TRIAL_RANKS))
        self._animals.append(animals[chosen])
        self._nearest.append(photos.nearest_rows(block, chosen))

    @property
    def distances(self) -> NDArray[np.float64]:
        """(t, TRIAL_RANKS)."""
        return np.concatenate(self._distances)

    @property
    def animals(self) -> NDArray[np.int64]:
        """(t,) numbers of individuals, or of bursts of nobody known."""
        return np.concatenate(self._animals)

    @property
    def nearest(self) -> NDArray[np.int64]:
        """(t,) rows of the photos that were nearest."""
        return np.concatenate(self._nearest)
