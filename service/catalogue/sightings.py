"""The sightings of the catalogue that is served, read once for each state of it."""

from __future__ import annotations

from starlette.requests import Request

from index.sightings.reading import Sightings, read_sightings
from service.catalogue.writer import writer_of
from service.serving.service import service_of


async def served_sightings(request: Request, individual: str | None = None) -> Sightings:
    """The sightings of the request's service; those of one individual with their notes' authors.

    Raises ProblemError and BadCatalogue.
    """
    serving, writer = service_of(request).ready(), writer_of(request)
    if individual is not None:
        return await writer.read(
            lambda directory: read_sightings(directory.catalogue, individual, has_authors=True)
        )
    return await writer.read(lambda _: writer.sightings.of(serving))
