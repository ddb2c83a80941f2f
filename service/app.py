"""The application: routes, problems and envelope put together around one Service."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

from fastapi import FastAPI

from embedding.errors import FlukeprintError
from index.access.store import AccessStore
from service.catalogue.writer import CatalogueWriter
from service.following.fresh_answers import FreshAnswers
from service.http.authorization import Gate
from service.http.callers.other_sites import is_loopback
from service.http.callers.sign_in_limit import SignInLimit
from service.http.error_handlers import install_error_handlers
from service.http.idempotency import RepeatableRequests
from service.http.own_paths import OwnPaths
from service.http.request_envelope import RequestEnvelope
from service.http.required_roles import DeclaredRoutes
from service.jobs.queue import JobQueue
from service.routes.access import accounts, keys, sessions
from service.routes.admin import (
    about,
    checkpoints,
    docs,
    health,
    job_control,
    job_creation,
    job_results,
    metrics,
    pages,
)
from service.routes.catalogue import (
    catalogue_photos,
    changes,
    encounters,
    individuals,
    pairs,
    queue,
    reports,
    review_cards,
    sightings,
    thumbnails,
    unknown,
    work_lists,
)
from service.routes.identification import embed, explain, identify, locate, verify
from service.schemas.openapi import flukeprint_version, openapi_document
from service.schemas.reference import reference_markdown
from service.serving.service import Service, Serving
from service.settings import Settings
from service.telemetry.observer import Observer
from service.telemetry.prometheus import Measures, ServingFigures

_Part = TypeVar("_Part", JobQueue, CatalogueWriter)
_ROUTES = (
    identify,
    verify,
    locate,
    embed,
    explain,
    about,
    thumbnails,
    review_cards,  # before the queue, one of whose paths ends like these
    queue,
    individuals,
    encounters,
    sightings,
    reports,
    catalogue_photos,
    changes,
    work_lists,
    pairs,
    unknown,
    job_creation,
    job_control,
    job_results,
    checkpoints,
    keys,
    sessions,
    accounts,
    health,
    metrics,
    docs,
    pages,
)
_log = logging.getLogger("flukeprint.service")


def _do_nothing(_: object) -> None:
    return None


def create_app(
    settings: Settings,
    load: Callable[[], Serving],
    *,
    on_loaded: Callable[[Serving | Exception], None] = _do_nothing,
    access: AccessStore | None = None,
    open_jobs: Callable[[Service], JobQueue] | None = None,
    open_writer: Callable[[Service], CatalogueWriter] | None = None,
) -> FastAPI:
    """Make the application. Nothing is loaded and no thread runs before its lifespan starts.

    `load` runs in a thread of its own once the lifespan has started. Meanwhile /healthz answers,
    and /readyz says 503. `on_loaded` gets what it returned or raised, on the event loop.

    `access` holds keys and accounts. Without it there are none, and only this machine is answered.
    `open_jobs` opens the jobs, which start once something is served. `open_writer` opens the
    catalogue for changes. Without either, its routes answer 503.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        app.state.service = service = Service(settings, measures)
        async with AsyncExitStack() as stack:
            service.start()
            stack.push_async_callback(asyncio.to_thread, service.stop)
            app.state.writer = await _open_part(open_writer, service, stack)
            app.state.jobs = job_queue = await _open_part(open_jobs, service, stack)
            loading = asyncio.create_task(_load(app, load, on_loaded, job_queue))
            try:
                yield
            finally:
                await loading

    # FastAPI's own pages load scripts from another host; /docs is ours.
    app = FastAPI(
        title="flukeprint",
        version=flukeprint_version(),
        docs_url=None,
        redoc_url=None,
        openapi_url=None,  # ours as well: it is made once
        # Spans are sent by service.telemetry.tracing alone, which keeps names back. FastAPI's log
        # of bad requests quotes what was sent.
        telemetry={"auto_configure": False, "logs": False, "operation_spans": False},
        lifespan=lifespan,
    )
    app.openapi = lambda: openapi_document(app)
    install_error_handlers(app)
    app.state.access = access
    app.state.sign_in_limit = SignInLimit(access.buckets if access else None)
    app.state.own_paths = OwnPaths(settings)
    app.state.measures = measures = Measures(lambda: _served(app))
    for routes in _ROUTES:
        app.include_router(routes.router)
    _enclose(app, settings, access, measures)
    return app


def _enclose(
    app: FastAPI, settings: Settings, access: AccessStore | None, observer: Observer
) -> None:
    """Put middleware round the routes, from within: fresh and stored answers, gate, envelope."""
    app.state.declared = DeclaredRoutes(app)
    app.add_middleware(FreshAnswers)
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


def _served(app: FastAPI) -> ServingFigures:
    service: Service | None = getattr(app.state, "service", None)
    if service is None or service.serving is None:
        return ServingFigures(False, 0, 0, 0, 0)
    gallery = service.serving.identifier.gallery
    waiting = service.waiting_photos
    job_queue: JobQueue | None = app.state.jobs
    return ServingFigures(
        True,
        gallery.individual_count,
        gallery.size,
        gallery.revision,
        waiting,
        gallery.fingerprint,
        has_dead_jobs=job_queue is not None and job_queue.runner.has_died,
    )


async def _load(
    app: FastAPI,
    load: Callable[[], Serving],
    on_loaded: Callable[[Serving | Exception], None],
    job_queue: JobQueue | None,
) -> None:
    try:
        serving = await asyncio.to_thread(load)
    except Exception as error:
        _log.error("The catalogue could not be loaded: %s", error)
        on_loaded(error)
        return
    app.state.service.serving = serving
    if app.state.writer is not None:
        # A service that was killed may have left the last change without its calibration.
        app.state.writer.calibrator.wake()
        app.state.writer.compactor.start(serving)
        app.state.writer.review_queue.wake()
        app.state.writer.follower.start()
    if job_queue is not None:
        await asyncio.to_thread(job_queue.start)
    on_loaded(serving)


async def _open_part(
    open_part: Callable[[Service], _Part] | None, service: Service, stack: AsyncExitStack
) -> _Part | None:
    """Open the jobs or the writer, until `stack` closes; None where that is not possible.

    Photos are identified all the same.
    """
    if open_part is None:
        return None
    try:
        part = await asyncio.to_thread(open_part, service)
    except FlukeprintError as error:
        _log.warning("The catalogue can't be changed, or jobs can't be run: %s", error)
        return None
    stack.push_async_callback(asyncio.to_thread, part.stop)
    return part
