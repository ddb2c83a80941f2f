"""What a distance is worth: thresholds for a chosen false-positive rate, and probabilities.

A threshold drifts as the gallery grows, since the nearest of N strangers gets nearer with N. So a
calibration belongs to one catalogue revision and is fitted again at each build and update.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from embedding.errors import FlukeprintError
from index.calibration.histogram import NOT_COUNTED, Histogram, count
from index.calibration.isotonic import FallingCurve, fit_falling
from index.calibration.leave_one_out import Trials, catalogue_trials
from index.search.matching import BadQuery, Score, Thresholds
from index.search.vectors import FloatArray

UnknownSource = Literal[
    "new_whale photos",  # of calibrations stored before both kinds were used together
    "held-out individuals",
    "held-out individuals and new_whale photos",
]

KNOWN_FPIR = 0.05
"""Share of unknown animals that may pass as `known` by default."""
NEW_WHALE_FPIR = 0.30
"""Share of unknown animals that may be nearer than the default `new_whale` threshold."""
NEW_WHALE_SHARE = 0.3
"""Share of queries taken to be of unknown animals: 28 % in Kaggle 2018-19's competition."""
FEWEST_UNKNOWN_TRIALS = 10
ENOUGH_NEW_WHALE_PHOTOS = 50
"""With as many, new_whale photos are a kind of stranger of their own."""

# Where nothing could be fitted: nothing is known without review, and no probability is above one
# half.
_UNFITTED_THRESHOLDS = Thresholds(known=-1.0, new_whale=0.5)
_UNFITTED_CURVE = FallingCurve((0.0, 0.5, 1.0), (0.5, 0.1, 0.0))
_LOWEST_DISTANCES = (
    200  # of the stored unknown distances, those kept one by one: low rates need them
)
_MOST_DISTANCES = 1000


class BadCalibration(FlukeprintError):
    """A catalogue too small to promise a rate, or a stored calibration that cannot be read."""


@dataclass(frozen=True, slots=True)
class Strangers:
    """What unknown queries of one kind, or of several, got from the catalogue.

    `nearest` (n,) are distances to the nearest individual, ascending, by which rates are promised.
    `candidates` (u, r) are those of all candidates, for probabilities. `submitted` (s,) are nearest
    distances of the unknown photos that a competition asks about.
    """

    nearest: NDArray[np.float64]
    candidates: NDArray[np.float64]
    submitted: NDArray[np.float64]
    source: UnknownSource

    @classmethod
    def of_one_kind(
        cls, candidates: NDArray[np.float64], source: UnknownSource = "held-out individuals"
    ) -> Strangers:
        """Take the candidates (u,) or (u, r) of unknown queries of one kind."""
        rows = candidates if candidates.ndim == 2 else candidates[:, None]
        nearest = np.sort(rows[:, 0])
        return cls(nearest, rows, nearest, source)

    @classmethod
    def of_two_kinds(
        cls, held_out: NDArray[np.float64], new_whales: NDArray[np.float64]
    ) -> Strangers:
        """Promise rates for the harder of two kinds (u, r); probabilities weigh both the same.

        An animal that the catalogue lacks lies nearer to it than a new_whale photo does: of flukes,
        thresholds fitted to new_whale photos alone let twice the promised share of such animals
        pass. So at each rate the smaller of the two distances counts.
        """
        count = max(len(held_out), len(new_whales))
        one, other = _quantiles(held_out, count), _quantiles(new_whales, count)
        return cls(
            nearest=np.minimum(one[:, 0], other[:, 0]),
            candidates=np.concatenate([one, other]),
            submitted=np.sort(new_whales[:, 0]),
            source="held-out individuals and new_whale photos",
        )


@dataclass(frozen=True, slots=True)
class Calibration:
    """Thresholds and probabilities of one catalogue revision, small enough to be stored with it.

    `unknown_distances` are distances of unknown queries to their nearest individual, ascending, and
    `unknown_nearer` how many of all `unknown_trials` were nearer than each. `right_distances` are
    those of known queries to their own individual where it was nearest, `right_within` how many
    were as near as each or nearer. The last three are empty in a calibration that was stored before
    they were kept.
    """

    is_fitted: bool
    score: Score
    new_whale_share: float
    unknown_source: UnknownSource
    known_trials: int
    unknown_trials: int
    unknown_distances: tuple[float, ...]
    unknown_nearer: tuple[int, ...]
    first: FallingCurve
    later: FallingCurve
    submission_threshold: float
    right_distances: tuple[float, ...] = ()
    right_within: tuple[int, ...] = ()
    histogram: Histogram = NOT_COUNTED

    @classmethod
    def from_trials(
        cls,
        known: Trials,
        unknown: Strangers | NDArray[np.float64],
        *,
        score: Score = "nearest",
        new_whale_share: float = NEW_WHALE_SHARE,
    ) -> Calibration:
        """Fit to known trials, and to strangers or distances (u,) or (u, r) of their candidates.

        With no known trial or fewer than FEWEST_UNKNOWN_TRIALS unknown ones nothing is fitted:
        thresholds and probabilities are then cautious constants and `is_fitted` is False.
        """
        if not 0 < new_whale_share < 1:
            raise BadCalibration(
                f"new_whale_share is {new_whale_share}; give a share between 0 and 1"
            )
        strangers = unknown if isinstance(unknown, Strangers) else Strangers.of_one_kind(unknown)
        nearest = strangers.nearest
        stored = _stored_positions(len(nearest))
        is_right = known.true_ranks == 1
        right = np.sort(known.distances[is_right, 0])
        kept_right = right[_stored_positions(len(right))]
        is_fitted = len(known.true_ranks) > 0 and len(nearest) >= FEWEST_UNKNOWN_TRIALS
        first = later = _UNFITTED_CURVE
        submission_threshold = _UNFITTED_THRESHOLDS.new_whale
        if is_fitted:
            first = _fit_ranks(known, strangers.candidates, slice(0, 1), new_whale_share)
            later = _fit_ranks(known, strangers.candidates, slice(1, None), new_whale_share)
            submission_threshold = best_submission_threshold(
                known, strangers.submitted, new_whale_share
            )
        return cls(
            is_fitted=is_fitted,
            score=score,
            new_whale_share=new_whale_share,
            unknown_source=strangers.source,
            known_trials=len(known.true_ranks),
            unknown_trials=len(nearest),
            unknown_distances=tuple(nearest[stored].tolist()),
            unknown_nearer=tuple(np.searchsorted(nearest, nearest[stored]).tolist()),
            first=first,
            later=later,
            submission_threshold=submission_threshold,
            right_distances=tuple(kept_right.tolist()),
            right_within=tuple(np.searchsorted(right, kept_right, side="right").tolist()),
            histogram=count(known.distances[:, 0], is_right, nearest),
        )

    def threshold_at_fpir(self, fpir: float) -> float:
        """Find the largest distance with a false-positive rate of at most `fpir`.

        The rate is the share of unknown queries that have a candidate within it.

        Raises BadQuery outside (0, 1), BadCalibration for an unfitted calibration.
        """
        if not 0 < fpir < 1:
            raise BadQuery(
                f"the false-positive rate is {fpir}; give a share between 0 and 1, such as 0.05"
            )
        if not self.is_fitted:
            raise BadCalibration(
                f"{self.description} No false-positive rate can be promised; add photos of more "
                "individuals, "
                "or give a distance threshold instead"
            )
        allowed = math.floor(fpir * self.unknown_trials + 1e-9)
        # Just below the farthest stored distance that no more than the allowed trials are nearer
        # than.
        at = int(np.searchsorted(self.unknown_nearer, allowed, side="right")) - 1
        return math.nextafter(self.unknown_distances[at], -math.inf)

    def thresholds(
        self, *, max_fpir: float | None = None, threshold: float | None = None
    ) -> Thresholds:
        """Choose the thresholds: the defaults, or by a false-positive rate, or by a distance.

        Raises BadQuery for both at once and for values out of range.
        """
        if max_fpir is not None and threshold is not None:
            raise BadQuery("both max_fpir and threshold were given; give one of them")
        if threshold is not None and not 0 <= threshold <= 2:
            raise BadQuery(f"threshold is {threshold}; give a cosine distance from 0 to 2")
        if max_fpir is not None:
            known = self.threshold_at_fpir(max_fpir)
            return Thresholds(known, max(known, self._defaults().new_whale))
        defaults = self._defaults()
        if threshold is not None:
            return Thresholds(min(defaults.known, threshold), threshold)
        return defaults

    def probability(self, distance: float, rank: int) -> float:
        """Read how probable it is that the candidate at this distance and 1-based rank is right.

        Ranks after the fifth are read as the fifth, which they do not exceed.
        """
        return (self.first if rank == 1 else self.later).at(distance)

    def probabilities(self, distances: Sequence[float]) -> list[float]:
        """Compute the probabilities of one answer's candidates, nearest first.

        They never rise, and their sum is at most 1.
        """
        probabilities: list[float] = []
        left = 1.0
        for rank, distance in enumerate(distances, start=1):
            at_most = min(left, probabilities[-1]) if probabilities else 1.0
            probabilities.append(min(self.probability(distance, rank), at_most))
            left = max(0.0, left - probabilities[-1])
        return probabilities

    @property
    def description(self) -> str:
        """One plain sentence: what the calibration was fitted to, or why it was not."""
        trials = (
            f"{self.known_trials} known and {self.unknown_trials} unknown trials "
            f"({self.unknown_source})"
        )
        if self.is_fitted:
            return (
                f"Calibrated on {trials}, taking {self.new_whale_share:.0%} of queries to be "
                "new whales."
            )
        return (
            f"The catalogue is too small to calibrate: {trials}, where 1 and "
            f"{FEWEST_UNKNOWN_TRIALS} are "
            "needed; every near match goes to review."
        )

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, strings and lists; `from_json` restores an equal calibration."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Calibration:
        """Restore a stored calibration.

        Raises BadCalibration for one that lacks a field or has others.

        Fields that came later have a default and may be lacking: a catalogue outlives its software.
        """
        names = {field.name for field in fields(cls)}
        needed = {field.name for field in fields(cls) if field.default is MISSING}
        if not needed <= set(stored) <= names:
            raise BadCalibration(
                f"a stored calibration has the fields {', '.join(sorted(stored))}, "
                f"not {', '.join(sorted(names))}; run `flukeprint index update` to fit it again"
            )
        values = dict(stored)
        try:
            for curve in ("first", "later"):
                values[curve] = FallingCurve(
                    **{name: tuple(knots) for name, knots in stored[curve].items()}
                )
            for numbers in (
                "unknown_distances",
                "unknown_nearer",
                "right_distances",
                "right_within",
            ):
                values[numbers] = tuple(stored.get(numbers, ()))
            bins: Mapping[str, Sequence[int]] = stored.get("histogram", {})
            values["histogram"] = Histogram(
                **{name: tuple(counts) for name, counts in bins.items()}
            )
        except (AttributeError, TypeError) as error:
            raise BadCalibration(
                f"a stored calibration cannot be read ({error}); run `flukeprint index update` "
                "to fit it again"
            ) from error
        return cls(**values)

    def _defaults(self) -> Thresholds:
        if not self.is_fitted:
            return _UNFITTED_THRESHOLDS
        return Thresholds(
            self.threshold_at_fpir(KNOWN_FPIR), self.threshold_at_fpir(NEW_WHALE_FPIR)
        )


def calibrate(
    vectors: FloatArray,
    individuals: Sequence[str | None],
    *,
    score: Score = "nearest",
    new_whale_share: float = NEW_WHALE_SHARE,
) -> Calibration:
    """Fit to a catalogue's own photos (m, d), each tried with itself left out of the gallery.

    A known trial leaves the photo out, an unknown one its whole individual; an individual seen once
    gives only the latter. Photos whose individual is None are of unknown animals. From
    ENOUGH_NEW_WHALE_PHOTOS of them on they are a kind of their own, and rates are promised for the
    harder kind; fewer of them are counted among the held-out individuals.
    """
    trials = catalogue_trials(vectors, individuals, score)
    if len(trials.unlabelled) >= ENOUGH_NEW_WHALE_PHOTOS and len(trials.held_out):
        strangers = Strangers.of_two_kinds(trials.held_out, trials.unlabelled)
    else:
        strangers = Strangers.of_one_kind(np.concatenate([trials.held_out, trials.unlabelled]))
    return Calibration.from_trials(
        trials.known, strangers, score=score, new_whale_share=new_whale_share
    )


def best_submission_threshold(
    known: Trials, unknown_nearest: NDArray[np.float64], new_whale_share: float
) -> float:
    """Find the distance for new_whale with the best expected MAP@5.

    Beyond it new_whale is the first label, else the second.

    Only two kinds of trial depend on it: within the distance a known query whose first candidate is
    right scores 1 instead of 1/2, and an unknown one 1/2 instead of 1. Below 0: new_whale always
    comes first.
    """
    right = known.distances[known.true_ranks == 1, 0]
    distances = np.unique(np.concatenate([right, unknown_nearest]))
    gained = np.searchsorted(np.sort(right), distances, side="right") / len(known.true_ranks)
    lost = np.searchsorted(np.sort(unknown_nearest), distances, side="right") / len(unknown_nearest)
    net = (1 - new_whale_share) * gained - new_whale_share * lost
    best = int(np.argmax(net))
    return float(distances[best]) if net[best] > 0 else -1.0


def _fit_ranks(
    known: Trials, unknown: NDArray[np.float64], ranks: slice, new_whale_share: float
) -> FallingCurve:
    """Fit one curve to the candidates at these places (0-based) of every trial, pooled."""
    places = np.arange(known.distances.shape[1], dtype=np.int64)[ranks]
    is_right = known.true_ranks[:, None] == places + 1  # (t, places)
    of_known, of_unknown = known.distances[:, ranks], unknown[:, ranks]
    is_there = np.isfinite(of_known)
    if not is_there.any():
        return FallingCurve((0.0,), (0.0,))  # no catalogue this small ever gives such a candidate
    return fit_falling(
        of_known[is_there],
        is_right[is_there],
        of_unknown[np.isfinite(of_unknown)],
        unknown_share=new_whale_share,
    )


def _quantiles(distances: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Stretch sorted columns (u, r) to `count` rows: the same distribution in so many numbers."""
    rows = (np.arange(count) * len(distances)) // count
    return np.sort(distances, axis=0)[rows]


def _stored_positions(count: int) -> NDArray[np.int64]:
    """Which of the sorted unknown distances to store: the lowest one by one, the others evenly."""
    if count <= _MOST_DISTANCES:
        return np.arange(count)
    others = np.linspace(_LOWEST_DISTANCES, count - 1, _MOST_DISTANCES - _LOWEST_DISTANCES).astype(
        np.int64
    )
    return np.concatenate([np.arange(_LOWEST_DISTANCES), others])
