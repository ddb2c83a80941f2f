"""The protocol of docs/benchmarks.md over vectors: known, disjoint and open queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedding.embedder import Embedder
from index.calibration.leave_one_out import leave_one_out_ranks
from index.calibration.ranks import true_ranks
from index.labels.reader import LabelledPhoto
from index.progress import progress
from index.search.gallery import Gallery
from index.search.matching import Score
from index.search.vectors import FloatArray
from training.evaluation.metrics import auroc, closed_set
from training.pixels.cache import PixelArray
from training.splits.photo_facts import bursts_of, species_of
from training.splits.protocol import Role, Split

_ROWS_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class Answers:
    """What a split's queries got.

    `known_*` (q,) and `known_photos` are the known queries; `unknown_distances` (u,) the nearest
    individual's to each unknown query; `disjoint_*` the leave-one-out among individuals that were
    never learned from. `big_gallery_ranks` are those of the same photos among the gallery's
    individuals. Ranks are 1-based. Gaps say how much farther away the second individual is than
    the first, 0 where there is none.
    """

    gallery: Gallery
    known_photos: list[LabelledPhoto]
    known_vectors: FloatArray
    known_distances: NDArray[np.float64]
    known_ranks: NDArray[np.int64]
    unknown_photos: list[LabelledPhoto]
    unknown_distances: NDArray[np.float64]
    disjoint_individuals: list[str]
    disjoint_ranks: NDArray[np.int64]
    big_gallery_ranks: NDArray[np.int64]
    known_gaps: NDArray[np.float64]
    unknown_gaps: NDArray[np.float64]


def answers_of(
    vectors: FloatArray,
    photos: Sequence[LabelledPhoto],
    split: Split,
    score: Score = "nearest",
    *,
    bursts: NDArray[np.int64] | None = None,
    with_big_gallery: bool = True,
) -> Answers:
    """Answer all queries of a split: `vectors` (n, d) are those of `photos`.

    The known gallery holds every labelled photo that is no query of its own: fit and disjoint.
    `bursts` (n,) number what was taken together, each photo by itself where None. No query is
    compared with photos of its own burst, and one whose individual has no other photo isn't asked.
    Without `with_big_gallery` no disjoint photo is asked among everybody: a validation has no use
    for it.
    """
    whose = np.arange(len(photos)) if bursts is None else bursts
    rows: dict[Role, list[int]] = {
        "fit": [],
        "known_query": [],
        "disjoint": [],
        "unknown_query": [],
    }
    for at, photo in enumerate(photos):
        rows[split.roles[photo.name]].append(at)
    asked = {int(whose[at]) for at in rows["known_query"]}
    held = [
        at
        for at in sorted(rows["fit"] + rows["disjoint"])
        if photos[at].individual is not None and int(whose[at]) not in asked
    ]
    found = {photos[at].individual for at in held}
    rows["known_query"] = [at for at in rows["known_query"] if photos[at].individual in found]
    gallery_individuals = [photos[at].individual or "" for at in held]
    gallery = Gallery.build(
        [photos[at].name for at in held],
        gallery_individuals,
        vectors[held],
        fingerprint="",
        revision=0,
    )
    known, unknown, disjoint = rows["known_query"], rows["unknown_query"], rows["disjoint"]
    column = {individual: at for at, individual in enumerate(gallery.individual_ids)}
    distances = gallery.individual_distances(vectors[known], score)  # (q, c)
    strange = gallery.individual_distances(vectors[unknown], score)
    truth = np.array([column[photos[at].individual or ""] for at in known], np.int64)
    left_out = leave_one_out_ranks(
        vectors[disjoint],
        [photos[at].individual or "" for at in disjoint],
        score,
        bursts=None if bursts is None else bursts[disjoint],
    )
    big_gallery_ranks = np.zeros(0, np.int64)
    if with_big_gallery:
        big_gallery_ranks = leave_one_out_ranks(
            vectors[held],
            gallery_individuals,
            score,
            bursts=whose[held],
            queries=np.flatnonzero(np.isin(held, disjoint)),
        ).ranks
    return Answers(
        gallery=gallery,
        known_photos=[photos[at] for at in known],
        known_vectors=vectors[known],
        known_distances=_nearest(distances),
        known_ranks=true_ranks(distances, truth),
        unknown_photos=[photos[at] for at in unknown],
        unknown_distances=_nearest(strange),
        disjoint_individuals=[photos[disjoint[row]].individual or "" for row in left_out.rows],
        disjoint_ranks=left_out.ranks,
        big_gallery_ranks=big_gallery_ranks,
        known_gaps=_gaps(distances),
        unknown_gaps=_gaps(strange),
    )


def validation_metrics(
    vectors: FloatArray, photos: Sequence[LabelledPhoto], split: Split
) -> dict[str, float]:
    """Score a validation split.

    `score` is the mean of what could be measured of known MAP@5, disjoint MAP@5 and AUROC.

    Several species are scored each within its own gallery, named `SPECIES known_top1` and so on;
    the plain names are then the means over species.
    """
    of_photo = species_of(photos)
    if len(set(of_photo.values())) == 1:
        return _species_metrics(vectors, photos, split)
    of_species: dict[str, float] = {}
    parts: list[dict[str, float]] = []
    for one in sorted(
        {of_photo[photo.name] for photo in photos if split.roles[photo.name] != "fit"}
    ):
        rows = [at for at, photo in enumerate(photos) if of_photo[photo.name] == one]
        measured = _species_metrics(vectors[rows], [photos[at] for at in rows], split)
        if len(measured) == 1:
            continue  # its queries have nobody to be found or refused
        parts.append(measured)
        of_species.update(
            {f"{one or 'no species'} {name}": value for name, value in parts[-1].items()}
        )
    names = dict.fromkeys(["score", *(name for part in parts for name in part)])
    parts = parts or [{"score": 0.0}]
    return {
        name: float(np.mean([part[name] for part in parts if name in part])) for name in names
    } | of_species


def _species_metrics(
    vectors: FloatArray, photos: Sequence[LabelledPhoto], split: Split
) -> dict[str, float]:
    answers = answers_of(vectors, photos, split, bursts=bursts_of(photos), with_big_gallery=False)
    found: dict[str, float] = {}
    chosen: list[float] = []
    for name, ranks in (("known", answers.known_ranks), ("disjoint", answers.disjoint_ranks)):
        if len(ranks):
            measured = closed_set(ranks)
            found[f"{name}_top1"], found[f"{name}_map5"] = (
                float(measured["top1"]),
                float(measured["map5"]),
            )
            chosen.append(found[f"{name}_map5"])
    if len(answers.known_distances) and len(answers.unknown_distances):
        found["auroc"] = auroc(answers.known_distances, answers.unknown_distances)
        chosen.append(found["auroc"])
    return {"score": float(np.mean(chosen)) if chosen else 0.0, **found}


def _gaps(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    if distances.shape[1] < 2:
        return np.zeros(len(distances))
    two = np.partition(distances, 1, axis=1)
    return two[:, 1] - two[:, 0]


def _nearest(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    return distances.min(axis=1) if distances.size else np.zeros(len(distances))


def embed_rows(embedder: Embedder, pixels: PixelArray) -> FloatArray:
    """Embed rows of a pixel cache, a few at a time: (n, h, w, 3) -> (n, d)."""
    parts: list[FloatArray] = []
    with progress(len(pixels), "embedding") as advance:
        for start in range(0, len(pixels), _ROWS_AT_ONCE):
            part = np.array(pixels[start : start + _ROWS_AT_ONCE])
            parts.append(embedder.embed_pixels(part))
            advance(len(part))
    return np.concatenate(parts)
