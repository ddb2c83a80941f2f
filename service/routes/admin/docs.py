"""GET /docs: the reference page, made here and complete in itself."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from service.http.required_roles import open_to_all
from service.schemas.reference import reference_html

# The page loads nothing, and a browser holds it to that.
_LOADS_NOTHING = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
}

router = APIRouter(include_in_schema=False, dependencies=[open_to_all()])


@router.get("/docs")
async def docs(request: Request) -> Response:
    """Show the reference page, generated from the OpenAPI document."""
    page = reference_html(request.app.openapi(), str(request.base_url).rstrip("/"))
    return HTMLResponse(page, headers=_LOADS_NOTHING)
