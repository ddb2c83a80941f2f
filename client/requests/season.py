"""The requests about sightings, unknown animals and reports."""

from __future__ import annotations

import httpx

from client.records.photos import Page
from client.records.season import (
    Sighting,
    SightingSummary,
    SummarisedSightings,
    UnknownGroup,
)
from client.requests.request import ServiceRequest, get, page_of, quote_name, record_of

PAGE_ROWS = 100


def sightings(
    cursor: str | None,
    *,
    individual: str | None = None,
    since: str | None = None,
    until: str | None = None,
    species: str | None = None,
    region: str | None = None,
) -> ServiceRequest[Page[Sighting]]:
    """List sightings, the newest first; those without a time come last."""
    return get(
        "/v1/sightings",
        page_of(Sighting, "sightings"),
        individual=individual,
        since=since,
        until=until,
        species=species,
        region=region,
        limit=PAGE_ROWS,
        cursor=cursor,
    )


def sighting_summary(individual: str) -> ServiceRequest[SightingSummary]:
    """Sum up an individual's sightings: how many, in how many years, when the last ones were."""
    read = record_of(SummarisedSightings)
    return get(
        "/v1/sightings", lambda response: read(response).summary, individual=individual, limit=1
    )


def unknown(
    cursor: str | None, *, page_rows: int = PAGE_ROWS
) -> ServiceRequest[Page[UnknownGroup]]:
    """List the photos of unknown animals by groups of similar ones, the largest first."""
    return get("/v1/unknown", page_of(UnknownGroup, "groups"), limit=page_rows, cursor=cursor)


def report(
    kind: str,
    *,
    since: str | None = None,
    until: str | None = None,
    places: str | None = None,
    occasions: str | None = None,
    **others: str | None,
) -> ServiceRequest[bytes]:
    """Read a season's report: `html`, `csv`, `darwin-core`, `mark` or `histories`.

    `places`: `regions`, `coarse` or `exact`; `others`: species, region, individual, title.
    """
    return get(
        f"/v1/reports/{quote_name(kind)}",
        _content,
        since=since,
        until=until,
        places=places,
        occasions=occasions,
        **others,
    )


def _content(response: httpx.Response) -> bytes:
    return response.content
