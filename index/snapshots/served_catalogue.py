"""What a service holds of a catalogue, read from its tables, and brought up to later changes.

Part of SQLAlchemy's door.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy.orm import Session

from index.calibration.calibration import Calibration
from index.catalogue.catalogue import (
    Catalogue,
    fitted_calibration,
    newest_revision,
    read_gallery,
)
from index.catalogue.gallery_refresh import refresh_gallery
from index.catalogue.rows import read_species, read_viewpoints
from index.engines.reading import prepare_engine
from index.search.gallery import Gallery
from index.search.species import SpeciesFit
from index.snapshots.changed_mapping import change_mapping, fold_mapping
from index.snapshots.later_changes import later_changes
from index.snapshots.log_position import LogPosition, Touched, log_position
from index.snapshots.photo_table import PhotoTable
from index.snapshots.served_photo import ServedPhoto, read_photo_columns
from index.storage.connection import translating_errors


@dataclass(frozen=True, eq=False)
class ServedCatalogue:
    """A catalogue at one revision. Never changes.

    `photos` by name; `species` by individual; `viewpoints` by photo. `damaged` has the photos whose
    vectors are of no use, which are not searched, each with what is wrong. `log` is where in the
    log it was read, `has_snapshot` whether a snapshot was of use. `species_fit` was made before
    `changed_photos` changed.
    """

    gallery: Gallery
    calibration: Calibration
    photos: Mapping[str, ServedPhoto]
    species: Mapping[str, str]
    viewpoints: Mapping[str, str]
    log: LogPosition
    damaged: Mapping[str, str] = field(default_factory=dict[str, str])
    species_fit: SpeciesFit | None = None
    changed_photos: int = 0
    has_snapshot: bool = False

    def compacted(self) -> ServedCatalogue:
        """The same without traces of changes. Takes time in proportion to the catalogue."""
        photos = fold_mapping(self.photos)
        return replace(self, gallery=self.gallery.compacted(), photos=photos)


def read_tables(catalogue: Catalogue, factory: str) -> ServedCatalogue:
    """Read all of a catalogue at once; `factory` as in `build_engine`.

    Each vector is compared with its checksum. Takes time in proportion to the catalogue. Raises
    BadCatalogue.
    """
    prepare_engine(catalogue.engine, catalogue.address, factory)
    with translating_errors(catalogue.address), Session(catalogue.engine) as session:
        last = newest_revision(session, catalogue.address)
        calibration = fitted_calibration(session, last, None, may_be_old=True)
        photos = PhotoTable.of_columns(read_photo_columns(session), catalogue.folder)
        species, viewpoints = read_species(session), read_viewpoints(session)
        gallery, damaged = read_gallery(session, catalogue, factory)
        log = log_position(session, last.revision)
    return ServedCatalogue(gallery, calibration, photos, species, viewpoints, log, damaged)


def follow(
    served: ServedCatalogue, session: Session, catalogue: Catalogue, touched: Touched
) -> ServedCatalogue:
    """Bring what was read at an earlier revision up to the newest one, in a transaction.

    `touched` is what has changed since. Takes time in proportion to that.
    """
    later = later_changes(
        session, catalogue.folder, served.gallery.revision, served.photos, touched
    )
    now, photos = later.states, later.photos
    return replace(
        served,
        gallery=refresh_gallery(served.gallery, photos, now),
        photos=change_mapping(served.photos, photos, later.served),
        species=_changed(served.species, later.individuals, later.species),
        viewpoints=_changed(served.viewpoints, photos, now.viewpoints),
        damaged=_changed(served.damaged, photos, now.damaged),
        changed_photos=served.changed_photos + len(photos),
    )


def _changed(
    before: Mapping[str, str], keys: Sequence[str], now: Mapping[str, str]
) -> Mapping[str, str]:
    return change_mapping(before, keys, now)
