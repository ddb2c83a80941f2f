"""The vectors that are searched, read without ever holding all their zeros.

Part of SQLAlchemy's door.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from index.catalogue.vector_check import vector_check
from index.search.rows.live_rows import LiveRows
from index.storage.schema import (
    CATALOGUED,
    IndividualRow,
    PhotoRow,
    VectorRow,
)

_ROWS_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class SearchedRows:
    """Parallel rows in any order: labelled photos, whose they are, and their vectors.

    `damaged` has the photos whose vectors are of no use, each with what is wrong with its vector.
    """

    photo_names: list[str]
    individuals: list[str]
    vectors: LiveRows
    damaged: dict[str, str]


def read_searched_rows(session: Session, fingerprint: str) -> SearchedRows:
    """Read the catalogued photos of known individuals that have a vector of one checkpoint."""
    names, individuals = list[str](), list[str]()
    damaged: dict[str, str] = {}
    check = vector_check(session, fingerprint)
    # In no order: to sort them, SQLite would write all vectors to another table first.
    query = (
        select(
            PhotoRow.name,
            IndividualRow.name,
            VectorRow.embedding,
            VectorRow.photo_id,
            VectorRow.checksum,
        )
        .join(VectorRow, VectorRow.photo_id == PhotoRow.id)
        .outerjoin(IndividualRow, IndividualRow.id == PhotoRow.individual_id)
        .where(VectorRow.fingerprint == fingerprint, PhotoRow.state == CATALOGUED)
        .execution_options(yield_per=_ROWS_AT_ONCE)
    )

    def chunks() -> Generator[NDArray[np.float32]]:
        for rows in session.execute(query).partitions():
            faults = check.faults([(row[3], row[2], row[4]) for row in rows])
            good = list[Any]()
            for row, fault in zip(rows, faults, strict=True):
                name, individual = row[0], row[1]
                if fault:
                    damaged[name] = fault
                elif individual:  # new_whale has none
                    good.append(row)
            names.extend(row[0] for row in good)
            individuals.extend(row[1] for row in good)
            yield np.frombuffer(b"".join([row[2] for row in good]), "<f4").reshape(
                -1, check.dimension
            )

    live = LiveRows.collect(chunks(), check.dimension)
    return SearchedRows(names, individuals, live, dict(sorted(damaged.items())))
