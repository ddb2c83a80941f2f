"""The requests of review by encounters: what waits, card by card, and acts on whole cards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from client.records.photos import Page
from client.records.review import AnimalAdded, Card, CardEvent
from client.requests.request import (
    ServiceRequest,
    get,
    page_of,
    post,
    quote_name,
    record_of,
    without_empty,
)

PAGE_ROWS = 100


def cards(
    cursor: str | None,
    *,
    filters: Mapping[str, object] | None = None,
    sort: str = "time",
    descending: bool = False,
    page_rows: int = PAGE_ROWS,
) -> ServiceRequest[Page[Card]]:
    """List the cards of review: the waiting photos of one encounter each.

    `filters` are those of `GET /v1/queue/encounters`, such as `{"decision": ["known"]}`.
    """
    asked = {**(filters or {}), "sort": sort, "descending": "true" if descending else ""}
    read = page_of(Card, "encounters")
    return get("/v1/queue/encounters", read, **asked, limit=page_rows, cursor=cursor)


def card(key: str, *, k: int = 5) -> ServiceRequest[Card]:
    """Open a card: its photos are compared with the catalogue as it is now."""
    return get(f"/v1/queue/encounters/{key}", record_of(Card), k=k)


def confirm_card(
    key: str,
    individual: str,
    *,
    is_animal: bool = False,
    photos: Sequence[str] | None = None,
) -> ServiceRequest[CardEvent]:
    """Assign all photos of a card to an individual; a new id makes a new individual.

    `photos`: those that were looked at. Where the card has others by now, it is a Conflict.
    """
    body: dict[str, object] = {"individual": individual, "is_animal": is_animal}
    return _act(key, "confirm", body | without_empty(photos=photos and list(photos)))


def reject_card(key: str, *, reason: str | None = None) -> ServiceRequest[CardEvent]:
    """Reject all photos of a card: they show no animal that can be identified."""
    return _act(key, "reject", {"reason": reason})


def split_card(key: str, photos: Sequence[str]) -> ServiceRequest[CardEvent]:
    """Take photos out of a card, into a card of their own."""
    return _act(key, "split", {"photos": list(photos)})


def join_cards(key: str, other: str) -> ServiceRequest[CardEvent]:
    """Put the photos of another card into this card's encounter."""
    return _act(key, "join", {"other": other})


def confirm_many(
    filters: Mapping[str, object],
    *,
    revision: int,
    count: int,
    left_out: Sequence[str] = (),
    named: Sequence[str] = (),
) -> ServiceRequest[CardEvent]:
    """Confirm each card that a filter gives as its nearest individual, as one event.

    Cards that aren't `known` must be in `named`. Another revision or number of cards than stated is
    a Conflict, and nothing is done.
    """
    body = {"filter": dict(filters), "revision": revision, "count": count}
    lists = {"left_out": list(left_out), "named": list(named)}
    return post("/v1/queue/confirm-many", record_of(CardEvent), body | lists)


def add_animal(photo: str, box: Sequence[float]) -> ServiceRequest[AnimalAdded]:
    """Let another animal of a photo wait for review, as a photo of the same file.

    `box`: where it is, left, top, right and bottom in 0..1.
    """
    path = f"/v1/queue/{quote_name(photo)}/animals"
    return post(path, record_of(AnimalAdded), {"box": list(box)})


def _act(key: str, name: str, body: Mapping[str, object]) -> ServiceRequest[CardEvent]:
    return post(f"/v1/queue/encounters/{key}/{name}", record_of(CardEvent), body)
