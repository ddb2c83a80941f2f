"""/v1/session: who is signed in, signing in and out, and a change of password."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from index.access.accounts.accounts import Account
from index.access.accounts.passwords import LONGEST, SHORTEST
from index.access.accounts.sessions import Session
from index.access.roles import Role
from service.http.authorization import Principal, caller_of
from service.http.callers.other_sites import CHALLENGE, refuse_other_sites
from service.http.callers.session_cookie import drop_session, keep_session
from service.http.callers.sign_in_limit import SignInLimit
from service.http.problems import (
    BAD_REQUEST,
    BUSY,
    FORBIDDEN,
    INVALID,
    NOT_FOUND,
    TOO_MANY,
    UNAUTHENTICATED,
    Fault,
    ProblemError,
)
from service.http.required_roles import open_to_all, requires
from service.routes.access.store import access_of, as_problems
from service.schemas.openapi import problem_responses

router = APIRouter(tags=["session"])
_PASSWORD = Field(
    max_length=4 * LONGEST,
    description=f"{SHORTEST} to {LONGEST} characters; any characters, and no other rule.",
)


class SignIn(BaseModel):
    """A name and a password."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"name": "Ana", "password": "kelp tide lantern"}},
    )

    name: str = Field(max_length=256, description="The account's name; its case doesn't matter.")
    password: str = Field(max_length=4 * LONGEST, description="Its password.")
    remember: bool = Field(
        False, description="Stay signed in for 30 days; without it 12 hours at most."
    )


class Acceptance(BaseModel):
    """What an invited person chooses."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "token": "1f2e3d4c_Kx…",
                "name": "Ana",
                "password": "kelp tide lantern",
            }
        },
    )

    token: str = Field(max_length=200, description="The invitation's token, from its link.")
    name: str | None = Field(
        None, max_length=64, description="What the new account is called; the history shows it."
    )
    password: str = _PASSWORD
    remember: bool = Field(False, description="As for signing in.")


class InvitationToken(BaseModel):
    """The token of an invitation."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"token": "1f2e3d4c_Kx…"}}
    )

    token: str = Field(max_length=200, description="The invitation's token, from its link.")


class InvitationOffer(BaseModel):
    """What an invited person is told before they accept."""

    role: Role = Field(description="What the account may do.")
    name: str | None = Field(description="What the account is or might be called.")
    is_new_password: bool = Field(
        description="Whether it gives an account a new password, and makes none."
    )
    expires_at: str = Field(description="Until when it can be used, UTC.")


class PasswordChange(BaseModel):
    """The present password and the next."""

    model_config = ConfigDict(extra="forbid")

    password: str = Field(max_length=4 * LONGEST, description="The present password.")
    new_password: str = _PASSWORD


class SessionAnswer(BaseModel):
    """Who a request is from."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "Ana",
                "role": "curate",
                "by": "account",
                "expires_at": "2026-07-04T08:00:00Z",
                "has_accounts": True,
            }
        }
    )

    name: str | None = Field(description="Who asks; the history shows this name.")
    role: Role | None = Field(description="What they may do.")
    by: Literal["account", "key", "open"] | None = Field(
        description="How they were known: by an account that is signed in, by a key, or not at "
        "all, as the service is `open` to its own machine. Null: they have to sign in."
    )
    expires_at: str | None = Field(description="Until when they stay signed in, UTC.")
    has_accounts: bool = Field(description="Whether anybody can sign in with name and password.")


@router.get(
    "/v1/session",
    dependencies=[open_to_all(knows_caller=True)],
    summary="Who am I?",
    response_description="Who asks, and by what they are known.",
    responses=problem_responses(BUSY),
)
async def who_asks(request: Request) -> SessionAnswer:
    """Tell who a request is from; nobody is refused."""
    store = request.app.state.access
    has_accounts = store is not None and await asyncio.to_thread(store.accounts.has_any)
    principal: Principal | None = request.scope["state"]["principal"]
    return _answer(principal, has_accounts=has_accounts)


@router.post(
    "/v1/session",
    dependencies=[open_to_all()],
    summary="Sign in.",
    response_description="Who is signed in; a cookie holds the session.",
    responses=problem_responses(BAD_REQUEST, UNAUTHENTICATED, FORBIDDEN, TOO_MANY, INVALID, BUSY),
)
async def sign_in(
    request: Request, response: Response, body: Annotated[SignIn, Body()]
) -> SessionAnswer:
    """Sign a browser in with name and password.

    An unknown name, a wrong password and a deactivated account have the same answer.
    """
    store = access_of(request)
    await _admit(request, body.name)
    account = await asyncio.to_thread(store.accounts.check, body.name, body.password)
    if account is None:
        raise ProblemError(
            UNAUTHENTICATED,
            "This name and password don't belong together. Check both and try again; an "
            "administrator can give you a link for a new password.",
            headers={"WWW-Authenticate": CHALLENGE},
        )
    return await _begin(request, response, account, is_remembered=body.remember)


@router.delete(
    "/v1/session",
    dependencies=[requires("read")],
    summary="Sign out.",
    response_description="Nobody.",
    responses=problem_responses(INVALID, BUSY),
)
async def sign_out(
    request: Request,
    response: Response,
    everywhere: Annotated[
        bool, Query(description="Sign out every device of the account, this one too.")
    ] = False,
) -> SessionAnswer:
    """End the session, on this device or on all of the account's."""
    sessions, session = access_of(request).sessions, _own_session(request)
    if everywhere:
        await asyncio.to_thread(sessions.end_all, session.account.id)
    else:
        await asyncio.to_thread(sessions.end, session.id)
    drop_session(response, request.scope)
    return _answer(None, has_accounts=True)


@router.post(
    "/v1/session/password",
    dependencies=[requires("read", keeps_answers=False)],
    summary="Change my password.",
    response_description="Who is signed in.",
    responses=problem_responses(INVALID, TOO_MANY, BUSY),
)
async def change_password(
    request: Request, body: Annotated[PasswordChange, Body()]
) -> SessionAnswer:
    """Change the password of who is signed in; their other devices are signed out."""
    session = _own_session(request)
    await _admit(request, session.account.name)
    with as_problems("new_password"):
        is_changed = await asyncio.to_thread(
            access_of(request).accounts.change_password,
            session.account.id,
            body.password,
            body.new_password,
            keep_session=session.id,
        )
    if not is_changed:
        text = "The present password is another one. Check it and try again."
        raise ProblemError(INVALID, text, errors=[Fault(field="password", reason=text)])
    return _answer(caller_of(request), has_accounts=True)


@router.post(
    "/v1/invitations/read",
    dependencies=[open_to_all()],
    summary="What does my invitation offer?",
    response_description="What it offers.",
    responses=problem_responses(BAD_REQUEST, NOT_FOUND, INVALID, BUSY),
)
async def read_invitation(
    request: Request, body: Annotated[InvitationToken, Body()]
) -> InvitationOffer:
    """Tell who has an invitation's link what it is for."""
    with as_problems("token"):
        found = await asyncio.to_thread(access_of(request).invitations.find, body.token)
    return InvitationOffer(
        role=found.role,
        name=found.name,
        is_new_password=found.account_id is not None,
        expires_at=found.expires_at,
    )


@router.post(
    "/v1/invitations/accept",
    dependencies=[open_to_all()],
    summary="Accept an invitation.",
    response_description="Who is signed in; a cookie holds the session.",
    responses=problem_responses(BAD_REQUEST, NOT_FOUND, FORBIDDEN, TOO_MANY, INVALID, BUSY),
)
async def accept_invitation(
    request: Request, response: Response, body: Annotated[Acceptance, Body()]
) -> SessionAnswer:
    """Make the account with a name and a password, or set its new password, and sign in.

    The invitation is used up. After a name or password that can't be, it stays good.
    """
    await _admit(request, body.token)
    with as_problems("name, password"):
        account = await asyncio.to_thread(
            access_of(request).invitations.accept, body.token, body.name, body.password
        )
    return await _begin(request, response, account, is_remembered=body.remember)


async def _begin(
    request: Request, response: Response, account: Account, *, is_remembered: bool
) -> SessionAnswer:
    sessions = access_of(request).sessions
    new = await asyncio.to_thread(sessions.begin, account, is_remembered=is_remembered)
    keep_session(response, request.scope, new, is_remembered=is_remembered)
    principal = Principal(account.name, account.role, session=new.session)
    return _answer(principal, has_accounts=True)


async def _admit(request: Request, name: str) -> None:
    """Let a try of a secret through, once it is counted, unless another site's page made it."""
    refuse_other_sites(request.method, request.headers, may_be_program=True)
    limit = request.app.state.sign_in_limit
    assert isinstance(limit, SignInLimit)
    address = request.client.host if request.client else None
    await asyncio.to_thread(limit.count, name, address)


def _own_session(request: Request) -> Session:
    session = caller_of(request).session
    if session is None:
        raise ProblemError(
            INVALID,
            "This is for who is signed in with name and password; a key is revoked with DELETE "
            "/v1/keys/ID.",
        )
    return session


def _answer(principal: Principal | None, *, has_accounts: bool) -> SessionAnswer:
    if principal is None:
        return SessionAnswer(
            name=None, role=None, by=None, expires_at=None, has_accounts=has_accounts
        )
    session = principal.session
    known_by = "account" if session else "key" if principal.key_id else "open"
    return SessionAnswer(
        name=principal.name,
        role=principal.role,
        by=known_by,
        expires_at=session.expires_at if session else None,
        has_accounts=has_accounts,
    )
