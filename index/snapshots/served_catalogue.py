"""What a service holds of a catalogue, read from its tables, and brought up to later changes.

Part of SQLAlchemy's door.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy.orm import Session

from index.calibration.calibration import Calibration
from index.catalogue.catalogue import Catalogue, fitted_calibration, newest_revision
from index.catalogue.gallery_refresh import photo_states, refresh_gallery, some_species
from index.catalogue.rows import read_species, read_viewpoints
from index.catalogue.searched_rows import read_searched_rows
from index.search.gallery import Gallery
from index.search.species import SpeciesFit
from index.snapshots.changed_mapping import change_mapping, fold_mapping
from index.snapshots.log_position import LogPosition, Touched, log_position
from index.snapshots.photo_table import PhotoTable
from index.snapshots.served_photo import ServedPhoto, read_served_photos
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
    with translating_errors(catalogue.address), Session(catalogue.engine) as session:
        last = newest_revision(session, catalogue.address)
        calibration = fitted_calibration(session, last, None, may_be_old=True)
        photos = PhotoTable.of(read_served_photos(session, catalogue.folder), catalogue.folder)
        species, viewpoints = read_species(session), read_viewpoints(session)
        searched = read_searched_rows(session, last.fingerprint)
        log = log_position(session, last.revision)
    gallery = Gallery.build(
        searched.photo_names,
        searched.individuals,
        searched.vectors,
        fingerprint=last.fingerprint,
        revision=last.revision,
        factory=factory,
    )
    return ServedCatalogue(gallery, calibration, photos, species, viewpoints, log, searched.damaged)


def follow(
    served: ServedCatalogue, session: Session, catalogue: Catalogue, touched: Touched
) -> ServedCatalogue:
    """Bring what was read at an earlier revision up to the newest one, in a transaction.

    `touched` is what has changed since. Takes time in proportion to that.
    """
    now = photo_states(session, catalogue.folder, touched.photos)
    states = {name: ServedPhoto.of(photo) for name, photo in now.photos.items()}
    whose = (served.photos.get(name) for name in touched.photos)
    concerned = {photo.individual for photo in (*whose, *states.values()) if photo}
    individuals = sorted({one for one in concerned if one is not None}.union(touched.individuals))
    return replace(
        served,
        gallery=refresh_gallery(served.gallery, touched.photos, now),
        photos=change_mapping(served.photos, touched.photos, states),
        species=_changed(served.species, individuals, some_species(session, individuals)),
        viewpoints=_changed(served.viewpoints, touched.photos, now.viewpoints),
        damaged=_changed(served.damaged, touched.photos, now.damaged),
        changed_photos=served.changed_photos + len(touched.photos),
    )


def _changed(
    before: Mapping[str, str], keys: Sequence[str], now: Mapping[str, str]
) -> Mapping[str, str]:
    return change_mapping(before, keys, now)
