"""How far photos of one animal lie from each other when nobody knows that it is one.

An individual's photos are split into two halves that share no burst, as if it had two ids.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from index.calibration.bursts import PhotoFacts, find_bursts
from index.calibration.trials import hash_of
from index.search.engine import exact_distances
from index.search.rows.live_rows import LiveRows

MOST_SPLIT = 4000
"""Individuals that are split, whatever the catalogue's size: those first by a hash of the name."""


def split_distances(
    vectors: LiveRows, individuals: Sequence[str], facts: PhotoFacts = PhotoFacts()
) -> NDArray[np.float64]:
    """Split individuals in two and measure how near the halves' nearest photos are: (s,).

    The rows (m, d) are labelled photos. Individuals seen in one burst can't be split. Where an
    individual is split depends on its name alone, and not on the other photos.
    """
    of_individual: defaultdict[str, list[int]] = defaultdict(list)
    for row, individual in enumerate(individuals):
        of_individual[individual].append(row)
    several = [one for one, rows in of_individual.items() if len(rows) > 1]
    chosen = sorted(several, key=hash_of)[:MOST_SPLIT]
    rows = [row for one in chosen for row in of_individual[one]]
    bursts = find_bursts(rows, individuals, vectors, facts)
    burst_of = dict(zip(rows, bursts.tolist(), strict=True))
    found: list[float] = []
    for one in chosen:
        together: defaultdict[int, list[int]] = defaultdict(list)
        for row in of_individual[one]:
            together[burst_of[row]].append(row)
        if len(together) < 2:
            continue
        rng = np.random.default_rng(int.from_bytes(hash_of(one)))
        order: list[int] = rng.permutation(len(together)).tolist()
        cut = int(rng.integers(1, len(together)))
        members = list(together.values())
        one_half = [row for at in order[:cut] for row in members[at]]
        other_half = [row for at in order[cut:] for row in members[at]]
        halves = [vectors.dense(np.array(half)) for half in (one_half, other_half)]
        found.append(float(exact_distances(*halves).min()))
    return np.array(found)
