"""Ways to score individuals and to fuse an encounter's photos, compared on the same queries.

The nearest photo won among the scores (a blend with the centre is an option), and the mean of
distances among the fusions (docs/benchmarks.md, "Ways to answer, compared").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import Any, cast, get_args

import numpy as np
from numpy.typing import NDArray

from index.search.centroids import centres_of
from index.search.engine import exact_distances
from index.search.fusion import Fusion, fuse
from index.search.gallery import Gallery
from index.search.matching import BadQuery, Score
from index.search.vectors import FloatArray
from training.evaluation.compare.local_scaling import reach_of_each, scaled_distances
from training.evaluation.compare.reranking import Reranker, augmented, expanded
from training.evaluation.compare.ridge_classifier import ClassLogits
from training.evaluation.metrics import bootstrap_interval, closed_set, map5, open_set, top
from training.evaluation.queries import (
    LabelledVectors,
    Queries,
    disjoint_rounds,
    encounters,
    protocol_queries,
)

Distances = NDArray[np.float64]
Figures = dict[str, Any]
Scoring = Callable[[Gallery], Callable[[FloatArray], Distances]]
"""From a gallery to a function that gives queries (n, d) their distances to its individuals (n,
c)."""

_INTERVAL_SEED = 95
_DRAWS_OF_ENCOUNTERS = 10


def compare_scorings(labelled: LabelledVectors, trials: Queries) -> Figures:
    """Measure known, disjoint and open figures of each scoring, and gains over the nearest photo.

    Choices are fitted to `trials`.
    """
    queries, rounds = protocol_queries(labelled), list(disjoint_rounds(labelled))
    found: Figures = {}
    first: dict[str, NDArray[np.int64]] = {}
    for name, (scoring, choices) in _scorings(trials).items():
        found[name] = {"choices": choices}
        for protocol, query_sets in (("known", [queries]), ("disjoint", rounds)):
            ranks, groups = _ranks(query_sets, scoring)
            if len(ranks):
                first.setdefault(protocol, ranks)
                found[name][protocol] = {
                    **closed_set(ranks),
                    **_gains(ranks, first[protocol], groups),
                }
        if len(queries.known) and len(queries.unknown):
            distances_of = scoring(queries.gallery)
            known = distances_of(queries.known)
            unknown = distances_of(queries.unknown).min(axis=1)
            found[name]["open"] = open_set(known.min(axis=1), queries.ranks(known), unknown)
    return found


def compare_fusions(labelled: LabelledVectors) -> Figures:
    """Compare one photo alone with fusions of two, on simulated encounters, in two galleries."""
    everything = labelled.rows("fit", "disjoint", labelled=True)
    galleries = {
        "among disjoint": labelled.rows("disjoint", labelled=True),
        "among all": everything,
    }
    found = {
        name: _fused(encounters(labelled, rows, _DRAWS_OF_ENCOUNTERS))
        for name, rows in galleries.items()
    }
    return {name: figures for name, figures in found.items() if figures}


def _scorings(trials: Queries) -> dict[str, tuple[Scoring, Figures]]:
    found: dict[str, tuple[Scoring, Figures]] = {
        name: (_of_score(name), {}) for name in get_args(Score)
    }
    cosine = exact_distances(trials.known, trials.gallery.vectors)
    best: tuple[float, Figures] = (-1.0, {})
    for k1, k2 in product((3, 6, 12), (1, 3)):
        shared = Reranker(trials.gallery.vectors, k1=k1, k2=k2).jaccard_distances(trials.known)
        for weight in (0.3, 0.6, 0.85):
            earned = _earned(
                trials, _of_each((1 - weight) * shared + weight * cosine, trials.gallery)
            )
            best = max(
                best,
                (earned, {"k1": k1, "k2": k2, "distance_weight": weight}),
                key=lambda one: one[0],
            )
    found["k-reciprocal"] = (_reranked(**best[1]), best[1])
    for name, scoring in (("query expansion", _expanded), ("augmentation", _augmented)):
        grid = [{"k": k, "alpha": alpha} for k, alpha in product((1, 2, 4), (1, 3, 9))]
        choices = max(
            grid, key=lambda one: _earned(trials, scoring(**one)(trials.gallery)(trials.known))
        )
        found[name] = (scoring(**choices), dict(choices))
    pairs = list(product((1, 5, 10), (0.25, 0.5)))
    k, share = max(
        pairs, key=lambda one: _earned(trials, _scaled(*one)(trials.gallery)(trials.known))
    )
    found["local scaling"] = (_scaled(k, share), {"k": k, "share": share})
    for name, weights in (("logits", (0.0,)), ("logit blend", (0.25, 0.5, 0.75))):
        grid = [
            {"ridge": ridge, "distance_weight": weight}
            for ridge, weight in product((0.3, 1.0, 3.0), weights)
        ]
        choices = max(
            grid, key=lambda one: _earned(trials, _classified(**one)(trials.gallery)(trials.known))
        )
        found[name] = (_classified(**choices), dict(choices))
    return found


def _of_score(score: str) -> Scoring:
    return lambda gallery: lambda queries: gallery.individual_distances(queries, cast(Score, score))


def _reranked(k1: int, k2: int, distance_weight: float) -> Scoring:
    def scoring(gallery: Gallery) -> Callable[[FloatArray], Distances]:
        reranker = Reranker(gallery.vectors, k1=k1, k2=k2)
        return lambda queries: _of_each(reranker.distances(queries, distance_weight), gallery)

    return scoring


def _expanded(k: int, alpha: float) -> Scoring:
    return lambda gallery: (
        lambda queries: gallery.individual_distances(
            expanded(queries, gallery.vectors, k=k, alpha=alpha)
        )
    )


def _augmented(k: int, alpha: float) -> Scoring:
    def scoring(gallery: Gallery) -> Callable[[FloatArray], Distances]:
        vectors = augmented(gallery.vectors, k=k, alpha=alpha)
        return lambda queries: _of_each(exact_distances(queries, vectors), gallery)

    return scoring


def _scaled(k: int, share: float) -> Scoring:
    def scoring(gallery: Gallery) -> Callable[[FloatArray], Distances]:
        reach = reach_of_each(gallery.vectors, gallery.individuals, k)
        return lambda queries: _of_each(
            scaled_distances(queries, gallery.vectors, reach, share), gallery
        )

    return scoring


def _classified(ridge: float, distance_weight: float) -> Scoring:
    """Score by a linear classifier's logits blended with the nearest photo, as in 2019 and 2022."""

    def scoring(gallery: Gallery) -> Callable[[FloatArray], Distances]:
        numbers = np.unique(gallery.individuals, return_inverse=True)[
            1
        ]  # in the order of the gallery's columns
        classes = ClassLogits(gallery.vectors, numbers, ridge=ridge)

        def distances_of(queries: FloatArray) -> Distances:
            missing = 1 - classes.logits(queries)
            return (1 - distance_weight) * missing + distance_weight * gallery.individual_distances(
                queries
            )

        return distances_of

    return scoring


def _of_each(distances: Distances, gallery: Gallery) -> Distances:
    """Reduce photo distances (n, m) to each individual's nearest photo (n, c).

    A gallery's photos are in order of individual.
    """
    starts = np.unique(gallery.individuals, return_index=True)[1]
    return np.minimum.reduceat(distances, starts, axis=1)


def _earned(trials: Queries, distances: Distances) -> float:
    return map5(trials.ranks(distances)) if len(trials.known) else 0.0


def _ranks(query_sets: Iterable[Queries], scoring: Scoring) -> tuple[NDArray[np.int64], list[str]]:
    ranks = [np.zeros(0, np.int64)]
    groups: list[str] = []
    for queries in query_sets:
        if len(queries.known):
            ranks.append(queries.ranks(scoring(queries.gallery)(queries.known)))
            groups += queries.individuals
    return np.concatenate(ranks), groups


def _gains(ranks: NDArray[np.int64], first: NDArray[np.int64], groups: Sequence[str]) -> Figures:
    """Compute what a scoring gains over the first, with intervals drawn over individuals."""
    both = np.stack([ranks, first], axis=1)

    def interval(measure: Callable[[NDArray[np.int64]], float]) -> tuple[float, float]:
        rng = np.random.default_rng(_INTERVAL_SEED)
        return bootstrap_interval(
            both, groups, lambda drawn: measure(drawn[:, 0]) - measure(drawn[:, 1]), rng
        )

    return {"top1_gain_95": interval(lambda one: top(one, 1)), "map5_gain_95": interval(map5)}


def _fused(drawn: Iterable[Queries]) -> Figures:
    """Measure each fusion over all draws.

    Unknown queries are the same encounters with their individuals left out. `fpir_at_one_photo_s`
    is the share that passes a threshold which a tenth of single photos pass.
    """
    known: dict[str, list[Distances]] = {}
    unknown: dict[str, list[Distances]] = {}
    ranks: dict[str, list[NDArray[np.int64]]] = {}
    groups: list[str] = []
    for single in drawn:
        pairs = Queries(single.gallery, single.known[::2], single.truths[::2], single.unknown)
        groups += pairs.individuals
        for name, distances in _each_fusion(single).items():
            queries = single if name == "one photo" else pairs
            ranks.setdefault(name, []).append(queries.ranks(distances))
            known.setdefault(name, []).append(distances.min(axis=1))
            unknown.setdefault(name, []).append(queries.without_own(distances).min(axis=1))
    if not groups:
        return {}
    found: Figures = {}
    threshold = np.quantile(np.concatenate(unknown["one photo"]), 0.1)
    single_ranks = np.concatenate(ranks["one photo"]).reshape(-1, 2)  # (encounters, 2)
    for name, near_parts in known.items():
        near, far, place = (
            np.concatenate(near_parts),
            np.concatenate(unknown[name]),
            np.concatenate(ranks[name]),
        )
        opened = open_set(near, place, far)
        found[name] = {
            key: opened[key] for key in opened if key == "auroc" or key.startswith("fnir")
        }
        found[name] |= {
            "top1": top(place, 1),
            "map5": map5(place),
            "fpir_at_one_photo_s": float((far < threshold).mean()),
        }
        if name != "one photo":
            found[name]["top1_gain_95"] = _gain_over_one(place, single_ranks, groups)
    return {"individuals": len(set(groups)), "encounters": len(groups), "answers": found}


def _each_fusion(queries: Queries) -> dict[str, Distances]:
    single = queries.gallery.individual_distances(queries.known)  # (2e, c)
    pairs = single.reshape(-1, 2, single.shape[1])
    vectors = np.stack([fuse_vectors(pair) for pair in queries.known.reshape(len(pairs), 2, -1)])
    fused = {
        name: np.stack([fuse(pair, cast(Fusion, name)) for pair in pairs])
        for name in get_args(Fusion)
    }
    return {
        "one photo": single,
        **fused,
        "mean vector": queries.gallery.individual_distances(vectors),
    }


def fuse_vectors(vectors: FloatArray) -> FloatArray:
    """Fuse one encounter's vectors (photos, d) into the unit vector (d,) of their mean direction.

    Its distances can be ranked, but not compared with those of single photos: a mean lies nearer
    to everybody. Raises BadQuery for an encounter without photos.
    """
    if len(vectors) == 0:
        raise BadQuery("the encounter holds no photo; fuse the vectors of at least one")
    return centres_of(vectors.astype(np.float64).sum(axis=0, keepdims=True)).astype(np.float32)[0]


def _gain_over_one(
    fused: NDArray[np.int64], single_ranks: NDArray[np.int64], groups: Sequence[str]
) -> tuple[float, float]:
    gained = (fused == 1) - (single_ranks == 1).mean(axis=1)
    return bootstrap_interval(
        gained, groups, lambda each: float(each.mean()), np.random.default_rng(_INTERVAL_SEED)
    )
