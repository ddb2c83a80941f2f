"""Bring a catalogue up to date with its labels, or build one: the same steps, so that both come to the same."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from embedding.photo import BadPhoto
from index.ahead import ahead
from index.calibration import BadCalibration, Calibration, calibrate
from index.catalogue import BadCatalogue, Catalogue, CataloguePhoto
from index.embed_photos import (
    BATCH_PHOTOS,
    DECODING_THREADS,
    PhotoEmbedder,
    PhotoFile,
    UnreadPhoto,
    embed_photos,
    photo_file,
)
from index.labels import LabelledPhoto, Labels
from index.plan import Plan, as_labelled, make_plan, needs_vector
from index.progress import Progress, no_progress
from index.revision import Revision, revising
from index.schema import CatalogueBusy, check_file, settle, telling

_MISLABELLED_TOLD = 20


@dataclass(frozen=True, slots=True)
class Report:
    """What an update or a build did. `left`: photos that only the catalogue names, kept as they were."""

    revision: int
    is_new_revision: bool
    added: int
    reembedded: int
    relabelled: int
    removed: int
    unchanged: int
    left: int
    unread: tuple[UnreadPhoto, ...]
    warnings: tuple[str, ...]


def update_catalogue(
    catalogue: Catalogue,
    labels: Labels | None,
    embedder: PhotoEmbedder,
    *,
    prune: bool = False,
    rehash: bool = False,
    progress: Progress = no_progress,
) -> Report:
    """Bring a catalogue up to date in one transaction, which is its next revision if anything has changed.

    `labels` None: the catalogue's own photos, to embed them with another checkpoint or after changes of their
    files. `prune` removes what the labels no longer name. A file whose size and time are as they were is taken to be
    the same, but with `rehash` none is. A photo that can't be read is reported and, if it was catalogued, kept.
    Raises BadCatalogue, and then nothing has changed.
    """
    with revising(catalogue) as revision:
        known = {photo.name: photo for photo in revision.photos(embedder.fingerprint)}
        wanted = _wanted(labels, known)
        changed, unread = _changed(revision, wanted, known, embedder.fingerprint, rehash, progress)
        plan = make_plan(wanted, list(known.values()), changed=changed, fingerprint=embedder.fingerprint, prune=prune)
        unread += _carry_out(plan, revision, known, embedder, progress)
        _refuse_emptiness(revision, plan, unread, embedder.fingerprint)
        is_new = (
            any(revision.changes.values())
            or revision.last_fingerprint != embedder.fingerprint
            or not _is_readable(revision.last_calibration)
        )
        if is_new:
            revision.finish(embedder.fingerprint, _calibration(revision, embedder.fingerprint, progress))
        return Report(
            revision=revision.number if is_new else revision.number - 1,
            is_new_revision=is_new,
            added=revision.changes["add"],
            reembedded=revision.changes["reembed"],
            relabelled=revision.changes["relabel"],
            removed=revision.changes["remove"],
            unchanged=plan.unchanged,
            left=len(plan.left),
            unread=tuple(unread),
            warnings=(*(labels.warnings if labels else ()), *_mislabelled(revision)),
        )


def build_catalogue(
    path: Path,
    labels: Labels,
    embedder: PhotoEmbedder,
    *,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> Report:
    """Build a catalogue in a hidden file beside `path` and give it its name when it is complete.

    Whatever interrupts it, at `path` is what was there before: nothing, or the catalogue that `overwrite` allows to
    replace. Raises BadCatalogue.
    """
    refuse_target(path, overwrite)
    path = path.resolve()
    temporary = path.with_name(f".{path.name}.building")
    _refuse_running_build(temporary, path)
    try:
        with telling(path):
            _remove_database(temporary)
            with Catalogue.open(temporary, create=True) as catalogue:
                report = update_catalogue(catalogue, labels, embedder, progress=progress)
            if path.exists():
                settle(path)
            _rename(temporary, path)
    finally:
        _remove_database(temporary)
    return report


def refuse_target(path: Path, overwrite: bool) -> None:
    """Raise BadCatalogue, before any work, when a catalogue can't be built at `path`."""
    path = path.resolve()
    if not path.parent.is_dir():
        raise BadCatalogue(f"there is no folder {path.parent} for the catalogue; make it first, or give another path")
    if not path.exists():
        return
    check_file(path)  # what isn't a catalogue is never replaced
    if not overwrite:
        raise BadCatalogue(
            f"there is a catalogue at {path} already; bring it up to date with `flukeprint index update`, "
            "or give --replace to build it anew"
        )
    settle(path)  # in use, it is told now and not after an hour's embedding


def _wanted(labels: Labels | None, known: dict[str, CataloguePhoto]) -> list[LabelledPhoto]:
    if labels is None:
        return [as_labelled(photo) for photo in known.values()]
    # The catalogue must find its photos from any working folder.
    return [replace(photo, path=photo.path.resolve()) for photo in labels.photos]


def _changed(
    revision: Revision,
    wanted: Sequence[LabelledPhoto],
    known: dict[str, CataloguePhoto],
    fingerprint: str,
    rehash: bool,
    progress: Progress,
) -> tuple[set[str], list[UnreadPhoto]]:
    """Which known photos hold another content than catalogued; those embedded again anyway aren't looked at."""
    doubtful = [
        (photo, old)
        for photo in wanted
        if (old := known.get(photo.name)) is not None
        and not needs_vector(photo, old, fingerprint)
        and (rehash or not _looks_the_same(photo, old))
    ]
    changed: set[str] = set()
    unread: list[UnreadPhoto] = []
    if not doubtful:
        return changed, unread
    files = ahead((photo for photo, _ in doubtful), _read_file, threads=DECODING_THREADS, most=BATCH_PHOTOS)
    with progress(len(doubtful), "Comparing files with the catalogue") as advance:
        for (photo, old), read in zip(doubtful, files, strict=True):
            if isinstance(read, UnreadPhoto):
                unread.append(read)
            elif read.content_hash != old.content_hash:
                changed.add(photo.name)
            else:
                revision.note_file(old, read)
            advance(1)
    return changed, unread


def _looks_the_same(photo: LabelledPhoto, old: CataloguePhoto) -> bool:
    try:
        status = photo.path.stat()
    except OSError:
        return False
    return photo.path == old.path and (status.st_size, status.st_mtime_ns) == (old.size_bytes, old.mtime_ns)


def _read_file(photo: LabelledPhoto) -> PhotoFile | UnreadPhoto:
    try:
        return photo_file(photo.path)[0]
    except BadPhoto as error:
        return UnreadPhoto(photo, str(error))


def _carry_out(
    plan: Plan,
    revision: Revision,
    known: dict[str, CataloguePhoto],
    embedder: PhotoEmbedder,
    progress: Progress,
) -> list[UnreadPhoto]:
    for old in plan.remove:
        revision.remove(old)
    for photo in plan.relabel:
        revision.relabel(known[photo.name], photo)
    unread: list[UnreadPhoto] = []
    if not plan.add and not plan.reembed:
        return unread
    with progress(len(plan.add) + len(plan.reembed), "Embedding photos") as advance:
        for batch in embed_photos((*plan.add, *plan.reembed), embedder):
            for each in batch:
                if isinstance(each, UnreadPhoto):
                    unread.append(each)
                elif each.photo.name in known:
                    revision.reembed(known[each.photo.name], each, embedder.fingerprint)
                else:
                    revision.add(each, embedder.fingerprint)
            advance(len(batch))
    return unread


def _refuse_emptiness(revision: Revision, plan: Plan, unread: Sequence[UnreadPhoto], fingerprint: str) -> None:
    """Refuse to leave a catalogue without one searchable vector because no photo could be read."""
    has_vectors = revision.changes["add"] or revision.changes["reembed"] or revision.last_fingerprint == fingerprint
    if unread and not has_vectors:
        raise BadCatalogue(
            f"none of the {len(plan.add) + len(plan.reembed):,} photos could be read, so nothing was changed; "
            f"the first: {unread[0].reason}"
        )


def _is_readable(stored_calibration: dict[str, object]) -> bool:
    try:
        Calibration.from_json(stored_calibration)
    except BadCalibration:
        return False
    return True


def _calibration(revision: Revision, fingerprint: str, progress: Progress) -> Calibration:
    rows = revision.vectors(fingerprint)
    with progress(len(rows.photo_ids), "Calibrating on the catalogue's own photos") as advance:
        calibration = calibrate(rows.vectors, rows.individuals)
        advance(len(rows.photo_ids))
    return calibration


def _mislabelled(revision: Revision) -> list[str]:
    pairs = revision.mislabelled()
    warnings = [
        f"{photo} ({label}) and {other} ({other_label}) are the same picture: one label is probably wrong"
        for photo, label, other, other_label in pairs[:_MISLABELLED_TOLD]
    ]
    if len(pairs) > _MISLABELLED_TOLD:
        warnings.append(f"{len(pairs) - _MISLABELLED_TOLD:,} more pairs of the same picture have different labels")
    return warnings


def _refuse_running_build(temporary: Path, path: Path) -> None:
    """Tell a build that is running, which holds its file's write lock, from what a killed one has left."""
    try:
        with Catalogue.open(temporary, wait_seconds=0) as unfinished, revising(unfinished):
            pass
    except CatalogueBusy as error:
        raise CatalogueBusy(f"another build of {path} is running; wait until it has finished") from error
    except BadCatalogue:
        pass  # absent, or cut off while it was made


def _remove_database(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _rename(temporary: Path, path: Path) -> None:
    """Give a complete file its name; both are on disk before this returns."""
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
