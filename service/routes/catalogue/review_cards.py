"""/v1/queue/encounters: what waits, encounter by encounter, and reviewed so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from starlette.requests import Request

from index.catalogue.catalogue import Catalogue
from index.curation.curator import Event
from index.curation.listings import PhotoCard
from index.curation.review.card_acts import (
    Confirmed,
    confirm_together,
    join_photos,
    reject_together,
    take_out_photos,
)
from index.search.matching import Identification
from service.catalogue.card_lists import (
    cards_after,
    counts_of,
    filtered,
    like_position,
    position_of,
)
from service.catalogue.cards import Card, card_key
from service.catalogue.review_queue import QueueState
from service.catalogue.writer import doubts_of, writer_of
from service.http.authorization import principal_of
from service.http.paging import decode_cursor, page_of
from service.http.problems import (
    BUSY,
    CONFLICT,
    FORBIDDEN,
    INVALID,
    NOT_FOUND,
    NOT_READY,
    NOT_WRITABLE,
    Fault,
    ProblemError,
    invalid,
)
from service.http.required_roles import requires
from service.schemas.curation import event_answer, photo_card
from service.schemas.curation_requests import may_see_places
from service.schemas.identify import DEFAULT_K, MAX_K, encounter_answer, photo_url
from service.schemas.openapi import problem_responses
from service.schemas.review_cards import (
    CardConfirm,
    CardEvent,
    CardJoin,
    CardPath,
    CardPhotoAnswer,
    CardQuery,
    CardReject,
    CardSplit,
    ConfirmMany,
    SamePicture,
    WaitingEncounter,
    WaitingEncounterDetail,
    WaitingEncounters,
)
from service.serving.service import service_of

_ACTING = (NOT_FOUND, CONFLICT, INVALID, BUSY, NOT_WRITABLE, NOT_READY)
_NAMED = 5  # of the cards that a refusal is about

router = APIRouter(tags=["queue"])


@router.get(
    "/v1/queue/encounters",
    dependencies=[requires("read")],
    summary="Which encounters are left to review?",
    response_description="A page of cards.",
    response_model_exclude_unset=True,
    responses=problem_responses(INVALID, FORBIDDEN, BUSY, NOT_WRITABLE, NOT_READY),
)
async def list_cards(request: Request, query: Annotated[CardQuery, Query()]) -> WaitingEncounters:
    """List the cards of review: the waiting photos of one encounter, or one without an encounter.

    Each has one answer for all its photos. Only curators see places, and may filter by them.
    """
    is_place_told = may_see_places(request)
    if query.place is not None and not is_place_told:
        raise ProblemError(FORBIDDEN, "Only curators see places; filter by region instead.")
    listing = f"queue encounters {query.model_dump_json(exclude={'cursor', 'limit'})}"
    after = decode_cursor(query.cursor, listing=listing, like=like_position(query.sort))
    state = await _state(request)
    found = filtered(state.cards, query.filter)
    page = page_of(
        cards_after(found, query, after),
        query.limit,
        listing=listing,
        position=lambda card: position_of(card, query.sort),
    )
    return WaitingEncounters(
        encounters=[
            WaitingEncounter(**_fields(one, is_place_told=is_place_told)) for one in page.rows
        ],
        total=len(found),
        photos=sum(len(card.photos) for card in found),
        counts=counts_of(state.cards, query.filter),
        waiting=len(state.cards),
        compared=state.compared,
        revision=state.revision,
        next=page.next_cursor,
    )


@router.get(
    "/v1/queue/encounters/{card_key:card}",
    dependencies=[requires("read")],
    summary="Whom do the photos of a card show?",
    response_description="The card.",
    response_model_exclude_unset=True,
    responses=problem_responses(NOT_FOUND, INVALID, BUSY, NOT_WRITABLE, NOT_READY),
)
async def read_card(
    request: Request,
    card_key: CardPath,
    k: Annotated[int, Query(ge=1, le=MAX_K, description="How many to rank.")] = DEFAULT_K,
) -> WaitingEncounterDetail:
    """Compare a card's photos with the catalogue as it is now, and answer for all together."""
    identifier = service_of(request).ready().identifier
    card = await _card(request, card_key)

    def identified() -> Identification | None:
        is_comparable = len(card.vectors) and card.vectors.shape[1] == identifier.gallery.dimension
        return identifier.identify_encounter(card.vectors, k=k) if is_comparable else None

    found = await writer_of(request).read(lambda _: identified())
    cards = await writer_of(request).read(lambda directory: directory.named(card.names))
    own = [cards[name] for name in card.names]
    others = await writer_of(request).read(lambda directory: directory.same_pictures(own))
    of_content = {one.content_hash: one.name for one in own}
    return WaitingEncounterDetail(
        **_fields(card, is_place_told=may_see_places(request)),
        cards=[photo_card(one) for one in own],
        same_pictures=[_same_picture(one, of_content[one.content_hash]) for one in others],
        answer=None if found is None else encounter_answer(len(card.vectors), found),
        revision=identifier.gallery.revision,
    )


@router.post(
    "/v1/queue/encounters/{card_key:card}/confirm",
    dependencies=[requires("curate")],
    summary="Confirm whose all photos of a card are.",
    response_description="What was done.",
    responses=problem_responses(*_ACTING),
)
async def confirm_card(request: Request, card_key: CardPath, body: CardConfirm) -> CardEvent:
    """Give all photos of a card to an individual, as one event.

    An id that nobody has makes a new individual. Where a photo was answered `no_animal`, it is
    refused with 409 unless `is_animal` is true.
    """
    made_by = principal_of(request)

    def confirm(catalogue: Catalogue, card: Card) -> Event:
        _refuse_others(card, body.photos)
        confirmed = [Confirmed(card.names, body.individual, _brief(card))]
        return confirm_together(catalogue, confirmed, made_by=made_by, is_animal=body.is_animal)

    warnings = await doubts_of(request, body.individual)
    return await _acted_on(request, card_key, confirm, warnings=warnings)


@router.post(
    "/v1/queue/encounters/{card_key:card}/reject",
    dependencies=[requires("curate")],
    summary="Reject all photos of a card.",
    response_description="What was done.",
    responses=problem_responses(*_ACTING),
)
async def reject_card(
    request: Request, card_key: CardPath, body: Annotated[CardReject | None, Body()] = None
) -> CardEvent:
    """Reject all photos of a card: they show no animal that can be identified."""
    made_by, reason = principal_of(request), body.reason if body else None

    def reject(catalogue: Catalogue, card: Card) -> Event:
        _refuse_others(card, body.photos if body else None)
        return reject_together(catalogue, card.names, made_by=made_by, reason=reason)

    return await _acted_on(request, card_key, reject)


@router.post(
    "/v1/queue/encounters/{card_key:card}/split",
    dependencies=[requires("curate")],
    summary="Take photos out of a card.",
    response_description="What was done.",
    responses=problem_responses(*_ACTING),
)
async def split_card(request: Request, card_key: CardPath, body: CardSplit) -> CardEvent:
    """Give some photos of a card an encounter, and with it a card, of their own."""
    made_by = principal_of(request)

    def split(catalogue: Catalogue, card: Card) -> Event:
        strangers = [name for name in body.photos if name not in card.names]
        if strangers:
            raise invalid(
                Fault(field="photos", reason=f"{strangers[0]} is not on this card; name its photos")
            )
        return take_out_photos(catalogue, body.photos, made_by=made_by)

    return await _acted_on(request, card_key, split)


@router.post(
    "/v1/queue/encounters/{card_key:card}/join",
    dependencies=[requires("curate")],
    summary="Join two cards.",
    response_description="What was done.",
    responses=problem_responses(*_ACTING),
)
async def join_cards(request: Request, card_key: CardPath, body: CardJoin) -> CardEvent:
    """Put the photos of another card into this card's encounter, which keeps its notes."""
    made_by = principal_of(request)

    def join(catalogue: Catalogue, card: Card) -> Event:
        other = _waiting_card(request, body.other)
        return join_photos(catalogue, other.names, card.names, made_by=made_by)

    await _card(request, body.other)
    return await _acted_on(request, card_key, join)


@router.post(
    "/v1/queue/confirm-many",
    dependencies=[requires("curate")],
    summary="Confirm many cards as their answers say.",
    response_description="What was done.",
    responses=problem_responses(*_ACTING),
)
async def confirm_many(request: Request, body: ConfirmMany) -> CardEvent:
    """Confirm each card that a filter gives as its nearest individual, all in one event.

    Cards with a photo that was answered `no_animal` are refused, and so are cards that aren't
    `known` unless they are in `named`. The catalogue must be at the stated `revision`, and the
    filter must give the stated number of cards; otherwise it is 409, and nothing is done.
    """
    queue, made_by = writer_of(request).review_queue, principal_of(request)

    def confirm_all(catalogue: Catalogue) -> Event:
        state = queue.compare_all()
        cards = [
            card for card in filtered(state.cards, body.filter) if card.key not in body.left_out
        ]
        if (state.revision, len(cards)) != (body.revision, body.count):
            raise ProblemError(
                CONFLICT,
                f"revision {body.revision} and {body.count} cards were stated, but the catalogue "
                f"is at revision {state.revision}, where the filter gives {len(cards)} cards; "
                "look at the list again",
            )
        _refuse_unsure(cards, set(body.named))
        confirmed = [
            Confirmed(card.names, card.answer.individual or "", _brief(card)) for card in cards
        ]
        return confirm_together(catalogue, confirmed, made_by=made_by)

    # Compared before, so that the act itself keeps other writers out for a moment alone.
    await writer_of(request).read(lambda _: queue.compare_all())
    return await _acted(request, confirm_all)


async def _state(request: Request) -> QueueState:
    writer = writer_of(request)
    return await writer.read(lambda _: writer.review_queue.state())


async def _card(request: Request, key: str) -> Card:
    """A card as it is now. Raises ProblemError where there is none."""
    return await writer_of(request).read(lambda _: _waiting_card(request, key))


def _waiting_card(request: Request, key: str) -> Card:
    card = writer_of(request).review_queue.card(key)
    if card is None:
        raise ProblemError(
            NOT_FOUND,
            f"no card {key} waits; its photos may be reviewed already. List the cards again",
        )
    return card


async def _acted_on(
    request: Request,
    key: str,
    act: Callable[[Catalogue, Card], Event],
    *,
    warnings: Sequence[str] = (),
) -> CardEvent:
    """Act on a card as it is while nobody else changes the catalogue."""
    await _card(request, key)  # compared before other writers are kept out
    return await _acted(
        request,
        lambda catalogue: act(catalogue, _waiting_card(request, key)),
        warnings=warnings,
    )


async def _acted(
    request: Request, act: Callable[[Catalogue], Event], *, warnings: Sequence[str] = ()
) -> CardEvent:
    writer = writer_of(request)
    event = await writer.done(act)
    keys = await writer.read(lambda _: writer.review_queue.keys_of(event.photos))
    return CardEvent(**event_answer(event, warnings).model_dump(), encounters=keys)


def _refuse_others(card: Card, photos: Sequence[str] | None) -> None:
    """Refuse an act on other photos than a person looked at."""
    if photos is not None and set(photos) != set(card.names):
        raise ProblemError(
            CONFLICT,
            f"the card {card.key} has {len(card.photos)} photos now, and not the "
            f"{len(photos)} that were looked at; look at it again",
        )


def _refuse_unsure(cards: Sequence[Card], named: set[str]) -> None:
    blank = [card.key for card in cards if card.has_blank or card.answer.decision == "no_animal"]
    unsure = [
        card.key
        for card in cards
        if card.answer.individual is None
        or (card.answer.decision != "known" and card.key not in named)
    ]
    for keys, what in (
        (blank, "have a photo that was answered `no_animal`; review them one by one"),
        (unsure, "are not `known`; look at them, and name those that you are sure of in `named`"),
    ):
        if keys:
            more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
            reason = f"the cards {', '.join(keys[:_NAMED])}{more} {what}"
            raise invalid(Fault(field="filter", reason=reason))


def _brief(card: Card) -> dict[str, Any]:
    """What the history keeps of a card's answer."""
    answer = card.answer
    first = card.ranked[0] if card.ranked else None
    match = {"individual": answer.individual, "photo": answer.photo}
    match |= {"probability": answer.probability, "distance": first.distance if first else None}
    return {
        "decision": answer.decision,
        "probability": answer.probability,
        "reason": answer.reason,
        "matches": [match] if answer.individual else [],
        "photos": len(card.photos),
    }


def _same_picture(one: PhotoCard, of: str) -> SamePicture:
    """Put another animal's photo of the same file into the words of the API."""
    is_waiting = one.state == "waiting"
    return SamePicture(
        name=one.name,
        of=of,
        box=photo_card(one).box,
        state=one.state,
        individual=one.individual,
        card=card_key(one.key, one.encounter_key) if is_waiting else None,
    )


def _fields(card: Card, *, is_place_told: bool) -> dict[str, Any]:
    """A card in the words of the API; the place only where allowed."""
    answer = card.answer
    fields: dict[str, Any] = {
        "key": card.key,
        "encounter": card.encounter,
        "at": card.at,
        "region": card.region,
        "decision": answer.decision,
        "probability": answer.probability,
        "individual": answer.individual,
        "candidate_url": photo_url(answer.photo) if answer.photo else None,
        "species": answer.species,
        "quality": card.quality,
        "reason": answer.reason,
        "photos": [
            CardPhotoAnswer(
                name=photo.name,
                url=photo_url(photo.name, photo.content_hash),
                taken_at=photo.taken_at,
                decision=photo.decision,
                quarter_turns=photo.quarter_turns,
            )
            for photo in card.photos
        ],
    }
    return {**fields, "place": card.place} if is_place_told else fields
