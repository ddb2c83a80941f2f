"""The requests about API keys; they need a key with the role admin."""

from __future__ import annotations

from client.records.service import Key, NewKey
from client.requests.request import ServiceRequest, get, quote_name, record_of, rows_of


def keys() -> ServiceRequest[tuple[Key, ...]]:
    """List all keys, the oldest first, including the revoked ones."""
    return get("/v1/keys", rows_of(Key, "keys"))


def make_key(name: str, role: str) -> ServiceRequest[NewKey]:
    """Make a key for somebody, with the role read, contribute, curate or admin.

    The first key must be an admin's; from then on the service requires keys. Only this answer has
    the secret. Raises Invalid.
    """
    # Never sent again: the service stores no answer that holds a secret.
    return ServiceRequest(
        "POST", "/v1/keys", record_of(NewKey), "never", json={"name": name, "role": role}
    )


def revoke_key(id: str) -> ServiceRequest[Key]:
    """Revoke a key, from the very next request on. Raises NotFound."""
    return ServiceRequest("DELETE", f"/v1/keys/{quote_name(id)}", record_of(Key), "never")
