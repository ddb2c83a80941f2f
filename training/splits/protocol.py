"""Seeded splits of a labelled set by the protocol of docs/benchmarks.md."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from embedding.checkpoint import write_atomically
from embedding.errors import FlukeprintError
from index.labels.reader import LabelledPhoto
from training.splits.photo_facts import bursts_of, species_of

Role = Literal["fit", "known_query", "disjoint", "unknown_query"]
Part = Literal["train", "validation", "test", "gallery"]
_FEWEST_INDIVIDUALS = 4


class BadSplit(FlukeprintError):
    """A split file that doesn't fit the labels, or labels too few to split."""


@dataclass(frozen=True, slots=True)
class Split:
    """A role for every photo.

    fit: may be learned from, and is in the known gallery when it has an individual.

    known_query: one photo, or one burst, each of individuals that fit holds too.

    disjoint: every photo of individuals that fit doesn't hold. They are in the known gallery too,
    where no query is for them.

    unknown_query: photos of animals the gallery doesn't hold.
    """

    roles: Mapping[str, Role]

    def names(self, *roles: Role) -> list[str]:
        """Names of the photos with one of these roles, sorted."""
        return sorted(name for name, role in self.roles.items() if role in roles)


def make_split(photos: Sequence[LabelledPhoto], seed: int = 0, share: float = 0.2) -> Split:
    """Give every photo its role: the same photos and seed, the same split.

    Each species is split by itself, so that a set's split is the same whatever else is learned with
    it. Species of fewer than 4 individuals are split together, or only learned from where even
    together they are too few.

    `share` of the individuals (with at least 2) are disjoint. Of every remaining individual with
    three or more photos one is a known query. A third of the new_whale photos are unknown queries;
    where no photo is new_whale, three quarters of `share` (15 % for 20 %) of the individuals are.

    What labels say was taken together (encounters, times) is never divided: the rest of a query's
    burst are queries too. An individual of a single burst has no known query.
    """
    species = species_of(photos)
    of_species: defaultdict[str, list[LabelledPhoto]] = defaultdict(list)
    for photo in photos:
        of_species[species[photo.name]].append(photo)
    small = [
        name for name, members in of_species.items() if _individuals(members) < _FEWEST_INDIVIDUALS
    ]
    pooled = [photo for name in small for photo in of_species.pop(name)]
    if not of_species and _individuals(pooled) < _FEWEST_INDIVIDUALS:
        raise BadSplit(
            f"{_individuals(pooled)} individuals can't be split; at least {_FEWEST_INDIVIDUALS} "
            "are needed"
        )
    if pooled and _individuals(pooled) < _FEWEST_INDIVIDUALS:
        roles: dict[str, Role] = {photo.name: "fit" for photo in pooled}
    else:
        roles = _split_one(pooled, seed, share) if pooled else {}
    for members in of_species.values():
        roles.update(_split_one(members, seed, share))
    return Split(roles)


def _individuals(photos: Sequence[LabelledPhoto]) -> int:
    return len({photo.individual for photo in photos} - {None})


def _split_one(photos: Sequence[LabelledPhoto], seed: int, share: float) -> dict[str, Role]:
    rng = np.random.default_rng([seed, 2018])
    of_individual, new_whales = _grouped(photos)
    burst_of = dict(zip([photo.name for photo in photos], bursts_of(photos).tolist(), strict=True))
    individuals = sorted(of_individual)
    order: list[int] = rng.permutation(len(individuals)).tolist()
    shuffled = [individuals[at] for at in order]
    disjoint_count = max(2, round(share * len(individuals)))
    roles: dict[str, Role] = {}
    disjoint, rest = shuffled[:disjoint_count], shuffled[disjoint_count:]
    roles.update({name: "disjoint" for one in disjoint for name in of_individual[one]})
    if new_whales:
        picked = rng.permutation(len(new_whales))
        asked = {burst_of[new_whales[at]] for at in picked[: len(new_whales) // 3]}
        roles.update(
            {name: "unknown_query" if burst_of[name] in asked else "fit" for name in new_whales}
        )
    else:
        unknown_count = max(1, round(0.75 * share * len(individuals)))
        roles.update(
            {name: "unknown_query" for one in rest[:unknown_count] for name in of_individual[one]}
        )
        rest = rest[unknown_count:]
    for one in sorted(rest):
        names = of_individual[one]
        query = burst_of[names[int(rng.integers(len(names)))]] if len(names) >= 3 else None
        if all(burst_of[name] == query for name in names):
            query = None  # nothing would be left to find
        roles.update({name: "known_query" if burst_of[name] == query else "fit" for name in names})
    return roles


def _grouped(photos: Sequence[LabelledPhoto]) -> tuple[dict[str, list[str]], list[str]]:
    of_individual: defaultdict[str, list[str]] = defaultdict(list)
    new_whales: list[str] = []
    for photo in sorted(photos, key=lambda photo: photo.name):
        if photo.individual is None:
            new_whales.append(photo.name)
        else:
            of_individual[photo.individual].append(photo.name)
    return of_individual, new_whales


def write_split(split: Split, path: Path) -> None:
    """Write `image,role` rows, sorted by name."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image", "role"])
    writer.writerows(sorted(split.roles.items()))
    write_atomically(path, text.getvalue().encode())


def read_split(path: Path, photos: Sequence[LabelledPhoto]) -> Split:
    """Read a split file for these photos.

    The file may be of a run of several sets (`SET/photo`) that these photos are one of.

    Of a split in parts (`training.splits.parts_file`) it is what the test asks: all but the test's
    photos are fit. Raises BadSplit where a labelled photo has no role in it.
    """
    rows = split_rows(path, photos)
    return Split(
        {name: role if part in {"test", None} else "fit" for name, (role, part) in rows.items()}
    )


def split_rows(path: Path, photos: Sequence[LabelledPhoto]) -> dict[str, tuple[Role, Part | None]]:
    """The role and, in a split in parts, the part of each of these photos. Raises BadSplit."""
    if not path.exists():
        raise BadSplit(
            f"the split {path}: there is no such file. Give a run's split.csv, or what "
            "`flukeprint data split "
            "LABELS.csv --photos DIR --out split.csv` writes; without --split it is the protocol's"
        )
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = {row["image"]: (row["role"], row.get("part")) for row in csv.DictReader(file)}
    except (OSError, KeyError, UnicodeDecodeError, csv.Error) as error:
        raise BadSplit(
            f"the split {path} can't be read ({error}); it needs the columns image,role"
        ) from error
    _check_words(path, "role", [role for role, _ in rows.values()], get_args(Role))
    _check_words(
        path, "part", [part for _, part in rows.values() if part is not None], get_args(Part)
    )
    names = {photo.name for photo in photos}
    if not names & rows.keys():
        sets = {row.partition("/")[0] for row in rows}
        whole = [one for one in sorted(sets) if all(f"{one}/{name}" in rows for name in names)]
        if len(whole) == 1:
            rows = {name: rows[f"{whole[0]}/{name}"] for name in names}
    absent = sorted(photo.name for photo in photos if photo.name not in rows)
    if absent:
        raise BadSplit(
            f"{path} has no role for {len(absent)} of the labelled photos, the first is {absent[0]}"
        )
    return {name: row for name, row in rows.items() if name in names}  # pyright: ignore[reportReturnType]


def _check_words(
    path: Path, column: str, words: Sequence[str | None], allowed: Sequence[str]
) -> None:
    wrong = sorted(set(map(str, words)) - set(allowed))
    if wrong:
        raise BadSplit(f"{path}: {column} {wrong[0]!r}; allowed are {', '.join(allowed)}")
