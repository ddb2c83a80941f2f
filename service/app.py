"""The application: routes, problems and envelope put together around one Service."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI

from service.envelope import RequestEnvelope
from service.openapi import flukeprint_version, openapi_document
from service.problems import install_problems
from service.reference import reference_markdown
from service.routes import docs, health, identify, photos
from service.serving import Service, Serving
from service.settings import Settings

_log = logging.getLogger("flukeprint.service")


def _do_nothing(_: object) -> None:
    return None


def create_app(
    settings: Settings,
    load: Callable[[], Serving],
    *,
    on_ready: Callable[[Serving], None] = _do_nothing,
    on_failed: Callable[[Exception], None] = _do_nothing,
) -> FastAPI:
    """Make the application. Nothing is loaded and no thread runs before its lifespan starts.

    `load` runs in a thread of its own once the lifespan has started, so that /healthz answers meanwhile and
    /readyz says 503. It ends in `on_ready` or, with what it raised, in `on_failed`; both run on the event loop.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        service = Service(settings)
        service.start()
        app.state.service = service
        loading = asyncio.create_task(_load(service, load, on_ready, on_failed))
        try:
            yield
        finally:
            await loading
            await asyncio.to_thread(service.stop)

    # FastAPI's own pages load scripts from another host; /docs is ours.
    app = FastAPI(title="flukeprint", version=flukeprint_version(), docs_url=None, redoc_url=None, lifespan=lifespan)
    app.openapi = lambda: openapi_document(app)
    install_problems(app)
    app.add_middleware(RequestEnvelope, max_upload_bytes=settings.max_upload_bytes)
    for routes in (identify, photos, health, docs):
        app.include_router(routes.router)
    return app


def http_api_text() -> str:
    """The text of docs/http-api.md."""

    def load() -> Serving:
        raise RuntimeError("this application is only read, never started")

    return reference_markdown(create_app(Settings.model_construct(), load).openapi())


async def _load(
    service: Service,
    load: Callable[[], Serving],
    on_ready: Callable[[Serving], None],
    on_failed: Callable[[Exception], None],
) -> None:
    try:
        service.serving = await asyncio.to_thread(load)
    except Exception as error:
        _log.error("The catalogue could not be loaded: %s", error)
        on_failed(error)
    else:
        on_ready(service.serving)
