"""GET /metrics: figures for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.http.required_roles import requires
from service.schemas.openapi import problem_responses
from service.telemetry.prometheus import CONTENT_TYPE, Measures

router = APIRouter(tags=["health"], dependencies=[requires("read")])


@router.get(
    "/metrics",
    summary="Figures for Prometheus.",
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus's text format.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
        **problem_responses(),
    },
)
async def metrics(request: Request) -> Response:
    """Count requests, batches and decisions, and describe what is served."""
    measures = request.app.state.measures
    assert isinstance(measures, Measures)
    return Response(measures.text(), media_type=CONTENT_TYPE)
