"""The requests about people's accounts; they need a key with the role admin."""

from __future__ import annotations

from client.records.accounts import Account, Invitation
from client.requests.request import ServiceRequest, get, quote_name, record_of, rows_of


def accounts() -> ServiceRequest[tuple[Account, ...]]:
    """List all accounts by name, including the deactivated ones."""
    return get("/v1/accounts", rows_of(Account, "accounts"))


def invite(role: str, *, name: str | None = None, days: int = 7) -> ServiceRequest[Invitation]:
    """Make a link by which somebody makes an account of a role, once.

    The first account must be an admin's; from then on the service asks everybody to sign in, or for
    a key. Raises Invalid.
    """
    return _invitation({"role": role, "name": name, "days": days})


def invite_again(account: str, *, days: int = 7) -> ServiceRequest[Invitation]:
    """Make a link by which the person of an account (its id) sets a new password, once.

    Raises NotFound.
    """
    return _invitation({"account": account, "days": days})


def change_account(
    id: str, *, role: str | None = None, is_active: bool | None = None
) -> ServiceRequest[Account]:
    """Give an account another role, deactivate or activate it.

    Raises NotFound, and Invalid for the last admin.
    """
    changed = {"role": role, "is_active": is_active}
    sent = {name: value for name, value in changed.items() if value is not None}
    return ServiceRequest(
        "PATCH", f"/v1/accounts/{quote_name(id)}", record_of(Account), "never", json=sent
    )


def _invitation(sent: dict[str, object]) -> ServiceRequest[Invitation]:
    # Never sent again: the service stores no answer that holds a token.
    return ServiceRequest("POST", "/v1/invitations", record_of(Invitation), "never", json=sent)
