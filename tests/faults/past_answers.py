"""Every answer to identify compared with the revision that it names, by taking back the log.

A second opinion: it knows rows, vectors and cosines, and nothing of galleries.
"""

from __future__ import annotations

import io
from collections import defaultdict
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from index.storage.address import CatalogueAddress
from index.storage.connection import open_engine
from index.storage.schema import CATALOGUED, ChangeRow, IndividualRow, PhotoRow, VectorRow
from tests.faults.load import LoadCount, photo
from tests.faults.scene import embedder

_Rows = dict[int, dict[str, Any]]
_NEAR = 1e-5


def check_all_answers(address: CatalogueAddress, count: LoadCount) -> int:
    """Check every answer of `count`; returns how many. What is wrong goes into `count.faults`."""
    asked: dict[int, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
    for seed, answer in count.identified:
        asked[answer["catalogue_revision"]].append((seed, answer))
    past = _Past(address)
    checked = 0
    for revision in sorted(asked, reverse=True):
        past.go_back_to(revision)
        gallery = past.gallery()
        for seed, answer in asked[revision]:
            fault = _fault(gallery, seed, answer["results"][0]["matches"])
            if fault:
                count.faults.append(f"revision {revision}, photo {seed}: {fault}")
            checked += 1
    return checked


class _Past:
    """The rows of photos and individuals, taken back one revision after the other."""

    def __init__(self, address: CatalogueAddress) -> None:
        engine = open_engine(address)
        with Session(engine) as session:
            photo_columns = (PhotoRow.id, PhotoRow.name, PhotoRow.state, PhotoRow.individual_id)
            self._photos: _Rows = {
                row.id: {**row._mapping} for row in session.execute(select(*photo_columns))
            }
            own = (IndividualRow.id, IndividualRow.name)
            self._individuals: _Rows = {
                row.id: {**row._mapping} for row in session.execute(select(*own))
            }
            self._vectors = {
                row.photo_id: np.frombuffer(row.embedding, "<f4")
                for row in session.execute(select(VectorRow.photo_id, VectorRow.embedding))
            }
            lines = select(ChangeRow.revision, ChangeRow.detail).order_by(ChangeRow.id.desc())
            self._lines = list(session.execute(lines))
        engine.dispose()
        self._next = 0

    def go_back_to(self, revision: int) -> None:
        """Take back all later revisions than this one."""
        while self._next < len(self._lines) and self._lines[self._next].revision > revision:
            for row in reversed(self._lines[self._next].detail["rows"]):
                rows = {"photos": self._photos, "individuals": self._individuals}.get(row["table"])
                if rows is None:
                    continue
                if row["before"] is None:
                    rows.pop(row["key"], None)
                else:
                    there = rows.setdefault(row["key"], {"id": row["key"]})
                    there |= row["before"]
            self._next += 1

    def gallery(self) -> tuple[list[str], list[str], np.ndarray]:
        """Names, individuals and vectors of what was searched."""
        names, whose, vectors = [], [], []
        for key, row in self._photos.items():
            if row["state"] == CATALOGUED and row["individual_id"] is not None:
                names.append(row["name"])
                whose.append(self._individuals[row["individual_id"]]["name"])
                vectors.append(self._vectors[key])
        return names, whose, np.stack(vectors)


def _fault(
    gallery: tuple[list[str], list[str], np.ndarray], seed: int, matches: list[dict[str, Any]]
) -> str | None:
    names, whose, vectors = gallery
    image = Image.open(io.BytesIO(photo(seed))).convert("RGB")
    distances = 1 - vectors.astype(np.float64) @ embedder().embed([image])[0].astype(np.float64)
    nearest: dict[str, float] = {}
    for name, distance in zip(whose, distances, strict=True):
        nearest[name] = min(distance, nearest.get(name, 3.0))
    expected = sorted(nearest.values())[: len(matches)]
    of_photo = {name: (one, d) for name, one, d in zip(names, whose, distances, strict=True)}
    for match, distance in zip(matches, expected, strict=True):
        individual, own = of_photo.get(match["photo"], (None, 3.0))
        if individual != match["individual"]:
            return f"{match['photo']} is {individual}'s, and not {match['individual']}'s"
        if abs(own - match["distance"]) > _NEAR or abs(distance - match["distance"]) > _NEAR:
            return f"{match['photo']} is at {own:.6f}, the next at {distance:.6f}, said {match}"
    return None
