"""Bursts: photos of one animal that were taken together, and can't answer for each other.

A photo finds its neighbour in a burst far more easily than the same animal on another day. So a
trial leaves out the whole burst of its photo.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from types import MappingProxyType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from index.search.hamming import near_code_pairs
from index.search.rows.live_rows import LiveRows
from index.search.vectors import FloatArray

BURST_TIME = timedelta(hours=1)
"""Photos of one individual that are no farther apart in time are one burst."""
BURST_BITS = 70
"""Photos of one individual whose perceptual hashes differ in no more bits are one picture.

Measured on humpbacks (tests/bench/burst_pictures.py): frames that are saved again, brightened or
cropped by 3 to 5 % differ in 64 bits at most, those turned by 3 degrees in 72 (99 %). Of 1,260
pairs of photos of one animal as labelled, 99 % differ in 85 bits or more.
"""
ALIKE_BITS = 100
BURST_DISTANCE = 0.05
"""Pictures within ALIKE_BITS are a burst where their vectors are as near as this.

Frames cropped by 8 % are (75 % within the bits, 95 % within the distance); photos of one animal as
labelled hardly ever (5 % and .6 %). The distance alone would call all photos of an animal a burst
where a checkpoint is very good.
"""
NOBODY_BITS = 40
"""Photos of nobody known are one picture within so many bits: there are many pairs of them."""

_MOST_COMPARED = 500  # photos of one individual compared pair by pair; more are taken in file order


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """What a catalogue knows of its photos besides their individuals; parallel rows, or empty.

    `encounters` name meetings, `taken_at` are ISO 8601 times, `hashes` perceptual hashes and
    `viewpoints` sides; each None where it isn't known. `species` are those of individuals.
    """

    encounters: Sequence[str | None] = ()
    taken_at: Sequence[str | None] = ()
    hashes: Sequence[bytes | None] = ()
    viewpoints: Sequence[str | None] = ()
    species: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def find_bursts(
    rows: Sequence[int],
    individuals: Sequence[str | None],
    vectors: FloatArray | LiveRows,
    facts: PhotoFacts,
) -> NDArray[np.int64]:
    """Number the bursts of some photos, given by their rows: (n,) from 0.

    Photos of one individual are one burst by encounter, time or picture, and photos of nobody known
    by encounter or picture: two strangers may be met at one time.
    """
    pairs: list[tuple[int, int]] = []
    of_individual: defaultdict[str | None, list[int]] = defaultdict(list)
    for at, row in enumerate(rows):
        of_individual[individuals[row]].append(at)
    for individual, own in of_individual.items():
        pairs += _by_encounter(own, rows, facts.encounters)
        if individual is None:
            pairs += _same_pictures(own, rows, facts.hashes)
        else:
            pairs += _by_time(own, rows, facts.taken_at)
            pairs += _by_picture(own, rows, facts.hashes, vectors)
    return _connected(pairs, len(rows))


def find_days(
    individuals: Sequence[str | None], bursts: NDArray[np.int64], taken_at: Sequence[str | None]
) -> NDArray[np.int64]:
    """Number what was met on one day: (n,) from 0; `bursts` (n,) are never divided.

    Photos of one individual with one date are one day's, by the clock of the place. A photo without
    a date, or of nobody known, is of its burst's day alone.
    """
    dates = [None if (time := _time_of(each)) is None else time.date() for each in taken_at]
    keys = [
        None if individual is None or date is None else (individual, date)
        for individual, date in zip(individuals, dates, strict=True)
    ]
    pairs = _chains((key, at) for at, key in enumerate(keys))
    pairs += _chains((burst, at) for at, burst in enumerate(bursts.tolist()))
    return _connected(pairs, len(keys))


def _connected(pairs: Sequence[tuple[int, int]], count: int) -> NDArray[np.int64]:
    """Number what pairs connect, directly or over others: (count,) from 0."""
    joined = np.array(pairs, np.int64).reshape(-1, 2)
    import scipy.sparse  # pyright: ignore[reportMissingTypeStubs]
    from scipy.sparse import csgraph  # pyright: ignore[reportMissingTypeStubs]

    sparse: Any = scipy.sparse  # imported here: it takes longer than a command's rest
    components: Any = cast(Any, csgraph).connected_components
    graph = sparse.coo_matrix(
        (np.ones(len(joined), np.bool_), (joined[:, 0], joined[:, 1])), shape=(count, count)
    )
    return np.asarray(components(graph, directed=False)[1], np.int64)


def _by_encounter(
    own: Sequence[int], rows: Sequence[int], encounters: Sequence[str | None]
) -> Iterable[tuple[int, int]]:
    if not encounters:
        return ()
    return _chains((encounters[rows[at]], at) for at in own)


def _by_time(
    own: Sequence[int], rows: Sequence[int], taken_at: Sequence[str | None]
) -> Iterable[tuple[int, int]]:
    """Join photos that follow one another within BURST_TIME, or have one date without a time."""
    if not taken_at:
        return ()
    dated = sorted((time, at) for at in own if (time := _time_of(taken_at[rows[at]])) is not None)
    return [
        (before[1], after[1])
        for before, after in pairwise(dated)
        if after[0] - before[0] <= BURST_TIME
    ]


def _by_picture(
    own: Sequence[int],
    rows: Sequence[int],
    hashes: Sequence[bytes | None],
    vectors: FloatArray | LiveRows,
) -> Iterable[tuple[int, int]]:
    hashed = [at for at in own if hashes and hashes[rows[at]] is not None]
    for start in range(0, len(hashed), _MOST_COMPARED):
        block = hashed[start : start + _MOST_COMPARED]
        bits = _bits([hashes[rows[at]] or b"" for at in block])
        counts = bits.sum(axis=1)
        differing = counts[:, None] + counts[None] - 2 * bits @ bits.T
        own_rows = np.array([rows[at] for at in block], np.int64)
        near = vectors.dense(own_rows) if isinstance(vectors, LiveRows) else vectors[own_rows]
        is_near = near @ near.T >= 1 - BURST_DISTANCE
        is_burst = (differing <= BURST_BITS) | ((differing <= ALIKE_BITS) & is_near)
        ones, others = np.nonzero(np.triu(is_burst, 1))
        for one, other in zip(ones.tolist(), others.tolist(), strict=True):
            yield block[one], block[other]


def _bits(hashes: Sequence[bytes]) -> NDArray[np.float32]:
    codes = np.frombuffer(b"".join(hashes), np.uint8).reshape(len(hashes), -1)
    return np.unpackbits(codes, axis=1).astype(np.float32)


def _same_pictures(
    own: Sequence[int], rows: Sequence[int], hashes: Sequence[bytes | None]
) -> Iterable[tuple[int, int]]:
    hashed = [at for at in own if hashes and hashes[rows[at]] is not None]
    if len(hashed) < 2:
        return ()
    codes = np.stack([np.frombuffer(hashes[rows[at]] or b"", np.uint8) for at in hashed])
    pairs: list[tuple[int, int]] = []
    for block in near_code_pairs(codes, NOBODY_BITS):
        ones, others = cast("list[list[int]]", block[:, :2].T.tolist())
        pairs += [(hashed[one], hashed[other]) for one, other in zip(ones, others, strict=True)]
    return pairs


def _chains(keyed: Iterable[tuple[Hashable, int]]) -> list[tuple[int, int]]:
    """Join the places of each key; None is no key."""
    last: dict[Hashable, int] = {}
    pairs: list[tuple[int, int]] = []
    for key, at in keyed:
        if key is None:
            continue
        if key in last:
            pairs.append((last[key], at))
        last[key] = at
    return pairs


def _time_of(taken_at: str | None) -> datetime | None:
    if taken_at is None:
        return None
    try:
        return datetime.fromisoformat(taken_at).replace(tzinfo=None)
    except ValueError:
        return None
