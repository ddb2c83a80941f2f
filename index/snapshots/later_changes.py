"""What others have changed of a catalogue since it was read: cheap to ask, and read bit by bit.

Part of SQLAlchemy's door.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from index.calibration.calibration import Calibration, readable_calibration
from index.catalogue.catalogue import Catalogue
from index.catalogue.gallery_refresh import PhotoStates, photo_states, some_species
from index.catalogue.rows import last_calibration, last_revision
from index.snapshots.log_position import Touched, touched_since
from index.snapshots.served_photo import ServedPhoto
from index.storage.connection import translating_errors
from index.storage.schema import CalibrationRow, RevisionRow


class CatalogueState(NamedTuple):
    """Where a catalogue stands: its last revision, and the last one that has a calibration.

    `is_calibrating`: a later revision moved a distance, and its calibration is still to be fitted.
    """

    revision: int
    calibrated: int
    is_calibrating: bool


class LaterChanges(NamedTuple):
    """What some later revisions of these kinds have changed, as it is at the newest of them.

    `photos` and `individuals` by name, individuals by their names now and before; `served` has the
    photos that are still there, `species` that of these individuals.
    """

    photos: tuple[str, ...]
    individuals: tuple[str, ...]
    kinds: frozenset[str]
    states: PhotoStates
    served: dict[str, ServedPhoto]
    species: dict[str, str]


def read_state(catalogue: Catalogue) -> CatalogueState:
    """Read where a catalogue stands, which takes one short query. Raises BadCatalogue."""
    fitted = CalibrationRow.calibration.is_not(None)
    newest = select(func.max(CalibrationRow.revision))
    query = select(
        select(func.max(RevisionRow.revision)).scalar_subquery(),
        newest.where(fitted).scalar_subquery(),
        newest.where(~fitted).scalar_subquery(),
    )
    with translating_errors(catalogue.address), Session(catalogue.engine) as session:
        revision, calibrated, pending = session.execute(query).one()
    return CatalogueState(revision or 0, calibrated or 0, (pending or 0) > (calibrated or 0))


def read_later(
    catalogue: Catalogue,
    revision: int,
    fingerprint: str,
    before: Mapping[str, ServedPhoto],
    *,
    most_lines: int,
) -> LaterChanges | None:
    """Read what has changed since a revision that searched `fingerprint`'s vectors.

    `before`: all photos at that revision. None where the log doesn't tell it, as `touched_since`
    says, and where the catalogue has gone back. Takes time in proportion to what has changed.
    Raises BadCatalogue.
    """
    with translating_errors(catalogue.address), Session(catalogue.engine) as session:
        last = last_revision(session)
        if last is None or last.revision < revision or last.fingerprint != fingerprint:
            return None
        touched = touched_since(session, revision, fingerprint, most_lines)
        if touched is None:
            return None
        return later_changes(session, catalogue.folder, revision, before, touched)


def later_changes(
    session: Session,
    folder: Path,
    revision: int,
    before: Mapping[str, ServedPhoto],
    touched: Touched,
) -> LaterChanges:
    """Read what was `touched` since a revision as it is now, in a transaction."""
    states = photo_states(session, folder, touched.photos)
    served = {name: ServedPhoto.of(photo) for name, photo in states.photos.items()}
    whose = (each.get(name) for name in touched.photos for each in (before, served))
    concerned = {photo.individual for photo in whose if photo is not None}
    individuals = {one for one in concerned if one is not None}.union(touched.individuals)
    kinds = session.scalars(select(RevisionRow.kind).where(RevisionRow.revision > revision))
    return LaterChanges(
        touched.photos,
        tuple(sorted(individuals)),
        frozenset(kinds),
        states,
        served,
        some_species(session, sorted(individuals)),
    )


def read_calibration(catalogue: Catalogue) -> Calibration | None:
    """The last calibration that was fitted; None where none can be used. Raises BadCatalogue."""
    with translating_errors(catalogue.address), Session(catalogue.engine) as session:
        return readable_calibration(last_calibration(session))
