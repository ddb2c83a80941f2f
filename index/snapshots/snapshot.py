"""A catalogue's snapshot: what a service holds of it, in a file that the next start maps to memory.

It is derived: the catalogue stays the truth, and a snapshot that is absent, damaged, of another
catalogue or too old is passed over. Changes since then are read from the log. Part of SQLAlchemy's
door.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from index.catalogue.catalogue import Catalogue, fitted_calibration, newest_revision
from index.search.engine import LiveEngine, build_engine, faiss_version, stored_engine
from index.search.gallery import Gallery, GalleryOrigin
from index.search.matching import Score
from index.search.rows.live_rows import LiveGroup, LiveRows
from index.search.rows.texts import Texts
from index.search.segments import ChangedSegment, Segment
from index.search.species import SpeciesFit, SpeciesPredictor
from index.snapshots.array_file import SUFFIX, Array, BadArrays, read_arrays, write_arrays
from index.snapshots.log_position import LogPosition, lines_since, log_position, touched_since
from index.snapshots.photo_table import CODED, CodedTexts, PhotoTable
from index.snapshots.served_catalogue import ServedCatalogue, follow, read_tables
from index.storage.address import CatalogueAddress, snapshot_folder
from index.storage.connection import translating_errors
from index.storage.serving_marker import is_served_elsewhere
from index.stored.engine_names import is_searched_elsewhere

FEWEST_PHOTOS = 1000
"""A smaller catalogue is read as fast as a snapshot of it."""

_FORMAT = 1
_NAME = re.compile(r"(?P<revision>[0-9]{10})-[0-9a-f]{8}" + re.escape(SUFFIX))
_FEW_LINES = 4096  # of the log; following more may take longer than reading all
_MOST_MAPPED = 3  # older snapshots that stay while another machine may have them mapped
_log = logging.getLogger("flukeprint.catalogue")


def snapshot_files(address: CatalogueAddress) -> list[Path]:
    """A catalogue's snapshots, the newest first. There is more than one only for a moment."""
    folder = snapshot_folder(address)
    with contextlib.suppress(OSError):
        return sorted(
            (each for each in folder.iterdir() if _NAME.fullmatch(each.name)), reverse=True
        )
    return []


def read_served(catalogue: Catalogue, factory: str) -> ServedCatalogue:
    """Read what a service holds: from the snapshot, and where there is none from the tables.

    `factory` as in `build_engine`. Raises BadCatalogue.
    """
    if is_searched_elsewhere(factory):
        return read_tables(catalogue, factory)
    found = read_snapshot(catalogue, factory, may_be_old=True)
    return read_tables(catalogue, factory) if found is None else found


def read_snapshot(
    catalogue: Catalogue, factory: str, *, score: Score | None = None, may_be_old: bool = False
) -> ServedCatalogue | None:
    """Read the snapshot and what has changed since then; None where there is none of use.

    `score` and `may_be_old` are those of `Catalogue.searchable`, for the calibration, which is the
    catalogue's own. A damaged snapshot is told in the log of the program. Raises BadCatalogue.
    """
    for path in snapshot_files(catalogue.address):
        try:
            found = _read(path, catalogue, factory, score, may_be_old=may_be_old)
        except (BadArrays, OSError, ValueError, KeyError, TypeError) as error:
            # The latter three: what is written there was never a snapshot of this format.
            _log.warning("The snapshot can't be used, and the catalogue is read instead: %s", error)
            continue
        if found is not None:
            return found
    return None


def write_snapshot(catalogue: Catalogue, served: ServedCatalogue) -> Path | None:
    """Write what is served to a snapshot, and remove all others.

    A few stay where another machine serves the catalogue too: it may have one mapped to memory, and
    a network file system takes away what is removed.

    None, and nothing is written, for a small catalogue. So where vectors are damaged, as each start
    is to find them, and where another catalogue has taken the place of the one that was read. Takes
    time in proportion to the catalogue. Raises OSError, and BadCatalogue.
    """
    if served.damaged or len(served.photos) < FEWEST_PHOTOS or not served.gallery.size:
        return None
    if served.gallery.photos.base.engine.is_stored:
        return None
    served = served.compacted()
    gallery, photos = served.gallery, served.photos
    if not isinstance(photos, PhotoTable):
        photos = PhotoTable.of(sorted(photos.items()), catalogue.folder)
    with translating_errors(catalogue.address), Session(catalogue.engine) as session:
        if log_position(session, served.log.revision) != served.log:
            return None
        log = log_position(session, gallery.revision)
    engine = gallery.segment.engine
    assert isinstance(engine, LiveEngine)
    indexes = engine.stored_indexes()
    fit = served.species_fit
    about: dict[str, Any] = {
        "format": _FORMAT,
        "fingerprint": gallery.fingerprint,
        "revision": gallery.revision,
        "log": log.digest,
        "dimension": gallery.dimension,
        "groups": len(engine.rows.groups),
        "factory": gallery.factory,
        "faiss": faiss_version(),
        "indexes": [at for at, one in enumerate(indexes) if one is not None],
        "species_fit": None if fit is None else list(fit),
        "changed_photos": served.changed_photos,
    }
    arrays = {f"indexes.{at}": one for at, one in enumerate(indexes) if one is not None}
    arrays |= _gallery_arrays(gallery.segment, engine.rows) | _photo_arrays(photos)
    arrays |= _mapping_arrays("species", served.species)
    arrays |= _mapping_arrays("viewpoints", served.viewpoints)
    folder = snapshot_folder(catalogue.address)
    path = write_arrays(folder, f"{gallery.revision:010}", arrays, about)
    others = [each for each in snapshot_files(catalogue.address) if each != path]
    _remove(others[_MOST_MAPPED if is_served_elsewhere(catalogue.address) else 0 :])
    return path


def is_snapshot_due(catalogue: Catalogue) -> bool:
    """Whether there is no snapshot, or one since which so much has changed that a start feels it.

    Of a damaged one, or of another catalogue's, nothing is known here. Raises BadCatalogue.
    """
    files = snapshot_files(catalogue.address)
    if not files:
        return True
    with translating_errors(catalogue.address), Session(catalogue.engine) as session:
        return lines_since(session, int(files[0].name[:10])) > _FEW_LINES // 4


def refresh_snapshot(catalogue: Catalogue, factory: str = "auto") -> None:
    """Write a snapshot where one is due, or none is of use. Raises as `write_snapshot`."""
    if catalogue.counts().photos >= FEWEST_PHOTOS:
        found = read_snapshot(catalogue, factory, may_be_old=True)
        if found is None or is_snapshot_due(catalogue):
            served = found or read_tables(catalogue, factory)
            gallery, score = served.gallery, served.calibration.score
            fit = SpeciesPredictor(gallery, served.species, score).prepare()
            write_snapshot(catalogue, replace(served, species_fit=fit, changed_photos=0))


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()


def _read(
    path: Path, catalogue: Catalogue, factory: str, score: Score | None, *, may_be_old: bool
) -> ServedCatalogue | None:
    with translating_errors(catalogue.address), Session(catalogue.engine) as session:
        last = newest_revision(session, catalogue.address)
        if int(path.name[:10]) > last.revision:
            return None
        arrays, about = read_arrays(path)
        if (about["format"], about["fingerprint"]) != (_FORMAT, last.fingerprint):
            return None
        revision: int = about["revision"]
        log = LogPosition(revision, about["log"])
        if log != log_position(session, revision):
            return None
        touched = touched_since(session, revision, last.fingerprint, _FEW_LINES)
        if touched is None:
            return None
        calibration = fitted_calibration(session, last, score, may_be_old=may_be_old)
        fit = about["species_fit"]
        served = ServedCatalogue(
            _gallery(arrays, about, factory),
            calibration,
            _photos(arrays, catalogue.folder),
            _mapping("species", arrays),
            _mapping("viewpoints", arrays),
            log,
            species_fit=None if fit is None else SpeciesFit(*fit),
            changed_photos=about["changed_photos"],
            has_snapshot=True,
        )
        return follow(served, session, catalogue, touched) if last.revision > revision else served


def _gallery_arrays(segment: Segment, rows: LiveRows) -> dict[str, Array]:
    arrays = {
        **_text_arrays("gallery.names", segment.photo_names),
        **_text_arrays("gallery.individuals", segment.individual_ids),
        "gallery.starts": segment.starts,
        "gallery.by_name": segment.by_name,
    }
    for at, group in enumerate(rows.groups):
        arrays[f"gallery.{at}.rows"] = group.rows
        arrays[f"gallery.{at}.columns"] = group.columns
        arrays[f"gallery.{at}.vectors"] = group.vectors
    return arrays


def _gallery(arrays: Mapping[str, Array], about: Mapping[str, Any], factory: str) -> Gallery:
    groups = [
        LiveGroup(*(arrays[f"gallery.{at}.{part}"] for part in ("rows", "columns", "vectors")))
        for at in range(about["groups"])
    ]
    names = _texts("gallery.names", arrays)
    rows = LiveRows(groups, len(names), about["dimension"])
    if (about["factory"], about["faiss"]) == (factory, faiss_version()):
        engine = stored_engine(rows, [arrays.get(f"indexes.{at}") for at in range(len(groups))])
    else:
        engine = build_engine(rows, factory)
    segment = Segment(
        names,
        list(_texts("gallery.individuals", arrays)),
        arrays["gallery.starts"],
        engine,
        arrays["gallery.by_name"],
    )
    origin = GalleryOrigin(about["fingerprint"], about["revision"], factory)
    return Gallery(ChangedSegment.of(segment), origin)


def _photo_arrays(photos: PhotoTable) -> dict[str, Array]:
    arrays = {
        **_text_arrays("photos.names", photos.names),
        **_text_arrays("photos.paths", photos.paths),
        **_text_arrays("photos.content_hashes", photos.content_hashes),
        "photos.boxes": photos.boxes,
    }
    for name, column in photos.coded.items():
        arrays |= _text_arrays(f"photos.{name}", column.texts)
        arrays[f"photos.{name}.codes"] = column.codes
    return arrays


def _photos(arrays: Mapping[str, Array], folder: Path) -> PhotoTable:
    coded = {
        name: CodedTexts(arrays[f"photos.{name}.codes"], _texts(f"photos.{name}", arrays))
        for name in CODED
    }
    return PhotoTable(
        str(folder),
        _texts("photos.names", arrays),
        _texts("photos.paths", arrays),
        _texts("photos.content_hashes", arrays),
        arrays["photos.boxes"],
        coded,
    )


def _mapping_arrays(name: str, mapping: Mapping[str, str]) -> dict[str, Array]:
    coded = CodedTexts.of(mapping.values())
    return {
        **_text_arrays(f"{name}.keys", list(mapping)),
        **_text_arrays(f"{name}.texts", coded.texts),
        f"{name}.codes": coded.codes,
    }


def _mapping(name: str, arrays: Mapping[str, Array]) -> dict[str, str]:
    values = CodedTexts(arrays[f"{name}.codes"], _texts(f"{name}.texts", arrays))
    pairs = zip(_texts(f"{name}.keys", arrays), values, strict=True)
    return {key: value for key, value in pairs if value is not None}


def _text_arrays(name: str, texts: Iterable[str]) -> dict[str, Array]:
    stored = texts if isinstance(texts, Texts) else Texts.of(texts)
    return {f"{name}.data": stored.data, f"{name}.bounds": stored.bounds}


def _texts(name: str, arrays: Mapping[str, Array]) -> Texts:
    return Texts(arrays[f"{name}.data"].view(np.uint8), arrays[f"{name}.bounds"])
