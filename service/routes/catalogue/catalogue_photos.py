"""/v1/catalogue/photos: photos are listed, moved, deleted and edited."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request

from embedding.photos.box import Box
from embedding.photos.photo import BadPhoto, content_hash, photo_bytes
from index.curation.curator import PhotoInBox
from service.catalogue.writer import acted, writer_of
from service.http.multipart import Upload
from service.http.paging import page_of
from service.http.problems import (
    BAD_PHOTOS,
    BUSY,
    CONFLICT,
    INVALID,
    NOT_FOUND,
    NOT_READY,
    NOT_WRITABLE,
    ProblemError,
)
from service.http.required_roles import requires
from service.schemas.curation import CataloguedPhotos, EventAnswer, photo_card
from service.schemas.curation_requests import (
    LARGEST_KEY,
    Assign,
    ListCursor,
    ListLimit,
    Move,
    PhotoEdit,
    PhotoPath,
    text_after,
)
from service.schemas.identify import DEFAULT_K, photo_answer
from service.schemas.openapi import problem_responses
from service.serving.inference import IdentifyOptions
from service.serving.scopes import Scope
from service.serving.service import Service, service_of

_CURATES = [requires("curate")]
_ACTING = (NOT_FOUND, CONFLICT, INVALID, BUSY, NOT_WRITABLE, NOT_READY)

_OF_FILE = ("photo_taken_at", "camera", "upload", "animals")
"""What an earlier answer says of the file, and no box changes."""

router = APIRouter(tags=["photos"])


@router.get(
    "/v1/catalogue/photos",
    dependencies=[requires("read")],
    summary="Which photos are there?",
    response_description="A page of photos.",
    responses=problem_responses(INVALID, BUSY, NOT_WRITABLE, NOT_READY),
)
async def list_photos(
    request: Request,
    individual: Annotated[
        str | None, Query(max_length=200, description="Only of this individual.")
    ] = None,
    encounter: Annotated[
        int | None, Query(ge=1, le=LARGEST_KEY, description="Only of the encounter of this key.")
    ] = None,
    state: Annotated[
        Literal["waiting", "catalogued", "rejected", "deleted"] | None,
        Query(description="Only in this state."),
    ] = None,
    limit: ListLimit = 50,
    cursor: ListCursor = None,
) -> CataloguedPhotos:
    """List photos by name; deleted ones only with that `state`."""
    listing = f"photos {individual!r} {encounter} {state}"
    after = text_after(cursor, listing)
    found = await writer_of(request).read(
        lambda directory: directory.photos(
            individual=individual, encounter=encounter, state=state, after=after, limit=limit + 1
        )
    )
    page = page_of(found, limit, listing=listing, position=lambda one: (one.name,))
    return CataloguedPhotos(photos=[photo_card(one) for one in page.rows], next=page.next_cursor)


@router.post(
    "/v1/catalogue/photos/move",
    dependencies=_CURATES,
    summary="Give photos to another individual.",
    response_description="What was done.",
    responses=problem_responses(*_ACTING),
)
async def move_photos(request: Request, body: Move) -> EventAnswer:
    """Make catalogued photos another individual's, or nobody's; nothing is embedded again."""
    return await acted(
        request,
        lambda curator: curator.move(body.photos, body.individual),
        new_name=body.individual,
    )


@router.post(
    "/v1/catalogue/photos/assign",
    dependencies=_CURATES,
    summary="Make photos one individual's.",
    response_description="What was done.",
    responses=problem_responses(*_ACTING),
)
async def assign_photos(request: Request, body: Assign) -> EventAnswer:
    """Give waiting and catalogued photos to one individual, as one event with one undo."""
    return await acted(
        request,
        lambda curator: curator.assign(body.photos, body.individual, is_animal=body.is_animal),
        new_name=body.individual,
    )


@router.delete(
    "/v1/catalogue/photos/{name:path}",
    dependencies=_CURATES,
    summary="Delete a photo.",
    response_description="What was done.",
    responses=problem_responses(*_ACTING),
)
async def delete_photo(
    request: Request,
    name: PhotoPath,
    reason: Annotated[
        str | None, Query(max_length=200, description="Why, for the history.")
    ] = None,
) -> EventAnswer:
    """Take a photo out of the catalogue and of every answer from now on. It can be undone."""
    return await acted(request, lambda curator: curator.delete(name, reason=reason))


@router.patch(
    "/v1/catalogue/photos/{name:path}",
    dependencies=_CURATES,
    summary="Note something of a photo, or change its box.",
    response_description="What was done.",
    responses=problem_responses(*_ACTING, BAD_PHOTOS),
)
async def edit_photo(request: Request, name: PhotoPath, edit: PhotoEdit) -> EventAnswer:
    """Change what is noted of a photo.

    With a `box` the photo is embedded anew, so that its vector is of that box from now on. Undoing
    it brings the earlier vector back.
    """
    seen = None
    if "box" in edit.columns:
        writer = writer_of(request)
        card = await writer.read(lambda directory: directory.photo(name))
        before = None if card is None else card.answer
        box = None if edit.box is None else Box(*edit.box)
        named = card.name if card else name
        seen = await see_in_box(service_of(request), named, box, before)
    return await acted(request, lambda curator: curator.edit_photo(name, edit.columns, seen=seen))


async def see_in_box(
    service: Service, name: str, box: Box | None, before: Mapping[str, Any] | None
) -> PhotoInBox:
    """Embed a catalogue photo in a box (None: the one that is found there), and identify it.

    `before` is the answer that it has, of which what belongs to its file stays. Raises
    ProblemError: `not-found` for an unknown photo or a file that can't be read, `conflict` where
    the file holds another picture than the catalogue's, and `busy`.
    """
    serving = service.ready()
    photo = serving.photos.get(name)
    if photo is None:
        raise ProblemError(
            NOT_FOUND, f"The catalogue has no photo {name!r}; answers name photos as `photo`."
        )
    loop = asyncio.get_running_loop()
    try:
        path = Path(photo.path)
        data = await loop.run_in_executor(
            service.decoders, lambda: photo_bytes(path, service.limits)
        )
    except BadPhoto as error:
        raise ProblemError(
            NOT_FOUND,
            f"The catalogue knows the photo {name!r}, but its file can't be read any more.",
        ) from error
    hashed = await loop.run_in_executor(service.decoders, content_hash, data)
    if hashed != photo.content_hash:
        raise ProblemError(
            CONFLICT,
            f"The file of {name} holds another picture than the catalogue knows; put the old file "
            "back, or run `flukeprint index update`.",
        )
    upload = Upload(name, io.BytesIO(data))
    identified = await service.identify(
        [upload], IdentifyOptions(DEFAULT_K), Scope(), serving=serving, boxes=[box]
    )
    (one,) = identified.answered
    found = one.identification
    kept = {key: (before or {}).get(key) for key in _OF_FILE}
    if box is None:
        del kept["animals"]  # they were looked for anew
    answer = {
        **photo_answer((before or {}).get("photo") or name, found).model_dump(mode="json"),
        **kept,
        "box": None if one.result.box is None else [*one.result.box],
        "revision": found.revision,
        "fingerprint": found.fingerprint,
    }
    return PhotoInBox(hashed, found.fingerprint, one.result.vector, answer)
