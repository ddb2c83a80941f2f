"""The job `reindex`: the catalogue brought up to date with its photos' files, while the service goes on answering."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from index.catalogue import Catalogue
from index.embed_photos import PhotoEmbedder
from index.progress import Advance, Progress
from index.reindex import update_catalogue
from service.job_context import JobContext
from service.job_schemas import ReindexJob
from service.serving import Serving


@dataclass(frozen=True)
class ReindexPlace:
    """What a reindex job works with: what is served now, the catalogue, and whom to tell of its new revision."""

    serving: Callable[[], Serving]
    catalogue: Path
    on_revision: Callable[[], None]


def reindex(place: ReindexPlace, context: JobContext) -> dict[str, Any]:
    """Compare, embed what has changed, and calibrate: one transaction, so that stopping it changes nothing.

    `on_revision` is called when the catalogue has another revision than what is served, also where a killed start
    had committed it already.
    """
    asked = ReindexJob.model_validate(context.parameters)
    embedder = cast("PhotoEmbedder", place.serving().identifier.embedder)
    with Catalogue.open(place.catalogue) as catalogue, context.keeping_the_database():
        report = update_catalogue(catalogue, None, embedder, rehash=asked.rehash, progress=_told_to(context))
    for unread in report.unread:
        context.error(unread.photo.name, unread.reason)
    if report.revision != place.serving().identifier.gallery.revision:
        place.on_revision()
    return {
        "revision": report.revision,
        "is_new_revision": report.is_new_revision,
        "reembedded": report.reembedded,
        "relabelled": report.relabelled,
        "unchanged": report.unchanged,
        "unreadable": len(report.unread),
        "warnings": list(report.warnings),
    }


def _told_to(context: JobContext) -> Progress:
    """The steps of an update as one job's progress; between two of them the job may be stopped."""

    @contextmanager
    def progress(total: int | None, description: str) -> Generator[Advance]:
        del description
        done = 0

        def advance(steps: int) -> None:
            nonlocal done
            done += steps
            context.progress(done, total)
            context.raise_if_stopped()

        context.progress(done, total)
        context.raise_if_stopped()
        yield advance

    return progress
