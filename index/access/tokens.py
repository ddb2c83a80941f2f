"""Random secrets that are told once and stored as a hash: of keys, sessions and invitations."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import UTC, datetime
from typing import NamedTuple

_SECRET_BYTES = 32
_NOBODY = "0" * 64


class Token(NamedTuple):
    """An id, under which the hash is found, and the secret itself."""

    id: str
    secret: str

    def __str__(self) -> str:
        """`ID_SECRET`, as it is told; `parse_token` reads it."""
        return f"{self.id}_{self.secret}"


def new_token(id_bytes: int = 4) -> Token:
    """Draw an id (hex) and a secret of 256 random bits."""
    return Token(secrets.token_hex(id_bytes), secrets.token_urlsafe(_SECRET_BYTES))


def parse_token(text: str) -> Token:
    """Read what somebody sent. Any text is a token; what is none of ours opens nothing."""
    id_, _, secret = text.encode("ascii", "replace").decode("ascii").partition("_")
    return Token(id_, secret)


def hash_of(secret: str) -> str:
    """The SHA-256 of a secret, hex."""
    # No salt and no slow hash: those protect what people choose. Nobody guesses 256 random bits,
    # not even with the hash in hand, and every request waits for this.
    return hashlib.sha256(secret.encode("ascii")).hexdigest()


def is_secret(secret: str, stored_hash: str | None) -> bool:
    """Whether the hash is of this secret; as much is compared where there is none."""
    return hmac.compare_digest(hash_of(secret), stored_hash or _NOBODY)


def iso(moment: datetime) -> str:
    """A moment as it is stored: UTC, ISO 8601, to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def now_iso() -> str:
    """This moment, as it is stored."""
    return iso(datetime.now(UTC))
