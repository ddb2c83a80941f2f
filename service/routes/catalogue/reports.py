"""/v1/reports: what a team sends at the end of a season."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from index.reports.capture_histories import BadReport
from index.reports.documents import ReportKind, make_report
from service.catalogue.sightings import served_sightings
from service.http.problems import BUSY, INVALID, NOT_READY, NOT_WRITABLE, Fault, invalid
from service.http.required_roles import requires
from service.schemas.openapi import problem_responses
from service.schemas.season.reports import ReportQuery

_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
# A page of its own: it may load nothing, run nothing and send nothing.
_GUARDS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}

router = APIRouter(tags=["reports"], dependencies=[requires("read")])


@router.get(
    "/v1/reports/{kind}",
    summary="A season's report.",
    response_class=Response,
    responses={
        200: {
            "description": "The report, as a file to be saved.",
            "content": dict.fromkeys(
                ("text/html", "text/csv", "text/plain", "application/zip"), _BINARY
            ),
        },
        **problem_responses(INVALID, BUSY, NOT_WRITABLE, NOT_READY),
    },
)
async def report(
    request: Request,
    kind: Annotated[
        ReportKind,
        Path(
            description="`html`: a page with figures, discovery curve, map and tables. `csv`: a "
            "row a sighting. `darwin-core`: an archive for GBIF and OBIS. `mark`: capture "
            "histories for Program MARK. `histories`: the same as a table."
        ),
    ],
    options: ReportQuery,
) -> Response:
    """Report the selected sightings: who was met, who is new, who came again.

    An individual is new where none of its sightings is before the selected ones.
    """
    read = await served_sightings(request)
    try:
        made = await asyncio.to_thread(make_report, kind, read, options)
    except BadReport as error:
        raise invalid(Fault(field="occasions", reason=str(error))) from error
    headers = {
        **_GUARDS,
        "Content-Disposition": f'attachment; filename="{made.name}"',
        "Cache-Control": "private, no-store",
    }
    return Response(made.data, media_type=made.media_type, headers=headers)
