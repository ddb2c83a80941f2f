"""The job `reindex`: the catalogue follows its photos' files while the service answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from index.catalogue.catalogue import Catalogue
from index.photos.embed import FileEmbedder, PhotoEmbedder
from index.reindex.options import UpdateOptions
from index.reindex.update import UpdateReport, update_catalogue
from index.storage.address import CatalogueAddress
from service.jobs.context import JobContext
from service.schemas.jobs import ReindexJob
from service.serving.service import Serving


def _here(embedder: PhotoEmbedder) -> FileEmbedder:
    return embedder


@dataclass(frozen=True)
class ReindexPlace:
    """What a reindex job works with: what is served now, and the catalogue.

    `on_revision` is called when the catalogue has a new revision. `elsewhere` gives what embeds in
    an embedder's stead, such as a cluster.
    """

    serving: Callable[[], Serving]
    catalogue: CatalogueAddress
    on_revision: Callable[[], None]
    elsewhere: Callable[[PhotoEmbedder], FileEmbedder] = _here


def reindex(place: ReindexPlace, context: JobContext) -> dict[str, Any]:
    """Compare files, embed those that changed, calibrate, and commit one revision.

    Stopping it changes nothing.

    Curators go on meanwhile, but for the moment of that commit.

    `on_revision` is called when the catalogue has another revision than what is served, also where
    a killed start had committed it already.
    """
    parameters = ReindexJob.model_validate(context.parameters)
    embedder = cast("PhotoEmbedder", place.serving().identifier.embedder)
    with Catalogue.open(place.catalogue) as catalogue:
        report = update_catalogue(
            catalogue,
            None,
            place.elsewhere(embedder),
            UpdateOptions(
                rehash=parameters.rehash,
                made_by=context.job.asked_by,
                may_change_checkpoint=False,
                check=context.hold_claim_within,
            ),
            around_commit=context.keeping_the_database,
            progress=context.steps,
        )
    settle(report, context, place.serving, place.on_revision)
    return {
        "revision": report.revision,
        "is_new_revision": report.is_new_revision,
        "reembedded": report.reembedded,
        "relabelled": report.relabelled,
        "unchanged": report.unchanged,
        "unreadable": len(report.unread),
        "warnings": list(report.warnings),
    }


def settle(
    report: UpdateReport,
    context: JobContext,
    serving: Callable[[], Serving],
    on_revision: Callable[[], None],
) -> None:
    """List the unreadable photos, and have the service follow a new revision."""
    for unread in report.unread:
        photo = unread.photo
        context.error(photo.name, unread.reason.replace(str(photo.path), photo.name))
    if report.revision != serving().identifier.gallery.revision:
        on_revision()
