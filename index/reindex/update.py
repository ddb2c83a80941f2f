"""Bring a catalogue up to date with its labels, or build one: the same steps, so that both come to
the same.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass

from index.calibration.calibration import Calibration
from index.calibration.refit import FittedCalibration, fit_calibration, is_readable, needs_refit
from index.catalogue.catalogue import BadCatalogue, Catalogue
from index.catalogue.revision import Revision, open_revision
from index.curation.corrections import read_corrections_within
from index.labels.reader import Labels
from index.photos.embed import EmbeddedPhoto, PhotoEmbedder, UnreadPhoto
from index.photos.pending_vectors import (
    PendingVectors,
    pending_files,
    pending_folder,
    remove_stale_files,
)
from index.progress import Progress, no_progress
from index.reindex.plan import describe_other_names
from index.reindex.preparation import CatalogueUpdate, UpdatePreparation
from index.reindex.report import UpdateReport, add_warnings
from index.reindex.staged_vectors import (
    checkpoints_of,
    log_embedded,
    read_state,
    stage_vectors,
    vectors_after,
    was_searched_by,
)
from index.storage.address import CatalogueAddress
from index.storage.retry import enter_while_busy, retry_while_busy

Swapping = Callable[[], AbstractContextManager[None]]

# How often an update is prepared anew because curators changed something meanwhile; then it keeps
# them out.
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class _PreparedUpdate:
    """What was prepared for a catalogue at a revision; `fitted` None where nothing changes."""

    revision: int
    planned: CatalogueUpdate
    fitted: FittedCalibration | None


def update_catalogue(
    catalogue: Catalogue,
    labels: Labels | None,
    embedder: PhotoEmbedder,
    *,
    prune: bool = False,
    rehash: bool = False,
    bring_back: bool = False,
    labels_win: bool = False,
    kind: str = "update",
    made_by: str | None = None,
    checkpoint: str | None = None,
    may_go_over: bool = True,
    swapping: Swapping = nullcontext,
    progress: Progress = no_progress,
) -> UpdateReport:
    """Bring a catalogue up to date; all that changes is one revision, made in one short transaction
    at the end.

    `labels` None: the catalogue's own photos, to embed them with another checkpoint or after
    changes of their files. `prune` removes what the labels no longer name. A file whose size and
    time are as they were is taken to be the same, but with `rehash` none is. Photos that a curator
    deleted are kept away, unless `bring_back`; those that one moved, split off or edited stay so
    where the labels say what was before, unless `labels_win`; an individual that was merged or
    renamed may be called as before. A photo that can't be read is reported and, if it was
    catalogued, kept.

    Photos are embedded before that transaction, and others may change the catalogue meanwhile; what
    they did is seen at its start. Another checkpoint's vectors are laid beside those that are
    searched, and all others are kept on disk: the next try finds them if this one is interrupted.
    `kind` and `made_by` are the event's, which names the `checkpoint` so where the catalogue goes
    over to it; `swapping` goes round the transaction. Without `may_go_over` a catalogue of another
    checkpoint is refused. Raises BadCatalogue, and then nothing that is searched has changed.
    """

    def opened() -> AbstractContextManager[Revision]:
        return open_revision(catalogue, kind=kind, made_by=made_by)

    with open_revision(
        catalogue
    ) as revision:  # what can't be written is told before an hour's embedding
        _refuse_other(revision, embedder.fingerprint, may_go_over)
    with open_pending_vectors(catalogue.address, embedder.fingerprint) as pending:
        preparation = UpdatePreparation(
            labels,
            embedder,
            prune=prune,
            rehash=rehash,
            progress=progress,
            bring_back=bring_back,
            labels_win=labels_win,
            pending=pending,
        )
        ready: _PreparedUpdate | None = None
        for _ in range(_ROUNDS):
            ready = _prepare(catalogue, preparation, embedder.fingerprint, ready, progress)
            with swapping(), enter_while_busy(opened) as revision:
                _refuse_other(revision, embedder.fingerprint, may_go_over)
                if revision.number - 1 == ready.revision:
                    report = _write_revision(
                        revision,
                        preparation,
                        ready.planned,
                        embedder.fingerprint,
                        ready.fitted,
                        progress,
                        checkpoint,
                    )
                    break
        else:
            with swapping(), enter_while_busy(opened) as revision:
                _refuse_other(revision, embedder.fingerprint, may_go_over)
                report = update_within_transaction(
                    revision, preparation, embedder.fingerprint, ready, progress, checkpoint
                )
    return add_warnings(report, labels, catalogue)


@contextmanager
def open_pending_vectors(address: CatalogueAddress, fingerprint: str) -> Generator[PendingVectors]:
    """Vectors that survive a break of the block; at its end they are forgotten, and those of
    checkpoints given up.
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
        # What was asked for is done: what can't be tidied now, the next one tidies.
        with suppress(BadCatalogue), Catalogue.open(address) as catalogue:
            remove_stale_files(folder, checkpoints_of(catalogue))


def _prepare(
    catalogue: Catalogue,
    preparation: UpdatePreparation,
    fingerprint: str,
    before: _PreparedUpdate | None,
    progress: Progress,
) -> _PreparedUpdate:
    """Do all that needs no transaction: compare, embed, calibrate.

    `before` is what the last round came to.
    """
    state = read_state(catalogue, fingerprint)
    planned = preparation.make_update(state.photos, state.corrections)

    def keep(made: Mapping[int, EmbeddedPhoto]) -> set[str]:
        is_beside = state.fingerprint not in (None, fingerprint) and bool(made)
        return (
            retry_while_busy(lambda: stage_vectors(catalogue, made, fingerprint))
            if is_beside
            else set()
        )

    preparation.embed(planned, keep)
    plan = planned.plan
    is_changing = (
        plan.add or plan.reembed or plan.relabel or plan.remove or state.fingerprint != fingerprint
    )
    if not is_changing and is_readable(state.calibration):
        return _PreparedUpdate(state.revision, planned, None)
    made = {
        photo.name: each
        for photo in (*plan.add, *plan.reembed)
        if (each := preparation.embedded_photo(photo)) is not None
    }
    rows = vectors_after(catalogue, plan, planned.known, made, fingerprint)
    fitted = before.fitted if before else None
    if fitted is None or needs_refit(len(rows.individuals), fitted.photos):
        fitted = fit_calibration(rows.vectors, rows.individuals, progress)
    return _PreparedUpdate(state.revision, planned, fitted)


def update_within_transaction(
    revision: Revision,
    preparation: UpdatePreparation,
    fingerprint: str,
    ready: _PreparedUpdate | None,
    progress: Progress,
    checkpoint: str | None = None,
) -> UpdateReport:
    """Do what is still to be done within the transaction: nobody changes the catalogue
    meanwhile.
    """
    planned = preparation.make_update(
        revision.photos(fingerprint), read_corrections_within(revision.session)
    )
    preparation.embed(planned)
    fitted = ready.fitted if ready else None
    if fitted is not None and needs_refit(revision.photo_count(), fitted.photos):
        fitted = None
    return _write_revision(
        revision, preparation, planned, fingerprint, fitted, progress, checkpoint
    )


def _write_revision(
    revision: Revision,
    preparation: UpdatePreparation,
    planned: CatalogueUpdate,
    fingerprint: str,
    fitted: FittedCalibration | None,
    progress: Progress,
    checkpoint: str | None = None,
) -> UpdateReport:
    """Carry a plan out with the vectors that are ready: one revision, if anything has changed."""
    plan, unread = planned.plan, tuple(preparation.unread.values())
    laid_before = _staged_before(planned, revision, fingerprint)
    _apply_plan(planned, preparation, revision, fingerprint, laid_before)
    _refuse_emptiness(revision, planned, unread, fingerprint)
    is_new = (
        any(revision.changes.values())
        or revision.last_fingerprint != fingerprint
        or not is_readable(revision.last_calibration)
    )
    if is_new:
        calibration = (
            fitted.calibration if fitted else _calibration(revision, fingerprint, progress)
        )
        is_another = revision.last_fingerprint not in (None, fingerprint)
        detail = {"from": revision.last_fingerprint, "to": fingerprint} if is_another else None
        if detail is not None and checkpoint is not None:
            detail["checkpoint"] = checkpoint
        revision.finish(fingerprint, calibration, detail=detail)
    return UpdateReport(
        revision=revision.number if is_new else revision.number - 1,
        is_new_revision=is_new,
        added=revision.changes["add"],
        reembedded=revision.changes["reembed"],
        relabelled=revision.changes["relabel"],
        removed=revision.changes["remove"],
        unchanged=plan.unchanged
        - len(laid_before - {photo.name for photo in (*plan.relabel, *plan.catalogue_only)}),
        left=len(plan.catalogue_only),
        unread=unread,
        warnings=tuple(describe_other_names(plan.other_names)),
        kept_away=len(plan.deleted_by_curator),
        kept_curated=len(plan.corrected_by_curator),
    )


def _staged_before(planned: CatalogueUpdate, revision: Revision, fingerprint: str) -> set[str]:
    """The photos whose vectors are all there, laid beside by tries that were cut off: no revision
    has told of them.
    """
    if revision.last_fingerprint in (None, fingerprint) or was_searched_by(revision, fingerprint):
        return set()
    again = {photo.name for photo in (*planned.plan.reembed, *planned.plan.remove)}
    return {
        name
        for name, photo in planned.known.items()
        if photo.fingerprint == fingerprint and name not in again
    }


def _apply_plan(
    planned: CatalogueUpdate,
    preparation: UpdatePreparation,
    revision: Revision,
    fingerprint: str,
    laid_before: Set[str],
) -> None:
    known, plan = planned.known, planned.plan
    for old in plan.remove:
        revision.remove(old)
    for photo in plan.relabel:
        revision.relabel(known[photo.name], photo)
    changed: set[str] = set()
    for photo in (*plan.add, *plan.reembed):
        made = preparation.embedded_photo(photo)
        if made is not None and photo.name in known:
            revision.reembed(known[photo.name], made, fingerprint)
            changed.add(photo.name)
        elif made is not None:
            revision.add(made, fingerprint)
    staged = (preparation.staged | laid_before) - changed
    log_embedded(
        revision, [photo.id for name, photo in known.items() if name in staged], fingerprint
    )
    for old, file in planned.moved_files:
        revision.note_file(old, file)


def _refuse_other(revision: Revision, fingerprint: str, may_go_over: bool) -> None:
    if not may_go_over and revision.last_fingerprint not in (None, fingerprint):
        raise BadCatalogue(
            "the catalogue is searched by the checkpoint "
            f"{(revision.last_fingerprint or '')[:12]}, which it went over "
            f"to meanwhile, and these vectors are of {fingerprint[:12]}; try again"
        )


def _calibration(revision: Revision, fingerprint: str, progress: Progress) -> Calibration:
    rows = revision.vectors(fingerprint)
    return fit_calibration(rows.vectors, rows.individuals, progress).calibration


def _refuse_emptiness(
    revision: Revision, planned: CatalogueUpdate, unread: Sequence[UnreadPhoto], fingerprint: str
) -> None:
    """Refuse to leave a catalogue without one searchable vector because no photo could be read."""
    has_vectors = (
        revision.changes["add"]
        or revision.changes["reembed"]
        or revision.last_fingerprint == fingerprint
        or any(photo.fingerprint == fingerprint for photo in planned.known.values())
    )
    if unread and not has_vectors:
        count = len(planned.plan.add) + len(planned.plan.reembed)
        raise BadCatalogue(
            f"none of the {count:,} photos could be read, so nothing was changed; the first: "
            f"{unread[0].reason}"
        )
