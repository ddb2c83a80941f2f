"""/v1/queue: new photos are taken in and identified, and wait for a person's decision."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Body
from starlette.requests import Request

from embedding.photos.photo import content_hash
from index.catalogue.catalogue import Catalogue
from index.curation.curator import Event
from index.curation.listings import PhotoCard
from service.catalogue.cards import card_key
from service.catalogue.intake import KnownPhoto, NewPhoto, SentContent, sort_out, take_in
from service.catalogue.writer import CatalogueWriter, acted, writer_of
from service.http.authorization import principal_of
from service.http.multipart import (
    PHOTOS_FIELD,
    Upload,
    read_form,
    request_body,
    sent_form,
    uploads_in,
)
from service.http.paging import page_of
from service.http.problems import (
    BAD_PHOTOS,
    BAD_REQUEST,
    BUSY,
    CONFLICT,
    INVALID,
    NOT_FOUND,
    NOT_MULTIPART,
    NOT_READY,
    NOT_WRITABLE,
    TOO_LARGE,
    Fault,
    ProblemError,
    invalid,
)
from service.http.required_roles import requires
from service.schemas.curation import (
    EventAnswer,
    Queue,
    SkippedPhoto,
    TakenIn,
    event_answer,
    photo_card,
)
from service.schemas.curation_requests import (
    Confirm,
    ListCursor,
    ListLimit,
    PhotoPath,
    QueueForm,
    Reject,
    number_after,
)
from service.schemas.identify import DEFAULT_K
from service.schemas.openapi import problem_responses
from service.serving.inference import IdentifyOptions
from service.serving.scopes import Scope
from service.serving.service import Service, service_of

_LISTING = "queue"
_ACTING = (NOT_FOUND, CONFLICT, INVALID, BUSY, NOT_WRITABLE, NOT_READY)
_TAKING = (
    BAD_REQUEST,
    CONFLICT,
    TOO_LARGE,
    NOT_MULTIPART,
    INVALID,
    BAD_PHOTOS,
    BUSY,
    NOT_WRITABLE,
    NOT_READY,
)

router = APIRouter(tags=["queue"])


@router.get(
    "/v1/queue",
    dependencies=[requires("read")],
    summary="What is left to review?",
    response_description="A page of photos.",
    responses=problem_responses(INVALID, BUSY, NOT_WRITABLE, NOT_READY),
)
async def list_queue(request: Request, limit: ListLimit = 50, cursor: ListCursor = None) -> Queue:
    """List the photos to review, the oldest first, each with its answer."""
    after = number_after(cursor, _LISTING) or 0
    writer = writer_of(request)
    found = await writer.read(lambda directory: directory.waiting(after=after, limit=limit + 1))
    waiting = await writer.read(lambda directory: directory.waiting_count())
    page = page_of(found, limit, listing=_LISTING, position=lambda one: (one.key,))
    return Queue(
        photos=[photo_card(one) for one in page.rows], waiting=waiting, next=page.next_cursor
    )


@router.post(
    "/v1/queue",
    dependencies=[requires("contribute")],
    summary="Send new photos to the catalogue.",
    response_description="What became of each.",
    responses=problem_responses(*_TAKING),
    openapi_extra=request_body("QueueRequest", QueueForm, PHOTOS_FIELD),
)
async def send_photos(request: Request) -> TakenIn:
    """Take photos in, identify them, and queue them for review.

    A photo without `taken_at` gets its file's own time (EXIF), but no place. Without `encounter`,
    photos of one folder and camera that were taken within a quarter of an hour are put into one.
    The originals are kept by their content. A photo whose content is in the catalogue already is
    skipped, with where it is: sending the same again changes nothing. A request is taken in whole
    or not at all: when one photo can't be read, nothing is, and the `bad-photos` problem names
    every such photo.
    """
    service, writer, made_by = service_of(request), writer_of(request), principal_of(request)
    service.ready()
    async with sent_form(request) as sent:
        uploads = uploads_in(sent, PHOTOS_FIELD, service.settings.max_photos)
        form = read_form(sent, QueueForm, PHOTOS_FIELD)
        if form.encounter is None and (form.place or form.region or form.observer):
            raise invalid(
                Fault(
                    field="encounter",
                    reason="place, region and observer belong to an encounter: send its name as "
                    "well",
                )
            )
        contents = await _contents(service, uploads)
        places, known = await writer.read(lambda directory: sort_out(directory, contents))
        photos, fingerprint = await _identified(service, uploads, places)
    event, late = await _taken_in(writer, photos, fingerprint, form, made_by)
    cards: list[PhotoCard] = []
    if event is not None:
        names = event.photos
        named = await writer.read(lambda directory: directory.named(names))
        cards = sorted(named.values(), key=lambda card: card.key)
    return TakenIn(
        event=None if event is None else event_answer(event),
        photos=[photo_card(card) for card in cards],
        encounter_keys=[card_key(card.key, card.encounter_key) for card in cards],
        skipped=[
            SkippedPhoto(photo=each.name, reason=each.reason, known_as=each.known_as)
            for each in (*known, *late)
        ],
    )


@router.post(
    "/v1/queue/{photo:path}/confirm",
    dependencies=[requires("curate")],
    summary="Confirm whose a photo is.",
    response_description="What was done.",
    responses=problem_responses(*_ACTING),
)
async def confirm(request: Request, photo: PhotoPath, body: Confirm) -> EventAnswer:
    """Give a waiting (or rejected) photo to an individual.

    An id that nobody has makes a new individual. A photo that was answered `no_animal` is refused
    with 409 unless `is_animal` is true.

    The very next request to identify compares with it.
    """
    return await acted(
        request,
        lambda curator: curator.confirm(photo, body.individual, is_animal=body.is_animal),
        new_name=body.individual,
    )


@router.post(
    "/v1/queue/{photo:path}/reject",
    dependencies=[requires("curate")],
    summary="Reject a photo.",
    response_description="What was done.",
    responses=problem_responses(*_ACTING),
)
async def reject(
    request: Request, photo: PhotoPath, body: Annotated[Reject | None, Body()] = None
) -> EventAnswer:
    """Reject a waiting photo: it shows no animal that can be identified."""
    reason = body.reason if body else None
    return await acted(request, lambda curator: curator.reject(photo, reason=reason))


async def _contents(service: Service, uploads: Sequence[Upload]) -> list[SentContent]:
    def hash_upload(upload: Upload) -> SentContent:
        return SentContent(upload.name, content_hash(_data(upload)))

    loop = asyncio.get_running_loop()
    return await asyncio.gather(
        *(loop.run_in_executor(service.decoders, hash_upload, each) for each in uploads)
    )


async def _identified(
    service: Service, uploads: Sequence[Upload], places: Sequence[int]
) -> tuple[list[NewPhoto], str]:
    """Identify the uploads at these places; a problem names each by its place among all."""
    if not places:
        return [], ""
    new = [uploads[at] for at in places]
    try:
        identified = await service.identify(new, IdentifyOptions(DEFAULT_K), Scope())
    except ProblemError as error:
        faults = [
            fault
            if fault.position is None
            else fault.model_copy(update={"position": places[fault.position]})
            for fault in error.errors
        ]
        raise ProblemError(
            error.kind, error.detail, errors=faults, headers=error.headers
        ) from error
    photos: list[NewPhoto] = []
    for upload, each in zip(new, identified.answered, strict=True):
        data = await asyncio.to_thread(_data, upload)
        photos.append(await asyncio.to_thread(NewPhoto.of, upload.name, data, each.result))
    return photos, identified.answered[0].identification.fingerprint


async def _taken_in(
    writer: CatalogueWriter,
    photos: Sequence[NewPhoto],
    fingerprint: str,
    form: QueueForm,
    made_by: str,
) -> tuple[Event | None, list[KnownPhoto]]:
    late: list[KnownPhoto] = []

    def do(catalogue: Catalogue) -> Event | None:
        event, known = take_in(catalogue, photos, fingerprint, form, made_by=made_by)
        late.extend(known)
        return event

    return (await writer.act(do) if photos else None), late


def _data(upload: Upload) -> bytes:
    upload.file.seek(0)
    data = upload.file.read()
    upload.file.seek(0)
    return data
