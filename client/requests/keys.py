"""The requests about who may use the service; they need a key with the role admin."""

from __future__ import annotations

from client.records.service import Key, NewKey
from client.requests.request import Ask, get, in_path, record_of, rows_of


def keys() -> Ask[tuple[Key, ...]]:
    """List every key that was made, the oldest first, also the revoked ones."""
    return get("/v1/keys", rows_of(Key, "keys"))


def make_key(name: str, role: str) -> Ask[NewKey]:
    """Make a key for somebody, with the role read, contribute, curate or admin; the first one must
    be an admin's.

    From the first one on the service asks for keys. The secret is told only here. Raises Invalid.
    """
    # Sent once: the service keeps no answer that holds a secret.
    return Ask("POST", "/v1/keys", record_of(NewKey), "once", json={"name": name, "role": role})


def revoke_key(id: str) -> Ask[Key]:
    """Make a key open nothing any more, from the very next request on. Raises NotFound."""
    return Ask("DELETE", f"/v1/keys/{in_path(id)}", record_of(Key), "once")
