"""Trials of encounters: several photos of one animal, asked about together."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.calibration.ranks import true_ranks
from index.calibration.trials import (
    Trials,
    TriedPhotos,
    UnknownTrials,
    first_distances,
    hash_of,
)
from index.search.engine import DISTANCE_DECIMALS
from index.search.fusion import fuse
from index.search.matching import Score

ENCOUNTER_PHOTOS = (2, 3, 5)
"""Numbers of photos that encounters are tried with; others count as the next smaller one."""
MOST_ENCOUNTERS = 500
"""Encounters tried of each number of photos, one an individual."""


class EncounterTrials(NamedTuple):
    """Encounters with their individual in the catalogue, and with it taken out."""

    known: Trials
    held_out: UnknownTrials
    individuals: list[str]  # whom `animals` number


class _Encounter(NamedTuple):
    individual: str
    rows: list[int]
    left_out: list[int]  # the bursts of its photos


def encounter_trials(tried: TriedPhotos, photos: int, score: Score = "nearest") -> EncounterTrials:
    """Try encounters of so many photos, one an individual that has as many.

    Their photos are of one burst where one is large enough, else of the individual's first by a
    hash. The bursts that they belong to are left out of their individual.
    """
    labelled = tried.labelled
    asked = _choose(tried, photos)
    rows = np.array([row for one in asked for row in one.rows], np.int64)
    left_out = [one.left_out for one in asked for _ in one.rows]
    fused: list[NDArray[np.float64]] = []
    waiting = np.zeros((0, len(labelled.ids)))
    for block in labelled.distances(rows, left_out, score):
        waiting = np.concatenate([waiting, block.distances])
        whole = len(waiting) // photos
        together = waiting[: whole * photos].reshape(whole, photos, -1)
        fused += [np.round(fuse(each), DISTANCE_DECIMALS) for each in together]
        waiting = waiting[whole * photos :]
    distances = np.array(fused).reshape(len(asked), len(labelled.ids))
    column = {name: at for at, name in enumerate(labelled.ids)}
    own = np.array([column[one.individual] for one in asked], np.int64)
    at = np.arange(len(asked))
    is_known = np.isfinite(distances[at, own]) if len(asked) else np.zeros(0, np.bool_)
    ranks = true_ranks(distances[is_known], own[is_known])
    known = Trials(first_distances(distances[is_known]), ranks, own[is_known])
    distances[at, own] = np.inf
    first = first_distances(distances)
    is_tried = np.isfinite(first[:, 0])
    return EncounterTrials(
        known,
        UnknownTrials(first[is_tried], own[is_tried], np.zeros(int(is_tried.sum()), np.int64)),
        labelled.ids,
    )


def _choose(tried: TriedPhotos, photos: int) -> list[_Encounter]:
    of_individual: defaultdict[str, list[int]] = defaultdict(list)
    for row in tried.sample.whole:
        if (one := tried.individuals[row]) is not None:
            of_individual[one].append(row)
    # First those that keep a photo in the catalogue, which are known trials too.
    able = sorted(
        (one for one, own in of_individual.items() if len(own) >= photos),
        key=lambda one: (len(of_individual[one]) == photos, hash_of(one)),
    )
    asked: list[_Encounter] = []
    for one in able[:MOST_ENCOUNTERS]:
        own = sorted(of_individual[one], key=tried.labelled.order_of)
        large = next((burst for row in own if len(burst := tried.burst(row)) >= photos), own)
        rows = list(large[:photos])
        left_out = {other for row in rows for other in tried.burst(row)}
        asked.append(_Encounter(one, rows, sorted(left_out)))
    return asked
