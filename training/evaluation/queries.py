"""Galleries with queries for comparing ways to answer: the protocol's, trials, encounters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.calibration.ranks import true_ranks
from index.labels.reader import LabelledPhoto
from index.search.gallery import Gallery
from index.search.vectors import FloatArray
from training.splits.protocol import Role, Split

_DRAW_SEED = 2017


@dataclass(frozen=True, slots=True)
class Queries:
    """Queries with the gallery that they search.

    `known` (q, d) are of the individuals in the gallery's columns `truths` (q,); `unknown` (u, d)
    of none.
    """

    gallery: Gallery
    known: FloatArray
    truths: NDArray[np.int64]
    unknown: FloatArray

    @property
    def individuals(self) -> list[str]:
        """Whose photo each known query is (q,)."""
        return [self.gallery.individual_ids[column] for column in self.truths.tolist()]

    def ranks(self, distances: NDArray[np.float64]) -> NDArray[np.int64]:
        """Rank (q,) the right individuals in the known queries' distances (q, c), from 1."""
        return true_ranks(distances, self.truths)

    def without_own(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        """The known queries' distances (q, c) as if their individuals were not in the gallery."""
        held_out = distances.copy()
        held_out[np.arange(len(self.truths)), self.truths] = np.inf
        return held_out


class LabelledVectors:
    """A labelled set's photos and vectors (n, d), and which rows the split gives which role."""

    def __init__(self, vectors: FloatArray, photos: Sequence[LabelledPhoto], split: Split) -> None:
        self.vectors = vectors
        self.individuals = [photo.individual for photo in photos]
        self._names = [photo.name for photo in photos]
        self._roles = [split.roles[photo.name] for photo in photos]

    def rows(self, *roles: Role, labelled: bool | None = None) -> list[int]:
        """Select rows with one of these roles.

        `labelled` keeps those with (True) or without (False) an individual.
        """
        return [
            row
            for row, (role, individual) in enumerate(
                zip(self._roles, self.individuals, strict=True)
            )
            if role in roles and (labelled is None or (individual is not None) == labelled)
        ]

    def rows_of_each(self, rows: Sequence[int]) -> dict[str, list[int]]:
        """These rows by individual, in order of individual and name."""
        found: dict[str, list[int]] = {}
        for row in sorted(rows, key=lambda row: (self.individuals[row] or "", self._names[row])):
            found.setdefault(self.individuals[row] or "", []).append(row)
        return found

    def gallery(self, rows: Sequence[int]) -> Gallery:
        """A gallery of labelled rows."""
        return Gallery.build(
            [self._names[row] for row in rows],
            [self.individuals[row] or "" for row in rows],
            self.vectors[list(rows)],
            fingerprint="",
            revision=0,
        )

    def queries(
        self, known: Sequence[int], gallery_rows: Sequence[int], unknown: Sequence[int] = ()
    ) -> Queries:
        """Query the gallery rows with known and unknown rows; known ones leave the gallery."""
        held = set(known)
        gallery = self.gallery([row for row in gallery_rows if row not in held])
        column = {individual: at for at, individual in enumerate(gallery.individual_ids)}
        truths = np.array([column[self.individuals[row] or ""] for row in known], np.int64)
        return Queries(gallery, self.vectors[list(known)], truths, self.vectors[list(unknown)])


def protocol_queries(labelled: LabelledVectors) -> Queries:
    """The known and unknown queries of docs/benchmarks.md: what is reported."""
    gallery = labelled.rows("fit", "disjoint", labelled=True)
    return labelled.queries(labelled.rows("known_query"), gallery, labelled.rows("unknown_query"))


def trial_queries(labelled: LabelledVectors, role: Role = "fit") -> Queries:
    """Draw what choices are fitted to: one gallery photo of each individual with two.

    Only individuals of this role are queried: "fit" ones were learned from, "disjoint" ones
    weren't. The unknown ones are the new whales that no query is made of.
    """
    rng = np.random.default_rng(_DRAW_SEED)
    pairs = [
        rows
        for rows in labelled.rows_of_each(labelled.rows(role, labelled=True)).values()
        if len(rows) > 1
    ]
    held = [int(rng.choice(rows)) for rows in pairs]
    return labelled.queries(
        held, labelled.rows("fit", "disjoint", labelled=True), labelled.rows("fit", labelled=False)
    )


def disjoint_rounds(labelled: LabelledVectors) -> Iterator[Queries]:
    """Query each disjoint photo once; a round holds out one photo of every individual.

    Unlike leaving out one photo at a time, a gallery's own neighbourhoods need making only once a
    round, and yet hold no query. Individuals seen once stay in the gallery and are no queries.
    """
    disjoint = labelled.rows("disjoint", labelled=True)
    pairs = [rows for rows in labelled.rows_of_each(disjoint).values() if len(rows) > 1]
    for at in range(max(map(len, pairs), default=0)):
        yield labelled.queries([rows[at] for rows in pairs if at < len(rows)], disjoint)


def encounters(
    labelled: LabelledVectors, gallery_rows: Sequence[int], draws: int
) -> Iterator[Queries]:
    """Hold out two photos of every disjoint individual with four or more, `draws` times.

    Known queries 2i and 2i + 1 are one simulated encounter: the data don't say which photos were
    taken at one.
    """
    rng = np.random.default_rng(_DRAW_SEED)
    each = labelled.rows_of_each(labelled.rows("disjoint", labelled=True)).values()
    many = [rows for rows in each if len(rows) >= 4]
    for _ in range(draws if many else 0):
        held = [row for rows in many for row in rng.choice(rows, 2, replace=False).tolist()]
        yield labelled.queries(held, gallery_rows)
