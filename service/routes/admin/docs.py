"""GET /docs and /openapi.json: the reference as a page, complete in itself, and as a document.

Anybody may ask for both, so both are made once.
"""

from __future__ import annotations

import json

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from service.http.required_roles import open_to_all
from service.schemas.reference import reference_at, reference_html

# The page loads nothing, and a browser holds it to that.
_LOADS_NOTHING = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
}

router = APIRouter(include_in_schema=False, dependencies=[open_to_all()])


_SOME_URL = "http://the-url-of-this-service"


@router.get("/docs")
async def docs(request: Request) -> Response:
    """Show the reference page, generated from the OpenAPI document."""
    page = reference_at(_made(request)[0], _SOME_URL, str(request.base_url).rstrip("/"))
    return HTMLResponse(page, headers=_LOADS_NOTHING)


@router.api_route("/openapi.json", methods=["GET", "HEAD"])
async def openapi(request: Request) -> Response:
    """Answer the OpenAPI document."""
    return Response(_made(request)[1], media_type="application/json")


def _made(request: Request) -> tuple[str, bytes]:
    """The page and the document of the application, made at the first request."""
    state = request.app.state
    made: tuple[str, bytes] | None = getattr(state, "reference", None)
    if made is None:
        document = request.app.openapi()
        made = state.reference = (
            reference_html(document, _SOME_URL),
            json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(),
        )
    return made
