"""The requests of curators: the queue, individuals, encounters, photos, history, and work lists.

What lists something takes the cursor of its page first; `client.methods` makes iterators of them.
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
    MergeSuggestion,
    NextId,
    TakenIn,
)
from client.records.photos import Page
from client.requests.photos import Photos
from client.requests.request import (
    Ask,
    act,
    get,
    given,
    in_path,
    page_of,
    record_of,
    record_with_etag,
    rows_of,
)
from client.requests.uploads import sent_photos

PAGE_ROWS = 100


def send_photos(
    photos: Photos,
    *,
    encounter: str | None = None,
    taken_at: str | None = None,
    place: str | None = None,
    region: str | None = None,
    observer: str | None = None,
    species: str | None = None,
) -> Ask[TakenIn]:
    """Send new photos to the queue, where they are identified and wait; content that is there
    already is skipped.
    """
    noted = given(taken_at=taken_at, place=place, region=region, observer=observer, species=species)
    form = {**given(encounter=encounter), **noted}
    read = record_of(TakenIn)
    return Ask("POST", "/v1/queue", read, "kept", form=form, files=sent_photos(photos))


def queue(cursor: str | None, *, page_rows: int = PAGE_ROWS) -> Ask[Page[CataloguedPhoto]]:
    """List the photos that wait for a person's word, the oldest first."""
    return get("/v1/queue", page_of(CataloguedPhoto, "photos"), limit=page_rows, cursor=cursor)


def confirm(photo: str, individual: str) -> Ask[Event]:
    """Make a waiting photo an individual's; an id that nobody has makes a new individual."""
    return act(f"/v1/queue/{in_path(photo)}/confirm", record_of(Event), {"individual": individual})


def reject(photo: str, *, reason: str | None = None) -> Ask[Event]:
    """Say that a waiting photo shows no animal that can be known."""
    return act(f"/v1/queue/{in_path(photo)}/reject", record_of(Event), {"reason": reason})


def individuals(
    cursor: str | None, *, search: str = "", species: str | None = None, page_rows: int = PAGE_ROWS
) -> Ask[Page[Individual]]:
    """List the individuals by id; those that were merged into others are not listed."""
    read = page_of(Individual, "individuals")
    return get(
        "/v1/individuals", read, search=search, species=species, limit=page_rows, cursor=cursor
    )


def individual(name: str) -> Ask[Individual]:
    """Tell what is known of an individual, with the etag that an edit may name. Raises NotFound."""
    return get(f"/v1/individuals/{in_path(name)}", record_with_etag(Individual))


def next_id(*, pattern: str | None = None) -> Ask[str]:
    """Suggest an id that nobody has, like most ids or like `pattern`."""
    read = record_of(NextId)
    return get("/v1/individuals/next-id", lambda response: read(response).name, pattern=pattern)


def edit_individual(
    name: str, noted: Mapping[str, object], *, etag: str | None = None
) -> Ask[Event]:
    """Change what is noted of an individual: what is absent stays, None takes out.

    With the `etag` of the state that was read, ChangedMeanwhile is raised where somebody else was
    quicker.
    """
    return _edit(f"/v1/individuals/{in_path(name)}", noted, etag)


def rename(name: str, new: str) -> Ask[Event]:
    """Give an individual another id; the old one is kept among its other names."""
    return act(f"/v1/individuals/{in_path(name)}/rename", record_of(Event), {"new": new})


def merge(name: str, into: str) -> Ask[Event]:
    """Make two individuals one: `name`'s photos become `into`'s."""
    return act(f"/v1/individuals/{in_path(name)}/merge", record_of(Event), {"into": into})


def split(name: str, photos: Sequence[str], new: str) -> Ask[Event]:
    """Give some of an individual's photos to a new individual."""
    return act(
        f"/v1/individuals/{in_path(name)}/split",
        record_of(Event),
        {"photos": list(photos), "new": new},
    )


def encounters(
    cursor: str | None, *, individual: str | None = None, page_rows: int = PAGE_ROWS
) -> Ask[Page[Encounter]]:
    """List the encounters that have photos, by key."""
    read = page_of(Encounter, "encounters")
    return get("/v1/encounters", read, individual=individual, limit=page_rows, cursor=cursor)


def edit_encounter(key: int, noted: Mapping[str, object]) -> Ask[Event]:
    """Change what is noted of an encounter: what is absent stays, None takes out."""
    return _edit(f"/v1/encounters/{key}", noted)


def photos(
    cursor: str | None,
    *,
    individual: str | None = None,
    encounter: int | None = None,
    state: str | None = None,
    page_rows: int = PAGE_ROWS,
) -> Ask[Page[CataloguedPhoto]]:
    """List the catalogue's photos by name; deleted ones only where `state` asks for them."""
    asked = given(individual=individual, encounter=encounter, state=state)
    return get(
        "/v1/catalogue/photos",
        page_of(CataloguedPhoto, "photos"),
        **asked,
        limit=page_rows,
        cursor=cursor,
    )


def thumbnail(name: str, *, size_px: int | None = None) -> Ask[bytes]:
    """Give a catalogue photo as a JPEG, its longer side `size_px` at most."""
    return get(f"/v1/photos/{in_path(name)}", _content, size_px=size_px)


def move_photos(names: Sequence[str], individual: str | None) -> Ask[Event]:
    """Make catalogued photos another individual's, or with None nobody's."""
    return act(
        "/v1/catalogue/photos/move",
        record_of(Event),
        {"photos": list(names), "individual": individual},
    )


def edit_photo(name: str, noted: Mapping[str, object]) -> Ask[Event]:
    """Change what is noted of a photo: what is absent stays, None takes out."""
    return _edit(f"/v1/catalogue/photos/{in_path(name)}", noted)


def delete_photo(name: str, *, reason: str | None = None) -> Ask[Event]:
    """Take a photo out of the catalogue and of every answer; it can be undone."""
    path = f"/v1/catalogue/photos/{in_path(name)}"
    return Ask("DELETE", path, record_of(Event), "once", query=given(reason=reason))


def changes(
    cursor: str | None, *, subject: str | None = None, page_rows: int = PAGE_ROWS
) -> Ask[Page[Change]]:
    """List who did what, when and by what answer, the newest first."""
    return get(
        "/v1/changes", page_of(Change, "changes"), subject=subject, limit=page_rows, cursor=cursor
    )


def undo(revision: int) -> Ask[Event]:
    """Take an event back, as a new event. Raises Conflict, naming what depends on it."""
    return act(f"/v1/changes/{revision}/undo", record_of(Event))


def merge_suggestions(*, limit: int | None = None) -> Ask[tuple[MergeSuggestion, ...]]:
    """List individuals that look alike, nearest first."""
    return get("/v1/merge-suggestions", rows_of(MergeSuggestion, "suggestions"), limit=limit)


def tell_apart(one: str, other: str) -> Ask[Event]:
    """Note that two individuals were looked at and are different, so that nobody is asked again."""
    return act("/v1/merge-suggestions/dismiss", record_of(Event), {"one": one, "other": other})


def clusters(*, limit: int | None = None) -> Ask[tuple[Cluster, ...]]:
    """List unknown photos that look like each other, nearest first."""
    return get("/v1/clusters", rows_of(Cluster, "clusters"), limit=limit)


def _edit(path: str, noted: Mapping[str, object], etag: str | None = None) -> Ask[Event]:
    headers = {"If-Match": etag} if etag else {}
    return Ask("PATCH", path, record_with_etag(Event), "once", json=noted, headers=headers)


def _content(response: httpx.Response) -> bytes:
    return response.content
