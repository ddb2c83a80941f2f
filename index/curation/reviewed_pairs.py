"""What people decided of pairs of individuals, read from the log, and the facts of their photos.

Part of SQLAlchemy's door.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from index.calibration.bursts import PhotoFacts
from index.catalogue.catalogue import Catalogue
from index.catalogue.rows import hash_bytes
from index.catalogue.standing_events import live_revisions, past_events
from index.curation.not_same import Pair, not_same_pairs
from index.storage.connection import translating_errors
from index.storage.schema import CATALOGUED, ChangeRow, EncounterRow, PhotoRow, RevisionRow

_MERGE = "merge"


@dataclass(frozen=True, slots=True)
class ReviewedPairs:
    """Decisions that stand: pairs of ids that are `different`, and photos of `merged` individuals.

    Each of `merged` are the photos that one merge gave to another individual.
    """

    different: frozenset[Pair]
    merged: tuple[tuple[str, ...], ...]


def read_reviewed_pairs(catalogue: Catalogue) -> ReviewedPairs:
    """Read the decisions. Raises BadCatalogue."""
    with translating_errors(catalogue.address), Session(catalogue.engine) as session:
        lines = session.execute(
            select(ChangeRow.revision, ChangeRow.detail)
            .join(RevisionRow, RevisionRow.revision == ChangeRow.revision)
            .where(RevisionRow.kind == _MERGE, ChangeRow.kind == _MERGE)
        ).all()
        live = live_revisions(past_events(session)) if lines else set[int]()
        merged = tuple(
            tuple(detail["before"]["photos"]) for revision, detail in lines if revision in live
        )
    return ReviewedPairs(not_same_pairs(catalogue), merged)


def read_photo_facts(catalogue: Catalogue, photo_names: Sequence[str]) -> PhotoFacts:
    """Read the encounters, times and perceptual hashes of photos, by which bursts are found.

    Raises BadCatalogue.
    """
    query = (
        select(PhotoRow.name, EncounterRow.name, PhotoRow.taken_at, PhotoRow.perceptual_hash)
        .outerjoin(EncounterRow, EncounterRow.id == PhotoRow.encounter_id)
        .where(PhotoRow.state == CATALOGUED, PhotoRow.individual_id.is_not(None))
    )
    with translating_errors(catalogue.address), Session(catalogue.engine) as session:
        of_name: dict[str, Any] = {row[0]: row for row in session.execute(query)}
    rows = [of_name.get(name, (name, None, None, None)) for name in photo_names]
    return PhotoFacts(
        encounters=[row[1] for row in rows],
        taken_at=[row[2] for row in rows],
        hashes=[hash_bytes(row[3]) for row in rows],
    )
