"""The application: routes, problems and envelope put together around one Service."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from fastapi import FastAPI

from embedding.errors import FlukeprintError
from index.access.store import AccessStore
from index.search.matching import Identification
from service.catalogue.writer import CatalogueWriter
from service.http.authorization import Gate, is_loopback
from service.http.idempotency import RepeatableRequests
from service.http.problems import install_problems
from service.http.request_envelope import RequestEnvelope
from service.http.required_roles import DeclaredRoutes
from service.jobs.queue import JobQueue
from service.routes.admin import about, checkpoints, docs, health, jobs, keys, metrics, pages
from service.routes.catalogue import (
    catalogue_photos,
    changes,
    encounters,
    individuals,
    queue,
    thumbnails,
    work_lists,
)
from service.routes.identification import embed, explain, identify, verify
from service.schemas.openapi import flukeprint_version, openapi_document
from service.schemas.reference import reference_markdown
from service.serving.service import Service, Serving
from service.settings import Settings
from service.telemetry.logs import note_decision
from service.telemetry.observer import Observer
from service.telemetry.prometheus import Measures, ServingFigures

_Part = TypeVar("_Part", JobQueue, CatalogueWriter)
_log = logging.getLogger("flukeprint.service")


def _do_nothing(_: object) -> None:
    return None


def create_app(
    settings: Settings,
    load: Callable[[], Serving],
    *,
    on_ready: Callable[[Serving], None] = _do_nothing,
    on_failed: Callable[[Exception], None] = _do_nothing,
    access: AccessStore | None = None,
    open_jobs: Callable[[Service], JobQueue] | None = None,
    open_writer: Callable[[Service], CatalogueWriter] | None = None,
) -> FastAPI:
    """Make the application. Nothing is loaded and no thread runs before its lifespan starts.

    `load` runs in a thread of its own once the lifespan has started, so that /healthz answers
    meanwhile and /readyz says 503. It ends in `on_ready` or, with what it raised, in `on_failed`;
    both run on the event loop. `access` holds the keys; without it there are none, and only who is
    on this machine is answered. `open_jobs` opens the jobs, which start once something is served;
    without it there are none. `open_curating` opens the catalogue for what changes it, likewise.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        service = Service(settings, observer)
        service.start()
        app.state.service = service
        writer = (
            None
            if open_writer is None
            else await asyncio.to_thread(_open_or_none, open_writer, service)
        )
        app.state.writer = writer
        job_queue = (
            None
            if open_jobs is None
            else await asyncio.to_thread(_open_or_none, open_jobs, service)
        )
        app.state.jobs = job_queue
        loading = asyncio.create_task(_load(service, load, on_ready, on_failed, job_queue))
        try:
            yield
        finally:
            await loading
            if job_queue is not None:
                await asyncio.to_thread(job_queue.stop)
            if writer is not None:
                await asyncio.to_thread(writer.stop)
            await asyncio.to_thread(service.stop)

    # FastAPI's own pages load scripts from another host; /docs is ours.
    app = FastAPI(
        title="flukeprint",
        version=flukeprint_version(),
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.openapi = lambda: openapi_document(app)
    install_problems(app)
    app.state.access = access
    app.state.measures = observer = DecisionObserver(lambda: _served(app))
    for routes in (
        identify,
        verify,
        embed,
        explain,
        about,
        thumbnails,
        queue,
        individuals,
        encounters,
        catalogue_photos,
        changes,
        work_lists,
        jobs,
        checkpoints,
        keys,
        health,
        metrics,
        docs,
        pages,
    ):
        app.include_router(routes.router)
    _enclose(app, settings, access, observer)
    return app


def _enclose(
    app: FastAPI, settings: Settings, access: AccessStore | None, observer: Observer
) -> None:
    """Put round the routes, from within: kept answers, who may ask, the envelope."""
    app.state.declared = DeclaredRoutes(app)
    app.add_middleware(RepeatableRequests, store=access)
    app.add_middleware(
        Gate,
        routes=app.state.declared,
        store=access,
        is_on_loopback=is_loopback(settings.host),
        requests_per_minute=settings.requests_per_minute,
    )
    app.add_middleware(
        RequestEnvelope,
        max_upload_bytes=settings.max_upload_bytes,
        max_json_bytes=settings.max_json_bytes,
        max_archive_bytes=settings.max_archive_bytes,
        observer=observer,
    )


def http_api_text() -> str:
    """The text of docs/http-api.md."""

    def load() -> Serving:
        raise RuntimeError("this application is only read, never started")

    return reference_markdown(create_app(Settings.model_construct(), load).openapi())


class DecisionObserver(Measures):
    """Counts what happens, and notes each decision for the line that its request logs."""

    def identified(self, identification: Identification) -> None:
        """Count one photo's answer and note its decision."""
        super().identified(identification)
        note_decision(identification.decision)


def _served(app: FastAPI) -> ServingFigures:
    service: Service | None = getattr(app.state, "service", None)
    if service is None or service.serving is None:
        return ServingFigures(False, 0, 0, 0, 0)
    gallery = service.serving.identifier.gallery
    waiting = service.waiting_photos
    return ServingFigures(
        True, gallery.individual_count, gallery.size, gallery.revision, waiting, gallery.fingerprint
    )


async def _load(
    service: Service,
    load: Callable[[], Serving],
    on_ready: Callable[[Serving], None],
    on_failed: Callable[[Exception], None],
    job_queue: JobQueue | None,
) -> None:
    try:
        service.serving = await asyncio.to_thread(load)
    except Exception as error:
        _log.error("The catalogue could not be loaded: %s", error)
        on_failed(error)
    else:
        if job_queue is not None:
            await asyncio.to_thread(job_queue.start)
        on_ready(service.serving)


def _open_or_none(open_part: Callable[[Service], _Part], service: Service) -> _Part | None:
    """The jobs or curating, or nothing where they can't be had: photos are identified all the
    same.
    """
    try:
        return open_part(service)
    except FlukeprintError as error:
        _log.warning("There are no jobs or there is no curating: %s", error)
        return None
