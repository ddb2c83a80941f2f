"""What a service tells of people's accounts and invitations."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Account:
    """A person's account; `deactivated_at` is None while they may sign in.

    Times are UTC, ISO 8601.
    """

    id: str
    name: str
    role: str
    created_at: str
    last_signed_in_at: str | None = None
    deactivated_at: str | None = None


@dataclass(frozen=True, slots=True)
class Invitation:
    """A new invitation; `token` and `path` are sent only once, and written to no log.

    `path` is the link, below the address by which people reach the page.
    """

    id: str
    role: str
    name: str | None
    account_id: str | None
    made_by: str
    created_at: str
    expires_at: str
    token: str = field(repr=False)
    path: str = field(repr=False)
