"""The requests about sightings, unknown animals and reports."""

from __future__ import annotations

from client.records.photos import Page
from client.records.season import Sighting, SightingSummary, SummarisedSightings
from client.requests.request import ServiceRequest, get, page_of, record_of

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
