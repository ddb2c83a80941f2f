"""The parameters of reports."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query
from starlette.requests import Request

from index.reports.capture_histories import Occasions
from index.reports.documents import DEFAULT_TITLE, ReportOptions
from index.sightings.disclosure import Places
from service.http.problems import FORBIDDEN, ProblemError
from service.schemas.curation_requests import may_see_places
from service.schemas.season.sightings import SelectionQuery


def _options(
    request: Request,
    selection: SelectionQuery,
    places: Annotated[
        Places,
        Query(
            description="How much of places to tell: `regions`, `coarse` (positions moved to the "
            "middle of a grid cell of half a degree) or `exact`. The last two need the role "
            "`curate`."
        ),
    ] = "regions",
    occasions: Annotated[
        Occasions, Query(description="The occasions of capture histories.")
    ] = "year",
    title: Annotated[
        str, Query(min_length=1, max_length=200, description="What the report is called.")
    ] = DEFAULT_TITLE,
) -> ReportOptions:
    if places != "regions" and not may_see_places(request):
        raise ProblemError(
            FORBIDDEN, f"Places as {places} need a key with the role curate; send places=regions."
        )
    created = datetime.now(UTC).strftime("%Y-%m-%d")
    return ReportOptions(selection, created, places, occasions, title)


ReportQuery = Annotated[ReportOptions, Depends(_options)]
"""The parameters of a report."""
