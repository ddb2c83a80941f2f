"""Bring a catalogue up to date with its labels, or fill a new one by the same steps."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from index.catalogue.calibrating import refit
from index.catalogue.catalogue import BadCatalogue, Catalogue
from index.catalogue.revision import Revision, Values, open_revision
from index.curation.corrections import read_corrections_within
from index.labels.reader import Labels
from index.photos.embed import (
    DistantEmbedder,
    EmbeddedPhoto,
    FileEmbedder,
    UnreadPhoto,
    describe_damage,
)
from index.photos.pending_vectors import (
    PendingVectors,
    pending_files,
    pending_folder,
    remove_stale_files,
)
from index.progress import Progress, no_progress
from index.reindex.options import UpdateOptions
from index.reindex.plan import describe_other_names, is_relabelled
from index.reindex.preparation import CatalogueUpdate, UpdatePreparation
from index.reindex.report import UpdateReport, add_warnings
from index.reindex.staged_vectors import (
    checkpoints_of,
    log_embedded,
    read_state,
    stage_vectors,
    was_searched_by,
    without_damaged_vectors,
)
from index.storage.address import CatalogueAddress
from index.storage.originals import fetch_originals, media_folder
from index.storage.retry import enter_while_busy, retry_while_busy

AroundCommit = Callable[[], AbstractContextManager[None]]

# How often an update is prepared anew because curators changed the catalogue meanwhile. After that
# it keeps them out.
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class _PreparedUpdate:
    """What was prepared for a catalogue at a revision."""

    revision: int
    update: CatalogueUpdate


def update_catalogue(
    catalogue: Catalogue,
    labels: Labels | None,
    embedder: FileEmbedder,
    options: UpdateOptions = UpdateOptions(),
    *,
    around_commit: AroundCommit = nullcontext,
    progress: Progress = no_progress,
) -> UpdateReport:
    """Bring a catalogue up to date by one revision, made in one short transaction at the end.

    `labels` None: the catalogue's own photos, to embed them with another checkpoint or after
    changes of their files. A photo that can't be read is reported; what the catalogue knew of it
    stays. What curators did stands, as `index.reindex.plan.make_update_plan` describes.

    Photos are embedded before that transaction, while others may change the catalogue; their
    changes are read at its start. Another checkpoint's vectors are staged beside those that are
    searched. All other vectors are written to disk, where the next try finds them after an
    interruption. `around_commit` is entered around the transaction.

    Raises BadCatalogue, and then nothing that is searched has changed.
    """

    def opened() -> AbstractContextManager[Revision]:
        return open_revision(catalogue, kind=options.kind, made_by=options.made_by)

    # A catalogue that can't be written is refused now, and not after an hour of embedding.
    with open_revision(catalogue) as revision:
        _refuse_other(revision, embedder.fingerprint, options)
    fetch_originals(
        catalogue.address,
        lambda: _read_here(catalogue, embedder),
        progress=progress,
    )
    with open_pending_vectors(catalogue.address, embedder.fingerprint) as pending:
        preparation = UpdatePreparation(
            labels,
            embedder,
            options,
            progress=progress,
            pending=pending,
            media=media_folder(catalogue.address),
        )
        for _ in range(_ROUNDS):
            prepared = _prepare(catalogue, preparation)
            with around_commit(), enter_while_busy(opened) as revision:
                _refuse_other(revision, embedder.fingerprint, options)
                if revision.number - 1 == prepared.revision:
                    report = _write_revision(revision, preparation, prepared.update)
                    break
        else:
            with around_commit(), enter_while_busy(opened) as revision:
                _refuse_other(revision, embedder.fingerprint, options)
                report = update_within_transaction(revision, preparation)
    fit_pending(catalogue, progress)
    return add_warnings(report, labels, catalogue)


@contextmanager
def open_pending_vectors(address: CatalogueAddress, fingerprint: str) -> Generator[PendingVectors]:
    """Open the vectors on disk that survive an interruption of the block.

    At the block's end they are removed, and so are those of checkpoints that nothing uses any more.
    """
    folder = pending_folder(address)
    pending = PendingVectors(folder, fingerprint)
    try:
        yield pending
    except BaseException:
        pending.close()
        raise
    pending.forget()
    if any(each.fingerprint != fingerprint for each in pending_files(folder)):
        # The update is done: what can't be removed now, the next one removes.
        with suppress(BadCatalogue), Catalogue.open(address) as catalogue:
            remove_stale_files(folder, checkpoints_of(catalogue))


def fit_pending(catalogue: Catalogue, progress: Progress) -> None:
    """Fit the calibration where a distance has moved since the last one. Raises BadCatalogue."""
    photos = catalogue.counts().searchable
    with progress(photos, "Calibrating on the catalogue's own photos") as advance:
        refit(catalogue)
        advance(photos)


def _read_here(catalogue: Catalogue, embedder: FileEmbedder) -> list[Path]:
    """The files that are read here, where what only nodes read needn't be fetched."""
    if not isinstance(embedder, DistantEmbedder):
        return [photo.path for photo in catalogue.photos()]
    fingerprint = embedder.fingerprint
    photos = read_state(catalogue, fingerprint).photos
    return [photo.path for photo in photos if photo.fingerprint == fingerprint]


def _prepare(catalogue: Catalogue, preparation: UpdatePreparation) -> _PreparedUpdate:
    """Do all that needs no transaction: compare files, embed photos."""
    fingerprint = preparation.fingerprint
    state = read_state(catalogue, fingerprint)
    update = preparation.make_update(state.photos, state.corrections)

    def stage(made: Mapping[int, EmbeddedPhoto]) -> set[str]:
        if not made or state.fingerprint in (None, fingerprint):
            return set()
        return retry_while_busy(lambda: stage_vectors(catalogue, made, fingerprint))

    preparation.embed(update, stage)
    return _PreparedUpdate(state.revision, update)


def update_within_transaction(revision: Revision, preparation: UpdatePreparation) -> UpdateReport:
    """Do within the transaction what is still to be done, while nobody else changes the catalogue.

    The calibration is to be fitted after it.
    """
    photos = without_damaged_vectors(
        revision.session, revision.photos(preparation.fingerprint), preparation.fingerprint
    )
    update = preparation.make_update(photos, read_corrections_within(revision.session))
    preparation.embed(update)
    return _write_revision(revision, preparation, update)


def _write_revision(
    revision: Revision, preparation: UpdatePreparation, update: CatalogueUpdate
) -> UpdateReport:
    """Apply an update with the vectors that are ready: one revision, if anything has changed."""
    plan, fingerprint = update.plan, preparation.fingerprint
    unread = tuple(preparation.unread.values())
    staged_before = _staged_before(update, revision, fingerprint)
    _apply_plan(update, preparation, revision, staged_before)
    _refuse_emptiness(revision, update, unread, fingerprint)
    is_new = any(revision.changes.values()) or revision.last_fingerprint != fingerprint
    if is_new:
        revision.finish(fingerprint, detail=_event_detail(revision, preparation))
    return UpdateReport(
        revision=revision.number if is_new else revision.number - 1,
        is_new_revision=is_new,
        added=revision.changes["add"],
        reembedded=revision.changes["reembed"],
        relabelled=revision.changes["relabel"],
        removed=revision.changes["remove"],
        unchanged=plan.unchanged
        - len(staged_before - {photo.name for photo in (*plan.relabel, *plan.catalogue_only)}),
        left=len(plan.catalogue_only),
        unread=unread,
        warnings=(
            *describe_other_names(plan.other_names),
            *describe_damage(preparation.damaged),
        ),
        kept_away=len(plan.deleted_by_curator),
        kept_curated=len(plan.corrected_by_curator),
    )


def _event_detail(revision: Revision, preparation: UpdatePreparation) -> Values | None:
    """The change of checkpoint as the event records it; None without one."""
    before, after = revision.last_fingerprint, preparation.fingerprint
    if before in (None, after):
        return None
    name = preparation.options.checkpoint
    return {"from": before, "to": after} | ({} if name is None else {"checkpoint": name})


def _staged_before(update: CatalogueUpdate, revision: Revision, fingerprint: str) -> set[str]:
    """The photos whose vectors interrupted tries have staged, which no revision has recorded."""
    if revision.last_fingerprint in (None, fingerprint) or was_searched_by(revision, fingerprint):
        return set()
    again = {photo.name for photo in (*update.plan.reembed, *update.plan.remove)}
    return {
        name
        for name, photo in update.known.items()
        if photo.fingerprint == fingerprint and name not in again
    }


def _apply_plan(
    update: CatalogueUpdate,
    preparation: UpdatePreparation,
    revision: Revision,
    staged_before: Set[str],
) -> None:
    known, plan, fingerprint = update.known, update.plan, preparation.fingerprint
    for old in plan.remove:
        revision.remove(old)
    for photo in plan.relabel:
        old = known[photo.name]
        # A file that can't be read never takes the place of the one that was catalogued.
        unread = preparation.unread.get(photo.name)
        is_unread = unread is not None and unread.photo.path == photo.path
        new = replace(photo, path=old.path) if is_unread else photo
        if is_relabelled(new, old):
            revision.relabel(old, new)
    changed: set[str] = set()
    for photo in (*plan.add, *plan.reembed):
        made = preparation.embedded_photo(photo)
        if made is not None and photo.name in known:
            revision.reembed(known[photo.name], made, fingerprint)
            changed.add(photo.name)
        elif made is not None:
            copy = update.copies.copy_of(made.file.content_hash, photo.name)
            if copy is not None and copy != photo.path:
                made = _with_file(made, copy)
            revision.add(made, fingerprint)
    staged = (preparation.staged | staged_before) - changed
    log_embedded(
        revision, [photo.id for name, photo in known.items() if name in staged], fingerprint
    )
    for old, file in update.moved_files:
        revision.note_file(old, file)


def _with_file(made: EmbeddedPhoto, path: Path) -> EmbeddedPhoto:
    """The photo with the copy of its content as its file, whose time proves nothing yet."""
    return replace(
        made, photo=replace(made.photo, path=path), file=replace(made.file, mtime_ns=None)
    )


def _refuse_other(revision: Revision, fingerprint: str, options: UpdateOptions) -> None:
    options.check(revision.session)
    searched_by = revision.last_fingerprint
    if not options.may_change_checkpoint and searched_by not in (None, fingerprint):
        raise BadCatalogue(
            f"the catalogue is searched by the checkpoint {searched_by[:12]}, which was put in "
            f"place meanwhile, and these vectors are of {fingerprint[:12]}; try again"
        )


def _refuse_emptiness(
    revision: Revision, update: CatalogueUpdate, unread: Sequence[UnreadPhoto], fingerprint: str
) -> None:
    """Refuse to leave a catalogue without one searchable vector because no photo could be read."""
    has_vectors = (
        revision.changes["add"]
        or revision.changes["reembed"]
        or revision.last_fingerprint == fingerprint
        or any(photo.fingerprint == fingerprint for photo in update.known.values())
    )
    if unread and not has_vectors:
        count = len(update.plan.add) + len(update.plan.reembed)
        first = unread[0].photo
        raise BadCatalogue(
            f"none of the {count:,} photos could be read, so nothing was changed; the first: "
            f"{unread[0].reason.replace(str(first.path), first.name)}"
        )
