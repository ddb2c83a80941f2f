"""Trials of encounters: several photos of one animal, asked about together."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.calibration.trials import (
    TRIAL_RANKS,
    Trials,
    TriedPhotos,
    UnknownTrials,
    hash_of,
)
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
    known, held_out = [_no_distances()], [_no_distances()]
    ranks, animals = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    strangers = [np.zeros(0, np.int64)]
    for block in labelled.distances(rows, left_out, score, photos=photos):
        together = block.fused(photos)
        is_known = np.isfinite(together.own_cosines)
        known.append(together.first_distances(is_known, TRIAL_RANKS))
        ranks.append(together.true_ranks(is_known))
        animals.append(together.columns[is_known])
        if len(labelled.ids) > 1:
            without = together.without_own()
            held_out.append(without.first_distances(without.is_labelled, TRIAL_RANKS))
            strangers.append(without.columns)
    unknown = np.concatenate(strangers)
    return EncounterTrials(
        Trials(np.concatenate(known), np.concatenate(ranks), np.concatenate(animals)),
        UnknownTrials(np.concatenate(held_out), unknown, np.zeros(len(unknown), np.int64)),
        labelled.ids,
    )


def _no_distances() -> NDArray[np.float64]:
    return np.zeros((0, TRIAL_RANKS))


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
