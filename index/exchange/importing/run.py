"""Import photos and labels: read, plan, copy the originals, then change the catalogue once.

After an interruption the catalogue is as it was or as the plan says. The next try copies no photo
a second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from embedding.photos.photo import BadPhoto
from index.catalogue.catalogue import Catalogue, CataloguePhoto
from index.curation.corrections import Corrections, read_corrections
from index.exchange.importing.hash_cache import known_perceptual
from index.exchange.importing.originals import find_originals
from index.exchange.importing.plan import (
    ImportOptions,
    ImportPlan,
    ImportRow,
    make_import_plan,
)
from index.exchange.importing.sources import ImportSource, SourcePhoto, read_source_photos
from index.labels.reader import LabelledPhoto, Labels
from index.labels.reading.stored_boxes import turn_boxes
from index.photos.embed import PhotoEmbedder, photo_file
from index.progress import Progress, no_progress
from index.reindex.build import build_catalogue
from index.reindex.options import UpdateOptions
from index.reindex.update import AroundCommit, update_catalogue
from index.storage.address import CatalogueAddress, refuse_no_folder
from index.storage.connection import exists
from index.storage.originals import media_folder, media_path, store_photo
from index.storage.partial_files import remove_unfinished


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did: its plan with the result for each file, and the revision after it."""

    plan: ImportPlan
    revision: int
    is_new_revision: bool


def plan_import(
    source: ImportSource,
    known: Sequence[CataloguePhoto],
    catalogue: CatalogueAddress,
    options: ImportOptions = ImportOptions(),
    *,
    progress: Progress = no_progress,
) -> ImportPlan:
    """Read all photos of a source and compare them with a catalogue's (`known`); change nothing."""
    source = _with_turned_boxes(source, known)
    photos: list[SourcePhoto] = []
    hashes = {photo.content_hash for photo in known}
    with progress(len(source.photos), "Reading photos") as advance:
        for photo in read_source_photos(
            source.photos, hashes, is_hashed=options.duplicates == "skip"
        ):
            photos.append(photo)
            advance(1)
    perceptual: dict[str, bytes | None] = {}
    if any(photo.perceptual for photo in photos):
        perceptual = known_perceptual(
            known,
            media_folder(catalogue),
            progress=progress,
            is_stored=options.stores_hashes,
        )
    return make_import_plan(
        source,
        find_originals(photos, known, perceptual),
        known,
        known_perceptual=perceptual,
        corrections=_corrections(catalogue),
        options=options,
    )


def apply_import(
    plan: ImportPlan,
    catalogue: CatalogueAddress,
    embedder: PhotoEmbedder,
    options: UpdateOptions = UpdateOptions(),
    *,
    around_commit: AroundCommit = nullcontext,
    progress: Progress = no_progress,
) -> ImportResult:
    """Copy a plan's new photos beside the catalogue and bring it up to date, in one revision.

    Where there is no catalogue yet, one is built. `options` and `around_commit` are as
    `index.reindex.update.update_catalogue` has them. Raises BadCatalogue and BadMedia, and then the
    catalogue is as it was.
    """
    stored, faults = _store(plan, media_folder(catalogue), progress)
    labels = Labels((*stored, *plan.relabel), plan.source, ())
    if not labels.photos:
        return ImportResult(_after(plan, faults), _revision(catalogue), is_new_revision=False)
    if exists(catalogue):
        with Catalogue.open(catalogue) as opened:
            report = update_catalogue(
                opened, labels, embedder, options, around_commit=around_commit, progress=progress
            )
    else:
        report = build_catalogue(catalogue, labels, embedder, progress=progress)
    faults |= {each.photo.name: each.reason for each in report.unread}
    return ImportResult(_after(plan, faults), report.revision, report.is_new_revision)


def known_photos(catalogue: CatalogueAddress) -> list[CataloguePhoto]:
    """A catalogue's photos; none where there is no catalogue yet. Raises BadCatalogue."""
    if not exists(catalogue):
        refuse_no_folder(catalogue)
        return []
    with Catalogue.open(catalogue) as opened:
        return opened.photos()


def _with_turned_boxes(source: ImportSource, known: Sequence[CataloguePhoto]) -> ImportSource:
    """Turn the boxes of labels without a file by the files that the catalogue has."""
    if not source.no_file:
        return source
    paths = {photo.name: photo.path for photo in known}
    turned = turn_boxes(
        [replace(photo, path=paths.get(photo.name, photo.path)) for photo in source.no_file],
        source.boxes,
    )
    return replace(source, no_file=turned.photos, warnings=(*source.warnings, *turned.warnings))


def _corrections(catalogue: CatalogueAddress) -> Corrections:
    if not exists(catalogue):
        return Corrections()
    with Catalogue.open(catalogue) as opened:
        return read_corrections(opened)


def _store(
    plan: ImportPlan, folder: Path, progress: Progress
) -> tuple[list[LabelledPhoto], dict[str, str]]:
    """Copy originals; those that changed since they were read are faults."""
    planned = {row.photo: row.content_hash for row in plan.rows}
    hashes = (planned.get(photo.name, "") for photo in plan.store)
    remove_unfinished({media_path(folder, hashed, "").parent for hashed in hashes if hashed})
    stored: list[LabelledPhoto] = []
    faults: dict[str, str] = {}
    with progress(len(plan.store), "Copying photos") as advance:
        for photo in plan.store:
            try:
                file, data = photo_file(photo.path)
            except BadPhoto as error:
                faults[photo.name] = str(error)
            else:
                if file.content_hash == planned[photo.name]:
                    stored.append(replace(photo, path=store_photo(data, folder, photo.name)))
                else:
                    faults[photo.name] = (
                        "the file changed while it was imported; run the same command again"
                    )
            advance(1)
    return stored, faults


def _after(plan: ImportPlan, faults: dict[str, str]) -> ImportPlan:
    """The plan with what couldn't be done of it."""
    if not faults:
        return plan
    to_store = {photo.name for photo in plan.store}
    return replace(plan, rows=tuple(_row_after(row, faults, to_store) for row in plan.rows))


def _row_after(row: ImportRow, faults: dict[str, str], to_store: set[str]) -> ImportRow:
    if row.photo not in faults or row.photo not in to_store:
        return row
    return replace(row, status="unreadable", reason=faults[row.photo])


def _revision(catalogue: CatalogueAddress) -> int:
    if not exists(catalogue):
        return 0
    with Catalogue.open(catalogue) as opened:
        return opened.revision
