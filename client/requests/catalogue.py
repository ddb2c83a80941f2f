"""The requests of curators: the queue, individuals, encounters, photos, history and work lists.

A function that lists something takes the cursor of its page first. `client.methods` makes an
iterator of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import httpx

from client.records.catalogue import (
    CataloguedPhoto,
    Change,
    Cluster,
    Encounter,
    Event,
    Individual,
    Intake,
    MergeSuggestion,
    NextId,
    PairHeat,
    PhotoPair,
)
from client.records.photos import Page
from client.requests.photos import Photos
from client.requests.request import (
    ServiceRequest,
    get,
    page_of,
    post,
    quote_name,
    record_of,
    record_with_etag,
    rows_of,
    without_empty,
)
from client.requests.uploads import photo_uploads

PAGE_ROWS = 100


def send_photos(
    photos: Photos,
    *,
    encounter: str | None = None,
    upload: str | None = None,
    taken_at: str | None = None,
    place: str | None = None,
    region: str | None = None,
    observer: str | None = None,
    species: str | None = None,
) -> ServiceRequest[Intake]:
    """Send new photos to the queue, where the service identifies them.

    Photos whose content the catalogue has already are skipped. Without `encounter`, those of one
    folder, camera and quarter of an hour form one; `upload` is an id of your own that joins several
    such requests.
    """
    # The options of a request are keywords, one for each field of the HTTP API's form.
    form = without_empty(
        encounter=encounter,
        upload=upload,
        taken_at=taken_at,
        place=place,
        region=region,
        observer=observer,
        species=species,
    )
    read = record_of(Intake)
    return ServiceRequest(
        "POST", "/v1/queue", read, "keyed", form=form, files=photo_uploads(photos)
    )


def queue(
    cursor: str | None, *, page_rows: int = PAGE_ROWS
) -> ServiceRequest[Page[CataloguedPhoto]]:
    """List the photos that wait for a curator's decision, the oldest first."""
    return get("/v1/queue", page_of(CataloguedPhoto, "photos"), limit=page_rows, cursor=cursor)


def confirm(photo: str, individual: str, *, is_animal: bool = False) -> ServiceRequest[Event]:
    """Assign a waiting photo to an individual; a new id makes a new individual.

    A photo that was answered `no_animal` needs `is_animal`: a person has seen that there is one.
    """
    body: dict[str, object] = {"individual": individual}
    if is_animal:  # an older service knows no such field
        body["is_animal"] = True
    return post(f"/v1/queue/{quote_name(photo)}/confirm", record_of(Event), body)


def reject(photo: str, *, reason: str | None = None) -> ServiceRequest[Event]:
    """Reject a waiting photo that shows no animal that could be identified."""
    return post(f"/v1/queue/{quote_name(photo)}/reject", record_of(Event), {"reason": reason})


def individuals(
    cursor: str | None, *, search: str = "", species: str | None = None, page_rows: int = PAGE_ROWS
) -> ServiceRequest[Page[Individual]]:
    """List the individuals by id, without those that were merged into others."""
    read = page_of(Individual, "individuals")
    return get(
        "/v1/individuals", read, search=search, species=species, limit=page_rows, cursor=cursor
    )


def individual(name: str) -> ServiceRequest[Individual]:
    """Read an individual, with the etag that an edit may name. Raises NotFound."""
    return get(f"/v1/individuals/{quote_name(name)}", record_with_etag(Individual))


def next_id(*, pattern: str | None = None) -> ServiceRequest[str]:
    """Suggest an unused id, similar to most ids or to `pattern`."""
    read = record_of(NextId)
    return get("/v1/individuals/next-id", lambda response: read(response).name, pattern=pattern)


def edit_individual(
    name: str, fields: Mapping[str, object], *, etag: str | None = None
) -> ServiceRequest[Event]:
    """Change an individual's fields: absent ones stay, None removes a value.

    Give the `etag` of the state that you read; where somebody else has changed it since, this
    raises ChangedMeanwhile.
    """
    return _edit(f"/v1/individuals/{quote_name(name)}", fields, etag)


def rename(name: str, new: str) -> ServiceRequest[Event]:
    """Give an individual another id; the old one stays among its other names."""
    return post(f"/v1/individuals/{quote_name(name)}/rename", record_of(Event), {"new": new})


def merge(name: str, into: str) -> ServiceRequest[Event]:
    """Merge two individuals: `name`'s photos become `into`'s."""
    return post(f"/v1/individuals/{quote_name(name)}/merge", record_of(Event), {"into": into})


def split(name: str, photos: Sequence[str], new: str) -> ServiceRequest[Event]:
    """Move some of an individual's photos to a new individual."""
    return post(
        f"/v1/individuals/{quote_name(name)}/split",
        record_of(Event),
        {"photos": list(photos), "new": new},
    )


def encounters(
    cursor: str | None, *, individual: str | None = None, page_rows: int = PAGE_ROWS
) -> ServiceRequest[Page[Encounter]]:
    """List the encounters that have photos, by key."""
    read = page_of(Encounter, "encounters")
    return get("/v1/encounters", read, individual=individual, limit=page_rows, cursor=cursor)


def edit_encounter(key: int, fields: Mapping[str, object]) -> ServiceRequest[Event]:
    """Change an encounter's fields: absent ones stay, None removes a value."""
    return _edit(f"/v1/encounters/{key}", fields)


def photos(
    cursor: str | None,
    *,
    individual: str | None = None,
    encounter: int | None = None,
    state: str | None = None,
    page_rows: int = PAGE_ROWS,
) -> ServiceRequest[Page[CataloguedPhoto]]:
    """List the catalogue's photos by name; deleted ones only with `state` `deleted`."""
    filters = without_empty(individual=individual, encounter=encounter, state=state)
    return get(
        "/v1/catalogue/photos",
        page_of(CataloguedPhoto, "photos"),
        **filters,
        limit=page_rows,
        cursor=cursor,
    )


def thumbnail(name: str, *, size_px: int | None = None) -> ServiceRequest[bytes]:
    """Read a catalogue photo as a JPEG whose longer side has `size_px` pixels at most."""
    return get(f"/v1/photos/{quote_name(name)}", _content, size_px=size_px)


def move_photos(names: Sequence[str], individual: str | None) -> ServiceRequest[Event]:
    """Move catalogued photos to another individual, or with None to nobody."""
    return post(
        "/v1/catalogue/photos/move",
        record_of(Event),
        {"photos": list(names), "individual": individual},
    )


def assign_photos(
    names: Sequence[str], individual: str, *, is_animal: bool = False
) -> ServiceRequest[Event]:
    """Give waiting and catalogued photos to one individual, as one event.

    Photos that were answered `no_animal` need `is_animal`, as for `confirm`.
    """
    body = {"photos": list(names), "individual": individual, "is_animal": is_animal}
    return post("/v1/catalogue/photos/assign", record_of(Event), body)


def edit_photo(name: str, fields: Mapping[str, object]) -> ServiceRequest[Event]:
    """Change a photo's fields: absent ones stay, None removes a value."""
    return _edit(f"/v1/catalogue/photos/{quote_name(name)}", fields)


def delete_photo(name: str, *, reason: str | None = None) -> ServiceRequest[Event]:
    """Delete a photo from the catalogue and from every answer; it can be undone."""
    path = f"/v1/catalogue/photos/{quote_name(name)}"
    return ServiceRequest(
        "DELETE", path, record_of(Event), "never", query=without_empty(reason=reason)
    )


def changes(
    cursor: str | None,
    *,
    subject: str | None = None,
    made_by: str | None = None,
    kind: str | None = None,
    between: tuple[str | None, str | None] = (None, None),
    page_rows: int = PAGE_ROWS,
) -> ServiceRequest[Page[Change]]:
    """List the catalogue's changes, the newest first: who made them, when and why.

    `between`: from the first moment on, and before the second (ISO 8601; None: no bound).
    """
    since, until = between
    return get(
        "/v1/changes",
        page_of(Change, "changes"),
        subject=subject,
        made_by=made_by,
        kind=kind,
        since=since,
        until=until,
        limit=page_rows,
        cursor=cursor,
    )


def undo(revision: int) -> ServiceRequest[Event]:
    """Undo an event, by a new event. Raises Conflict, naming the events that depend on it."""
    return post(f"/v1/changes/{revision}/undo", record_of(Event))


def merge_suggestions(*, limit: int | None = None) -> ServiceRequest[tuple[MergeSuggestion, ...]]:
    """List pairs of similar individuals, the nearest first."""
    return get("/v1/merge-suggestions", rows_of(MergeSuggestion, "suggestions"), limit=limit)


def mark_different(one: str, other: str) -> ServiceRequest[Event]:
    """Mark two individuals as different, so that no list suggests to merge them again."""
    return post("/v1/merge-suggestions/dismiss", record_of(Event), {"one": one, "other": other})


def photo_pair(one: str, other: str) -> ServiceRequest[PhotoPair]:
    """Compare two photos of the catalogue, by name."""
    return get("/v1/pairs", record_of(PhotoPair), one=one, other=other)


def pair_heat(one: str, other: str) -> ServiceRequest[PairHeat]:
    """Take the distance of two catalogue photos apart, region by region."""
    return get("/v1/pairs/heat", record_of(PairHeat), one=one, other=other)


def clusters(*, limit: int | None = None) -> ServiceRequest[tuple[Cluster, ...]]:
    """List groups of similar photos of nobody known, the nearest first."""
    return get("/v1/clusters", rows_of(Cluster, "clusters"), limit=limit)


def _edit(
    path: str, fields: Mapping[str, object], etag: str | None = None
) -> ServiceRequest[Event]:
    headers = {"If-Match": etag} if etag else {}
    return ServiceRequest(
        "PATCH", path, record_with_etag(Event), "never", json=fields, headers=headers
    )


def _content(response: httpx.Response) -> bytes:
    return response.content
