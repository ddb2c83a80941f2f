"""/v1/accounts and /v1/invitations: who may sign in, for administrators."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Body, Path
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.requests import Request
from starlette.responses import Response

from index.access.accounts.accounts import Account
from index.access.accounts.invitations import LONGEST_DAYS, SHORTEST_DAYS, USUAL_DAYS, Invitation
from index.access.roles import Role
from service.http.authorization import principal_of
from service.http.problems import BUSY, INVALID, NOT_FOUND
from service.http.required_roles import requires
from service.routes.access.store import access_of, as_problems
from service.schemas.openapi import problem_responses

# Answers hold tokens, which are stored nowhere: not for a repeated request either.
router = APIRouter(tags=["accounts"], dependencies=[requires("admin", keeps_answers=False)])

AccountId = Annotated[str, Path(description="The account's id, as the list of accounts gives it.")]
InvitationId = Annotated[str, Path(description="The invitation's id, as their list gives it.")]


class AccountAnswer(BaseModel):
    """A person's account."""

    id: str = Field(description="Names the account where it is changed.")
    name: str = Field(description="What the person is called; the history shows it.")
    role: Role = Field(description="What they may do.")
    created_at: str = Field(description="When it was made, UTC.")
    last_signed_in_at: str | None = Field(description="When they last signed in, UTC.")
    deactivated_at: str | None = Field(
        description="When it was deactivated, UTC; its person can't sign in."
    )


class AccountsAnswer(BaseModel):
    """Every account that was made, by name."""

    accounts: list[AccountAnswer] = Field(description="The active ones and those deactivated.")


class AccountChange(BaseModel):
    """What is to change; what is absent stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"role": "curate"}})

    role: Role | None = Field(None, description="What they may do from the next request on.")
    is_active: bool | None = Field(
        None, description="False: nobody gets in by it any more, and its sessions end at once."
    )

    @model_validator(mode="after")
    def _has_one(self) -> AccountChange:
        if self.role is None and self.is_active is None:
            raise ValueError("give role or is_active")
        return self


class SessionsEnded(BaseModel):
    """How many devices were signed out."""

    ended: int = Field(description="How many sessions there were.")


class InvitationToMake(BaseModel):
    """Who is invited: somebody new with a role, or the person of an account."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"role": "curate", "name": "Ana"}}
    )

    role: Role | None = Field(None, description="What the new account may do.")
    name: str | None = Field(
        None, max_length=64, description="What the person might be called; they may change it."
    )
    account: str | None = Field(
        None,
        max_length=64,
        description="The id of an account whose person is to set a new password.",
    )
    days: int = Field(
        USUAL_DAYS,
        ge=SHORTEST_DAYS,
        le=LONGEST_DAYS,
        description="For how many days the link is good.",
    )

    @model_validator(mode="after")
    def _is_for_one(self) -> InvitationToMake:
        if (self.role is None) == (self.account is None):
            raise ValueError("give either role, for a new account, or account")
        return self


class InvitationAnswer(BaseModel):
    """An invitation that can still be used, without its token."""

    id: str = Field(description="Names the invitation where it is withdrawn.")
    role: Role = Field(description="What the account may do.")
    name: str | None = Field(description="What the account is or might be called.")
    account_id: str | None = Field(
        description="The account that it gives a new password; null for a new account."
    )
    made_by: str = Field(description="Who made it.")
    created_at: str = Field(description="When it was made, UTC.")
    expires_at: str = Field(description="Until when it can be used, UTC.")


class NewInvitationAnswer(InvitationAnswer):
    """A new invitation with its link, which is shown only here."""

    token: str = Field(description="What POST /v1/invitations/accept takes.")
    path: str = Field(
        description="The link, below the address by which people reach the page. It works once."
    )


class InvitationsAnswer(BaseModel):
    """The invitations that can still be used, the oldest first."""

    invitations: list[InvitationAnswer] = Field(description="Those not used, withdrawn or ended.")


@router.get(
    "/v1/accounts",
    summary="Who has accounts?",
    response_description="Every account.",
    responses=problem_responses(BUSY),
)
async def list_accounts(request: Request) -> AccountsAnswer:
    """List the accounts, active and deactivated."""
    found = await asyncio.to_thread(access_of(request).accounts.all)
    return AccountsAnswer(accounts=[_account_answer(one) for one in found])


@router.patch(
    "/v1/accounts/{id}",
    summary="Change an account.",
    response_description="The account as it is now.",
    responses=problem_responses(NOT_FOUND, INVALID, BUSY),
)
async def change_account(
    request: Request, id: AccountId, change: Annotated[AccountChange, Body()]
) -> AccountAnswer:
    """Give an account another role, deactivate it or activate it again.

    The last admin stays an active admin.
    """
    accounts = access_of(request).accounts

    def act() -> Account:
        changed: Account | None = None
        if change.is_active is not None:
            changed = accounts.activate(id) if change.is_active else accounts.deactivate(id)
        if change.role is not None:
            changed = accounts.set_role(id, change.role)
        assert changed is not None
        return changed

    with as_problems("role, is_active"):
        return _account_answer(await asyncio.to_thread(act))


@router.delete(
    "/v1/accounts/{id}/sessions",
    summary="Sign an account's devices out.",
    response_description="How many there were.",
    responses=problem_responses(NOT_FOUND, INVALID, BUSY),
)
async def end_sessions(request: Request, id: AccountId) -> SessionsEnded:
    """End all sessions of an account at once."""
    access = access_of(request)

    def act() -> int:
        return access.sessions.end_all(access.accounts.find(id).id)

    with as_problems("id"):
        return SessionsEnded(ended=await asyncio.to_thread(act))


@router.get(
    "/v1/invitations",
    summary="Who is invited?",
    response_description="The invitations that can still be used.",
    responses=problem_responses(BUSY),
)
async def list_invitations(request: Request) -> InvitationsAnswer:
    """List the invitations that can still be used, never their tokens."""
    found = await asyncio.to_thread(access_of(request).invitations.all)
    return InvitationsAnswer(invitations=[_invitation_answer(one) for one in found])


@router.post(
    "/v1/invitations",
    status_code=201,
    summary="Invite somebody.",
    response_description="The invitation and its token.",
    responses=problem_responses(NOT_FOUND, INVALID, BUSY),
)
async def invite(
    request: Request, response: Response, new: Annotated[InvitationToMake, Body()]
) -> NewInvitationAnswer:
    """Make a link by which somebody makes an account, or sets a new password, once.

    The first account has the role `admin`: from then on the service asks who it is.
    """
    invitations, made_by = access_of(request).invitations, principal_of(request)
    with as_problems("role, name, account"):
        if new.account is not None:
            made = await asyncio.to_thread(
                invitations.invite_again, new.account, made_by=made_by, days=new.days
            )
        else:
            made = await asyncio.to_thread(
                invitations.invite,
                new.role or "",
                made_by=made_by,
                name=new.name or None,
                days=new.days,
            )
    response.headers["Cache-Control"] = "no-store"
    return NewInvitationAnswer(
        **asdict(made.invitation), token=made.token, path=invitation_path(made.token)
    )


@router.delete(
    "/v1/invitations/{id}",
    summary="Withdraw an invitation.",
    response_description="The invitation, withdrawn.",
    responses=problem_responses(NOT_FOUND, INVALID, BUSY),
)
async def withdraw_invitation(request: Request, id: InvitationId) -> InvitationAnswer:
    """End an invitation: its link opens nothing any more."""
    with as_problems("id"):
        return _invitation_answer(
            await asyncio.to_thread(access_of(request).invitations.withdraw, id)
        )


def invitation_path(token: str) -> str:
    """Where the page accepts an invitation. What follows the # is sent to no server and no log."""
    return f"/#/invitation/{token}"


def _account_answer(account: Account) -> AccountAnswer:
    return AccountAnswer.model_validate(asdict(account))


def _invitation_answer(invitation: Invitation) -> InvitationAnswer:
    return InvitationAnswer.model_validate(asdict(invitation))
