"""GET, POST and DELETE /v1/keys: who may use the service."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Body, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from index.access.keys import ApiKey, BadKey
from index.access.roles import Role
from service.http.problems import BUSY, INVALID, NOT_FOUND, Fault, ProblemError
from service.http.required_roles import requires
from service.routes.access.store import access_of
from service.schemas.openapi import problem_responses

# The answer to POST holds a secret, which is stored nowhere: not for a repeated request either.
router = APIRouter(tags=["keys"], dependencies=[requires("admin", keeps_answers=False)])


KeyId = Annotated[str, Path(description="The key's id, as the list of keys gives it.")]


class KeyToMake(BaseModel):
    """Who a new key is for and what it may do."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"name": "Ana", "role": "curate"}}
    )

    name: str = Field(
        min_length=1, max_length=64, description="Who uses it; the log of changes names them so."
    )
    role: Role = Field(
        description="What it may do; each role allows all that the ones before it do."
    )


class KeyAnswer(BaseModel):
    """A key, without its secret."""

    id: str = Field(description="Names the key where it is revoked.")
    name: str = Field(description="Who uses it.")
    role: Role = Field(description="What it may do.")
    created_at: str = Field(description="When it was made, UTC.")
    last_used_at: str | None = Field(description="When it was last used, UTC, up to a minute old.")
    revoked_at: str | None = Field(
        description="When it was revoked, UTC; from then on it opens nothing."
    )


class NewKeyAnswer(KeyAnswer):
    """A new key with its secret, which is shown only here."""

    secret: str = Field(description="What the requests send; it can't be shown again.")


class KeysAnswer(BaseModel):
    """Every key that was made, the oldest first."""

    keys: list[KeyAnswer] = Field(description="Those in use and those revoked.")


@router.get(
    "/v1/keys",
    summary="Who has keys?",
    response_description="Every key.",
    responses=problem_responses(BUSY),
)
async def list_keys(request: Request) -> KeysAnswer:
    """List the keys in use and those revoked, never their secrets."""
    keys = await asyncio.to_thread(access_of(request).keys.all)
    return KeysAnswer(keys=[_key_answer(key) for key in keys])


@router.post(
    "/v1/keys",
    status_code=201,
    summary="Make a key.",
    response_description="The key and its secret.",
    responses=problem_responses(INVALID, BUSY),
)
async def create_key(
    request: Request, response: Response, new_key: Annotated[KeyToMake, Body()]
) -> NewKeyAnswer:
    """Make a key. The first one has the role `admin`: from then on the service asks for keys."""
    access = access_of(request)
    keys = access.keys
    try:
        if new_key.role != "admin" and not await asyncio.to_thread(access.has_anybody):
            raise BadKey(
                "the first key locks the service, so it must be an admin's: give it the role admin"
            )
        new = await asyncio.to_thread(keys.create, new_key.name, new_key.role)
    except BadKey as error:
        raise ProblemError(
            INVALID, f"{error}.", errors=[Fault(field="name, role", reason=str(error))]
        ) from error
    response.headers["Cache-Control"] = "no-store"
    return NewKeyAnswer.model_validate({**asdict(new.key), "secret": new.secret})


@router.delete(
    "/v1/keys/{id}",
    summary="Revoke a key.",
    response_description="The key, revoked.",
    responses=problem_responses(NOT_FOUND, INVALID, BUSY),
)
async def revoke_key(request: Request, id: KeyId) -> KeyAnswer:
    """Revoke a key, from the very next request on; its name stays in the log of changes."""
    try:
        return _key_answer(await asyncio.to_thread(access_of(request).keys.revoke, id))
    except BadKey as error:
        raise ProblemError(
            NOT_FOUND, f"No key in use has the id {id!r}; GET /v1/keys lists them."
        ) from error


def _key_answer(key: ApiKey) -> KeyAnswer:
    return KeyAnswer.model_validate(asdict(key))
