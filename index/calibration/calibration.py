"""What a distance is worth: thresholds for a chosen false-positive rate, and probabilities.

A threshold drifts as the gallery grows, since the nearest of N strangers gets nearer with N. So a
calibration belongs to one catalogue revision and is fitted again after each change that moves a
distance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from embedding.errors import FlukeprintError
from index.calibration.curves.histogram import NOT_COUNTED, Histogram
from index.calibration.curves.isotonic import FallingCurve
from index.calibration.curves.match_curve import MatchCurve
from index.calibration.curves.new_share import ShareEstimate, estimate_new_share
from index.calibration.rate_bounds import RateBounds
from index.search.matching import BadQuery, Score, Thresholds

KNOWN_FPIR = 0.05
"""Share of unknown animals that may pass as `known` by default."""
FEWEST_UNKNOWN_TRIALS = 10
WEAKEST_FPIR = 0.20
"""A catalogue too small for KNOWN_FPIR promises by default what it can, but no more than this."""
NEW_WHALE_FPIR = 0.30
"""Share of unknown animals that may be nearer than the default `new_whale` threshold."""
NEW_WHALE_SHARE = 0.3
"""Share of queries taken to be of unknown animals: 28 % in Kaggle 2018-19's competition."""
LEAST_PROBABILITY = 0.5
"""A match is `known` by default only where it is more probably right than wrong."""
EVERYBODY = "all species together"
"""What a calibration is called that was fitted to the whole catalogue."""

# Where nothing could be fitted: nothing is known without review, and no probability is above one
# half.
UNFITTED_THRESHOLDS = Thresholds(known=-1.0, new_whale=0.5)
UNFITTED_CURVE = MatchCurve(
    FallingCurve((0.0, 0.5, 1.0), (0.5, 0.1, 0.0)), FallingCurve((0.0,), (1.0,)), NEW_WHALE_SHARE
)


class BadCalibration(FlukeprintError):
    """A catalogue too small to promise a rate, or a stored calibration that cannot be read."""


@dataclass(frozen=True, slots=True)
class Within:
    """Of some trials, how many (n,) were at most as far as each stored distance (n,), ascending."""

    distances: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()

    def up_to(self, distances: NDArray[np.float64]) -> NDArray[np.int64]:
        """Count the trials up to each distance; where not all are stored, fewer."""
        counts = np.array((0, *self.counts), np.int64)
        return counts[np.searchsorted(self.distances, distances, side="right")]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Thresholds and probabilities of one catalogue revision, small enough to be stored with it.

    `bounds` say which false-positive rate can be promised at which distance, by `unknown_trials`
    photos of strangers; `unknown_animals` individuals were held out. `right` and `mistaken` are
    distances of known queries to their own individual where it was nearest, and to another that
    was. `trusted` is the largest distance up to which most answers are right, -1 where there is
    none. A first candidate's curve is read at its distance less `gap_weight` of what the second is
    farther away.

    `groups` are calibrations of single species, or of a viewpoint of one, for answers whose nearest
    photo is theirs. `encounters` are those of several photos together, by their number.
    """

    is_fitted: bool
    score: Score
    new_whale_share: float
    unknown_source: str
    known_trials: int
    unknown_trials: int
    unknown_animals: int
    bounds: RateBounds
    first: MatchCurve
    later: MatchCurve
    submission_threshold: float
    trusted: float = -1.0
    gap_weight: float = 0.0
    right: Within = Within()
    mistaken: Within = Within()
    histogram: Histogram = NOT_COUNTED
    name: str = EVERYBODY
    groups: Mapping[str, Calibration] = field(default_factory=lambda: MappingProxyType({}))
    encounters: Mapping[int, Calibration] = field(default_factory=lambda: MappingProxyType({}))

    def of_group(self, *names: str) -> Calibration:
        """The calibration of the first of these groups that has its own, else this one."""
        return next((self.groups[name] for name in names if name in self.groups), self)

    def of_encounter(self, photos: int) -> Calibration:
        """The calibration of so many photos together: the nearest number of photos below."""
        fitted = [count for count in self.encounters if count <= photos]
        return self.encounters[max(fitted)] if fitted else self

    def with_new_share(self, share: float) -> Calibration:
        """The same calibration where this share of the queries is of new animals.

        Raises BadCalibration for a share that is not between 0 and 1.
        """
        check_share(share)
        return replace(
            self,
            new_whale_share=share,
            trusted=most_trusted(self, share),
            groups={name: one.with_new_share(share) for name, one in self.groups.items()},
            encounters={count: one.with_new_share(share) for count, one in self.encounters.items()},
        )

    def estimated_share(self, known: NDArray[np.float64]) -> ShareEstimate | None:
        """Estimate the share of new animals from `known_probability` of some queries (n,).

        None for too few, and where photos of one individual don't find each other: distances then
        say nothing of who is new, and the smallest drift of them would be taken for it.
        """
        if not self.is_fitted or most_trusted(self, NEW_WHALE_SHARE) < 0:
            return None
        return estimate_new_share(known, self.new_whale_share)

    @property
    def smallest_rate(self) -> float:
        """The smallest false-positive rate that can be promised; 1 where none can be."""
        return self.bounds.rates[0] if self.is_fitted and self.bounds.rates else 1.0

    def threshold_at_fpir(self, fpir: float) -> float:
        """Find the largest distance within which no larger share of strangers is promised to come.

        Raises BadQuery outside (0, 1), BadCalibration for a rate that can't be promised.
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
        if fpir < self.smallest_rate:
            raise BadCalibration(
                f"the false-positive rate {fpir} can't be promised by {self.unknown_animals} "
                f"individuals ({self.name}); the smallest that can is "
                f"{np.ceil(self.smallest_rate * 1e4) / 1e4:g}. Ask for that or more, or add "
                "photos of more individuals"
            )
        # Just below the farthest stored distance that keeps the rate.
        at = int(np.searchsorted(self.bounds.rates, fpir, side="right")) - 1
        return float(np.nextafter(self.bounds.distances[at], -np.inf))

    def promised_at(self, distance: float) -> float:
        """Read the false-positive rate that is promised where answers up to a distance pass.

        Up to a negative one nobody passes: a threshold below 0 says that nothing is known.
        """
        return 0.0 if distance < 0 else _next(self.bounds.distances, self.bounds.rates, distance)

    def share_passing(self, distance: float) -> float:
        """Read the measured share of strangers that are as near as a distance."""
        return 0.0 if distance < 0 else _next(self.bounds.distances, self.bounds.shares, distance)

    def rate_error(self, rate: float) -> float:
        """One standard error of a measured false-positive rate, by the individuals that were tried.

        However large the catalogue is, no more than `trials.MOST_TRIALS` are. A rate of 0 isn't
        certain either (Agresti and Coull 1998).
        """
        tried = max(1, self.unknown_animals)
        likely = (rate * tried + 1) / (tried + 2)
        return (likely * (1 - likely) / tried) ** 0.5

    def thresholds(
        self, *, max_fpir: float | None = None, threshold: float | None = None
    ) -> Thresholds:
        """Choose the thresholds: the defaults, or by a false-positive rate, or by a distance.

        No threshold reaches where most answers would be wrong. By default each answer must be
        more probably right than wrong, too. Raises BadQuery for both at once and for values out of
        range, BadCalibration for a rate that can't be promised.
        """
        if max_fpir is not None and threshold is not None:
            raise BadQuery("both max_fpir and threshold were given; give one of them")
        if threshold is not None and not 0 <= threshold <= 2:
            raise BadQuery(f"threshold is {threshold}; give a cosine distance from 0 to 2")
        defaults = self._defaults()
        if max_fpir is not None:
            known = min(self.threshold_at_fpir(max_fpir), self.trusted)
            return Thresholds(known, max(known, defaults.new_whale))
        if threshold is not None:
            return replace(defaults, known=min(defaults.known, threshold), new_whale=threshold)
        return defaults

    def probability(self, distance: float, rank: int, *, gap: float = 0.0) -> float:
        """Read how probable it is that the candidate at this distance and 1-based rank is right.

        `gap`: how much farther the second is, for the first. Ranks after the fifth are read as the
        fifth, which they do not exceed.
        """
        if rank == 1:
            return self.first.at(distance - self.gap_weight * gap, self.new_whale_share)
        return self.later.at(distance, self.new_whale_share)

    def known_probability(self, distances: Sequence[float]) -> float:
        """Read how probable it is that an answer's animal is in the catalogue; nearest first."""
        if not distances:
            return 0.0
        gap = distances[1] - distances[0] if len(distances) > 1 else 0.0
        return self.first.known_at(distances[0] - self.gap_weight * gap, self.new_whale_share)

    def probabilities(self, distances: Sequence[float]) -> list[float]:
        """Compute the probabilities of one answer's candidates, nearest first.

        They never rise, and their sum is at most 1.
        """
        probabilities: list[float] = []
        left = 1.0
        gap = distances[1] - distances[0] if len(distances) > 1 else 0.0
        for rank, distance in enumerate(distances, start=1):
            at_most = min(left, probabilities[-1]) if probabilities else 1.0
            probabilities.append(min(self.probability(distance, rank, gap=gap), at_most))
            left = max(0.0, left - probabilities[-1])
        return probabilities

    @property
    def description(self) -> str:
        """Plain sentences: what the calibration was fitted to, or why it was not, and a warning."""
        trials = (
            f"{self.known_trials} known and {self.unknown_trials} unknown trials "
            f"({self.unknown_source})"
        )
        if not self.is_fitted:
            return (
                f"The catalogue is too small to calibrate: {trials}, where 1 and "
                f"{FEWEST_UNKNOWN_TRIALS} are "
                "needed; every near match goes to review."
            )
        said = (
            f"Calibrated on {trials}, taking {self.new_whale_share:.0%} of queries to be "
            "new whales."
        )
        if self.trusted < 0:
            return (
                f"{said} Photos of one individual did not find each other here, so that most "
                "matches would be wrong: nothing is known without review. Check the labels, and "
                "whether both sides of an animal have one name."
            )
        if self.smallest_rate > KNOWN_FPIR:
            return (
                f"{said} So few individuals can't promise a false-positive rate below "
                f"{self.smallest_rate:.2f}."
            )
        return said

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, strings and lists; `from_json` restores an equal calibration."""
        plain = asdict(replace(self, groups={}, encounters={}))
        plain["groups"] = {name: one.to_json() for name, one in self.groups.items()}
        plain["encounters"] = {str(count): one.to_json() for count, one in self.encounters.items()}
        return plain

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Calibration:
        """Restore a stored calibration.

        Raises BadCalibration for one that lacks a field or has others, as those have that
        flukeprint stored before it promised by individuals.
        """
        names = {each.name for each in fields(cls)}
        if set(stored) != names:
            raise BadCalibration(
                f"a stored calibration has the fields {', '.join(sorted(stored))}, "
                f"not {', '.join(sorted(names))}; run `flukeprint index update` to fit it again"
            )
        values = dict(stored)
        try:
            values["bounds"] = RateBounds(**_tuples(stored["bounds"]))
            for curve in ("first", "later"):
                values[curve] = MatchCurve(
                    FallingCurve(**_tuples(stored[curve]["is_known"])),
                    FallingCurve(**_tuples(stored[curve]["is_right"])),
                    float(stored[curve]["new_whale_share"]),
                )
            for counted in ("right", "mistaken"):
                values[counted] = Within(**_tuples(stored[counted]))
            values["histogram"] = Histogram(**_tuples(stored["histogram"]))
            groups, encounters = stored["groups"], stored["encounters"]
            values["groups"] = {name: cls.from_json(one) for name, one in groups.items()}
            values["encounters"] = {int(at): cls.from_json(one) for at, one in encounters.items()}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise BadCalibration(
                f"a stored calibration cannot be read ({error}); run `flukeprint index update` "
                "to fit it again"
            ) from error
        return cls(**values)

    def _defaults(self) -> Thresholds:
        if not self.is_fitted:
            return UNFITTED_THRESHOLDS
        rate = max(KNOWN_FPIR, self.smallest_rate)
        known = self.threshold_at_fpir(rate) if rate <= WEAKEST_FPIR else -1.0
        known = min(known, self.trusted)
        # How near strangers come is measured here, not promised: beyond it nobody is named anyway.
        at = int(np.searchsorted(self.bounds.shares, NEW_WHALE_FPIR, side="right")) - 1
        new_whale = float(np.nextafter(self.bounds.distances[max(0, at)], -np.inf))
        return Thresholds(known, max(known, new_whale), LEAST_PROBABILITY)


def most_trusted(calibration: Calibration, share: float) -> float:
    """Find the largest distance up to which most answers are right; -1 where there is none."""
    right, mistaken, bounds = calibration.right, calibration.mistaken, calibration.bounds
    distances = np.unique([*right.distances, *bounds.distances])
    known = (1 - share) / max(1, calibration.known_trials)
    of_right = known * right.up_to(distances)
    shares = np.append(bounds.shares, 1.0)
    passing = shares[np.searchsorted(bounds.distances, distances, side="right")]
    wrong = known * mistaken.up_to(distances) + share * passing
    trusted = distances[(of_right > 0) & (of_right >= wrong)]
    return float(trusted[-1]) if len(trusted) else -1.0


def readable_calibration(stored: Mapping[str, Any] | None) -> Calibration | None:
    """A stored calibration; None where there is none, or one of an older flukeprint."""
    try:
        return Calibration.from_json(stored or {})
    except BadCalibration:
        return None


def check_share(share: float) -> None:
    """Raise BadCalibration for a share of new animals that is not between 0 and 1."""
    if not 0 < share < 1:
        raise BadCalibration(f"new_whale_share is {share}; give a share between 0 and 1")


def _next(distances: Sequence[float], values: Sequence[float], distance: float) -> float:
    """The value of the first stored distance beyond this one, 1 beyond them all."""
    after = int(np.searchsorted(distances, distance, side="right"))
    return values[after] if after < len(values) else 1.0


def _tuples(stored: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    return {name: tuple(cast("Sequence[Any]", values)) for name, values in stored.items()}
