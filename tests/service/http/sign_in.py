"""Accounts made as people make them, and the headers that a browser sends with a session."""

from __future__ import annotations

from index.access.accounts.accounts import Account
from index.access.store import AccessStore
from service.http.callers.session_cookie import NAME

PASSWORD = "kelp tide lantern"


def account_of(access: AccessStore, name: str, role: str) -> Account:
    """An account whose password is PASSWORD; there is an admin before it."""
    if role != "admin" and not access.has_anybody():
        account_of(access, "the first", "admin")
    token = access.invitations.invite(role, made_by="a test", name=name).token
    return access.invitations.accept(token, name, PASSWORD)


def session_headers(token: str) -> dict[str, str]:
    """What the page's own requests carry."""
    return {"Cookie": f"{NAME}={token}", "Sec-Fetch-Site": "same-origin"}
