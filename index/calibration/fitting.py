"""Fit a calibration: to a catalogue's own photos, and to any trials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.calibration.bursts import PhotoFacts
from index.calibration.calibration import (
    EVERYBODY,
    FEWEST_UNKNOWN_TRIALS,
    NEW_WHALE_SHARE,
    UNFITTED_CURVE,
    UNFITTED_THRESHOLDS,
    Calibration,
    Within,
    check_share,
    most_trusted,
)
from index.calibration.curves.histogram import count
from index.calibration.curves.isotonic import NEVER
from index.calibration.curves.match_curve import MatchCurve, fit_match_curve
from index.calibration.encounters import ENCOUNTER_PHOTOS, EncounterTrials, encounter_trials
from index.calibration.rate_bounds import (
    ENOUGH_ANIMALS,
    StrangerKind,
    bound_rates,
    stored_positions,
)
from index.calibration.trials import (
    CatalogueTrials,
    Trials,
    TriedPhotos,
    UnknownTrials,
    catalogue_trials,
)
from index.search.engine import DISTANCE_DECIMALS
from index.search.matching import Score
from index.search.rows.live_rows import LiveRows
from index.search.vectors import FloatArray

FEWEST_OF_GROUP = 30
"""Individuals as strangers, and known trials, that a species needs for a calibration of its own."""
FEWEST_OF_VIEWPOINT = 100
"""The same for a viewpoint, whose strangers must be nearer or farther than its species', too."""
_DIFFERENT = 0.01  # level at which two kinds of distance are told apart

GAP_WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
_FOLDS = 5
_FEWEST_TO_VALIDATE = 50  # known animals; fewer can't choose a shape
_FEWEST_FOR_ISOTONIC = 300
"""Known trials; isotonic curves follow each of fewer (docs/experiments.md)."""


def calibrate(
    vectors: FloatArray | LiveRows,
    individuals: Sequence[str | None],
    *,
    score: Score = "nearest",
    new_whale_share: float = NEW_WHALE_SHARE,
    facts: PhotoFacts = PhotoFacts(),
) -> Calibration:
    """Fit to a catalogue's own photos (m, d), each tried with its burst left out of the gallery.

    A known trial leaves the burst out, an unknown one its whole individual; an individual seen in
    one burst gives only the latter. Photos whose individual is None are of unknown animals. Species
    with enough individuals get calibrations of their own, and so do encounters by their number of
    photos. Raises BadVectors, BadCalibration for a share that is not between 0 and 1.
    """
    tried = TriedPhotos.of(vectors, individuals, facts)
    trials = catalogue_trials(tried, score)
    whole = _fit_catalogue(trials, None, score, new_whale_share)
    groups = {
        name: replace(_fit_catalogue(trials, chosen, score, new_whale_share), name=name)
        for name, chosen in _groups(trials)
    }
    groups = {name: one for name, one in groups.items() if one.is_fitted}
    return _with_encounters(
        replace(whole, groups=groups),
        {
            photos: encounter_trials(tried, photos, score)
            for photos in (ENCOUNTER_PHOTOS if whole.is_fitted else ())
        },
        facts.species,
    )


def fit_trials(
    known: Trials,
    strangers: Sequence[StrangerKind] | NDArray[np.float64],
    *,
    score: Score = "nearest",
    new_whale_share: float = NEW_WHALE_SHARE,
) -> Calibration:
    """Fit to known trials, and to kinds of stranger or distances (u,) or (u, r) of as many.

    With no known trial or fewer than FEWEST_UNKNOWN_TRIALS unknown ones nothing is fitted:
    thresholds and probabilities are then cautious constants and `is_fitted` is False.
    """
    check_share(new_whale_share)
    kinds = [_one_kind(strangers)] if isinstance(strangers, np.ndarray) else list(strangers)
    kinds = [kinds[0], *(kind for kind in kinds[1:] if len(kind.distances))]
    nearest = np.concatenate([kind.distances[:, 0] for kind in kinds])
    is_right = known.true_ranks == 1
    is_fitted = len(known.true_ranks) > 0 and len(nearest) >= FEWEST_UNKNOWN_TRIALS
    first = later = UNFITTED_CURVE
    submission_threshold, weight = UNFITTED_THRESHOLDS.new_whale, 0.0
    if is_fitted:
        shape = choose_shape(known, kinds, new_whale_share)
        weight = shape.gap_weight
        first = _fit_first(known, kinds, shape, new_whale_share)
        later = _fit_later(known, kinds, new_whale_share)
        submission_threshold = best_submission_threshold(
            known, np.sort(kinds[-1].distances[:, 0]), new_whale_share
        )
    fitted = Calibration(
        is_fitted=is_fitted,
        score=score,
        new_whale_share=new_whale_share,
        unknown_source=_source(kinds),
        known_trials=len(known.true_ranks),
        unknown_trials=len(nearest),
        unknown_animals=kinds[0].animal_count,
        bounds=bound_rates(kinds),
        first=first,
        later=later,
        submission_threshold=submission_threshold,
        gap_weight=weight,
        right=_within(known.distances[is_right, 0]),
        mistaken=_within(known.distances[~is_right, 0]),
        histogram=count(known.distances[:, 0], is_right, nearest),
    )
    return replace(fitted, trusted=most_trusted(fitted, new_whale_share))


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


def first_scores(distances: NDArray[np.float64], weight: float) -> NDArray[np.float64]:
    """The first candidates' distances (n,), less a weight of the gap to the second: of (n, r)."""
    nearest = distances[:, 0]
    if distances.shape[1] < 2 or not weight:
        return nearest
    gap = distances[:, 1] - nearest
    return np.round(nearest - weight * np.where(np.isfinite(gap), gap, 0.0), DISTANCE_DECIMALS)


class CurveShape(NamedTuple):
    """How a first candidate's probability is fitted: logistic or isotonic, and the gap's part."""

    is_logistic: bool
    gap_weight: float


def choose_shape(
    known: Trials, kinds: Sequence[StrangerKind], new_whale_share: float
) -> CurveShape:
    """Choose the shape of the first candidates' curves, by validation over animals.

    Curves are fitted to four fifths of the animals and judged by their log loss on the rest. The
    gap counts where isotonic curves are better with it, by more than a standard error of the
    difference. Logistic curves are taken where they are better than those by two. With too few
    animals for validation the curves are of the distance alone, and logistic where trials are few.
    """
    animals = np.arange(len(known.true_ranks)) if known.animals is None else known.animals
    if len(np.unique(animals)) < _FEWEST_TO_VALIDATE:
        return CurveShape(len(animals) < _FEWEST_FOR_ISOTONIC, 0.0)
    losses = {
        weight: _losses(known, animals, kinds, CurveShape(False, weight), new_whale_share)
        for weight in GAP_WEIGHTS
    }
    best = min(GAP_WEIGHTS, key=lambda weight: float(losses[weight].sum()))
    weight = best if _is_less(losses[best], losses[0.0]) else 0.0
    logistic = CurveShape(True, weight)
    of_logistic = _losses(known, animals, kinds, logistic, new_whale_share)
    is_logistic = _is_less(of_logistic, losses[weight], errors=2.0)
    return logistic if is_logistic else CurveShape(False, weight)


def _is_less(
    losses: NDArray[np.float64], than: NDArray[np.float64], *, errors: float = 1.0
) -> bool:
    """Whether one of two losses by trial (n,) is less by more than so many standard errors."""
    gained = than - losses
    return float(gained.sum()) > errors * float(gained.std()) * len(gained) ** 0.5


def _fit_first(
    known: Trials, kinds: Sequence[StrangerKind], shape: CurveShape, share: float
) -> MatchCurve:
    return fit_match_curve(
        first_scores(known.distances, shape.gap_weight),
        known.true_ranks == 1,
        [first_scores(kind.distances, shape.gap_weight) for kind in kinds],
        share,
        is_logistic=shape.is_logistic,
    )


def _losses(
    known: Trials,
    animals: NDArray[np.int64],
    kinds: Sequence[StrangerKind],
    shape: CurveShape,
    share: float,
) -> NDArray[np.float64]:
    """Weighted log losses of all trials, each by curves of the other animals' trials."""
    is_right = known.true_ranks == 1
    scores = first_scores(known.distances, shape.gap_weight)
    unknown = [first_scores(kind.distances, shape.gap_weight) for kind in kinds]
    weights = [(1 - share) / len(scores), *(share / len(kinds) / len(each) for each in unknown)]
    losses: list[NDArray[np.float64]] = []
    for fold in range(_FOLDS):
        is_tested = animals % _FOLDS == fold
        tested = [kind.animals % _FOLDS == fold for kind in kinds]
        curve = fit_match_curve(
            scores[~is_tested],
            is_right[~is_tested],
            [each[~out] for each, out in zip(unknown, tested, strict=True)],
            share,
            is_logistic=shape.is_logistic,
        )
        stated = _read(curve, scores[is_tested])
        losses.append(-np.log(np.where(is_right[is_tested], stated, 1 - stated)) * weights[0])
        losses += [
            -np.log(1 - _read(curve, each[out])) * one
            for each, out, one in zip(unknown, tested, weights[1:], strict=True)
        ]
    return np.concatenate(losses)


def _read(curve: MatchCurve, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    known = np.interp(scores, curve.is_known.distances, curve.is_known.probabilities)
    right = np.interp(scores, curve.is_right.distances, curve.is_right.probabilities)
    return np.clip(known * right, 1e-3, 1 - 1e-3)


def _fit_later(known: Trials, kinds: Sequence[StrangerKind], new_whale_share: float) -> MatchCurve:
    """Fit one curve to the candidates at all places after the first, pooled."""
    places = np.arange(1, known.distances.shape[1], dtype=np.int64)
    is_right = known.true_ranks[:, None] == places + 1  # (t, places)
    of_known = known.distances[:, 1:]
    is_there = np.isfinite(of_known)
    unknown = [kind.distances[:, 1:] for kind in kinds]
    if not is_there.any():  # no catalogue this small ever gives such a candidate
        return replace(UNFITTED_CURVE, is_right=NEVER)
    return fit_match_curve(
        of_known[is_there],
        is_right[is_there],
        [each[np.isfinite(each)] for each in unknown],
        new_whale_share,
    )


def _fit_catalogue(
    trials: CatalogueTrials, groups: Sequence[int] | None, score: Score, share: float
) -> Calibration:
    """Fit to the trials whose nearest photo is of these groups; None: to all."""
    known, held_out, unlabelled = trials.known, trials.held_out, trials.unlabelled
    if groups is not None and known.nearest is not None and known.animals is not None:
        chosen = np.isin(known.nearest, groups)
        known = Trials(known.distances[chosen], known.true_ranks[chosen], known.animals[chosen])
        held_out, unlabelled = _of_groups(held_out, groups), _of_groups(unlabelled, groups)
    return fit_trials(
        known,
        [
            StrangerKind(held_out.distances, held_out.animals),
            StrangerKind(unlabelled.distances, unlabelled.animals, is_held_out=False),
        ],
        score=score,
        new_whale_share=share,
    )


def _groups(trials: CatalogueTrials) -> Iterator[tuple[str, list[int]]]:
    """Name the groups that are large enough for a calibration of their own."""
    species = sorted({name for name, _ in trials.groups})
    for name in species:
        own = [at for at, group in enumerate(trials.groups) if group[0] == name]
        if len(species) > 1 and name and _is_large(trials, own, FEWEST_OF_GROUP):
            yield name, own
        for at in own:
            if (
                trials.groups[at][1]
                and _is_large(trials, [at], FEWEST_OF_VIEWPOINT)
                and _is_different(trials.held_out, at, own)
            ):
                yield group_name(*trials.groups[at]), [at]


def group_name(species: str, viewpoint: str) -> str:
    """Name the group of one viewpoint of a species."""
    return f"{species or EVERYBODY}, {viewpoint}"


def _is_large(trials: CatalogueTrials, groups: Sequence[int], fewest: int) -> bool:
    known = trials.known.nearest
    return (
        known is not None
        and int(np.isin(known, groups).sum()) >= fewest
        and len(np.unique(_of_groups(trials.held_out, groups).animals)) >= fewest
    )


def _is_different(held_out: UnknownTrials, group: int, of_species: Sequence[int]) -> bool:
    """Whether strangers come nearer to a viewpoint than to the others of its species, or less."""
    import scipy.stats  # pyright: ignore[reportMissingTypeStubs]

    stats: Any = scipy.stats  # imported here: it takes longer than a command's rest
    own = held_out.distances[held_out.nearest == group, 0]
    others = [one for one in of_species if one != group]
    rest = held_out.distances[np.isin(held_out.nearest, others), 0]
    return len(rest) > 0 and float(stats.ks_2samp(own, rest).pvalue) < _DIFFERENT


def _of_groups(trials: UnknownTrials, groups: Sequence[int]) -> UnknownTrials:
    chosen = np.isin(trials.nearest, groups)
    return UnknownTrials(trials.distances[chosen], trials.animals[chosen], trials.nearest[chosen])


def _with_encounters(
    whole: Calibration, trials: Mapping[int, EncounterTrials], species: Mapping[str, str]
) -> Calibration:
    """Add calibrations of encounters to that of the catalogue and to those of its species."""

    def fitted_to(calibration: Calibration, of_species: str | None) -> Calibration:
        fitted = {
            photos: replace(
                _fit_encounters(calibration, one, of_species, species),
                name=f"encounters of {photos} photos, {calibration.name}",
            )
            for photos, one in trials.items()
        }
        return replace(
            calibration,
            encounters={
                photos: one
                for photos, one in fitted.items()
                if one.is_fitted and one.smallest_rate <= max(0.05, calibration.smallest_rate)
            },
        )

    groups = {name: fitted_to(one, name) for name, one in whole.groups.items()}
    return replace(fitted_to(whole, None), groups=groups)


def _fit_encounters(
    calibration: Calibration,
    trials: EncounterTrials,
    of_species: str | None,
    species: Mapping[str, str],
) -> Calibration:
    names = np.array([species.get(one, "") for one in trials.individuals], np.str_)
    known, held_out = trials.known, trials.held_out
    if of_species is not None and known.animals is not None and len(names):
        own = names[known.animals] == of_species
        known = Trials(known.distances[own], known.true_ranks[own], known.animals[own])
        own = names[held_out.animals] == of_species
        held_out = UnknownTrials(
            held_out.distances[own], held_out.animals[own], held_out.nearest[own]
        )
    return fit_trials(
        known,
        [StrangerKind(held_out.distances, held_out.animals)],
        score=calibration.score,
        new_whale_share=calibration.new_whale_share,
    )


def _one_kind(distances: NDArray[np.float64]) -> StrangerKind:
    """Strangers who were asked about once each."""
    rows = distances if distances.ndim == 2 else distances[:, None]
    return StrangerKind(rows, np.arange(len(rows)), is_held_out=False)


def _source(kinds: Sequence[StrangerKind]) -> str:
    if len(kinds) == 1:
        return "held-out individuals"
    return (
        "held-out individuals and new_whale photos"
        if kinds[1].animal_count >= ENOUGH_ANIMALS
        else "held-out individuals and a few new_whale photos"
    )


def _within(distances: NDArray[np.float64]) -> Within:
    ascending = np.sort(distances)
    stored = ascending[stored_positions(len(ascending))]
    counts = np.searchsorted(ascending, stored, side="right")
    return Within(tuple(stored.tolist()), tuple(counts.tolist()))
