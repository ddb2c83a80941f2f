"""API keys: made, found by their secret, counted as used, revoked."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import Engine, insert, select, update

from embedding.errors import FlukeprintError
from index.access.roles import ROLES, Role, is_role
from index.access.tables import KeyRow, read, write_transaction

# Said at the start of every secret, so that people and scanners see what it is, and never a part of
# what is secret.
PREFIX = "flk"
_SECRET_BYTES = 32
_NAME = re.compile(r"[^\W_][\w .@+-]{0,63}")
_USED_AGAIN_AFTER = timedelta(minutes=1)
_NOBODY = "0" * 64
LOCAL = "local"  # who is named where no key was asked for


class BadKey(FlukeprintError):
    """A name, role or id of a key that can't be."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What may be told of a key. Times are UTC, ISO 8601; `last_used_at` is up to a minute old."""

    id: str
    name: str
    role: Role
    created_at: str
    last_used_at: str | None = None
    revoked_at: str | None = None

    @property
    def is_revoked(self) -> bool:
        """Whether it opens nothing any more."""
        return self.revoked_at is not None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made, with its secret, which is told this once and stored nowhere."""

    key: ApiKey
    secret: str


class Keys:
    """The keys in one catalogue's database. Safe from several threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(self, name: str, role: str) -> NewKey:
        """Make a key. Raises BadKey for a role or name that can't be, or a name that a key in use
        has.
        """
        _check(name, role)
        key = ApiKey(secrets.token_hex(4), name, cast(Role, role), _now())
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        with write_transaction(self._engine) as connection:
            in_use = select(KeyRow.id).where(KeyRow.name == name, KeyRow.revoked_at.is_(None))
            if (other := connection.scalar(in_use)) is not None:
                raise BadKey(
                    f"a key named {name!r} is in use already ({other}): revoke it first, or "
                    "choose another name"
                )
            values = {"id": key.id, "name": name, "role": role, "created_at": key.created_at}
            connection.execute(insert(KeyRow).values(**values, secret_hash=_hash(secret)))
        return NewKey(key, f"{PREFIX}_{key.id}_{secret}")

    def all(self) -> list[ApiKey]:
        """Every key ever made, the oldest first, those of one second by name."""
        in_order = _SELECT.order_by(KeyRow.created_at, KeyRow.name, KeyRow.id)
        return [_key(row) for row in read(self._engine, in_order)]

    def has_any(self) -> bool:
        """Whether a key was ever made; revoking the last one locks, it doesn't open."""
        return bool(read(self._engine, select(KeyRow.id).limit(1)))

    def find(self, secret: str) -> ApiKey | None:
        """The key in use whose secret this is; as much is compared for an unknown id as for a known
        one.
        """
        prefix, _, rest = secret.partition("_")
        id_, _, own = rest.encode("ascii", "replace").decode("ascii").partition("_")
        row: Any = next(iter(read(self._engine, _SELECT_HASHED.where(KeyRow.id == id_))), None)
        is_right = hmac.compare_digest(_hash(own), row.secret_hash if row else _NOBODY)
        if not (row and is_right and prefix == PREFIX) or row.revoked_at is not None:
            return None
        return _key(row)

    def note_use(self, key: ApiKey) -> None:
        """Remember that a key was used just now, where that was last noted more than a minute
        ago.
        """
        if (
            key.last_used_at
            and datetime.now(UTC) - datetime.fromisoformat(key.last_used_at) < _USED_AGAIN_AFTER
        ):
            return
        with write_transaction(self._engine) as connection:
            connection.execute(
                update(KeyRow).where(KeyRow.id == key.id).values(last_used_at=_now())
            )

    def revoke(self, id_or_name: str) -> ApiKey:
        """Make a key open nothing from now on.

        Raises BadKey where no key in use has this id or name.
        """
        with write_transaction(self._engine) as connection:
            named = (KeyRow.id == id_or_name) | (KeyRow.name == id_or_name)
            row = connection.execute(_SELECT.where(named, KeyRow.revoked_at.is_(None))).first()
            if row is None:
                raise BadKey(
                    f"no key in use has the id or name {id_or_name!r}; `flukeprint keys list` "
                    "shows them"
                )
            connection.execute(update(KeyRow).where(KeyRow.id == row.id).values(revoked_at=_now()))
            return _key(connection.execute(_SELECT.where(KeyRow.id == row.id)).one())


_TOLD = (
    KeyRow.id,
    KeyRow.name,
    KeyRow.role,
    KeyRow.created_at,
    KeyRow.last_used_at,
    KeyRow.revoked_at,
)
_SELECT = select(*_TOLD)
_SELECT_HASHED = select(*_TOLD, KeyRow.secret_hash)


def _check(name: str, role: str) -> None:
    if not is_role(role):
        raise BadKey(
            f"{role!r} is no role; the roles are {', '.join(ROLES)}, each allowing all before it"
        )
    if name == LOCAL:
        raise BadKey(
            f"{LOCAL!r} stands in the log for whoever used the service without a key; choose "
            "another name"
        )
    if not _NAME.fullmatch(name):
        raise BadKey(
            f"{name!r} can't name a key; a name has 1 to 64 letters, digits, spaces and . _ @ + "
            "-, and starts with a "
            "letter or digit"
        )


def _key(row: Any) -> ApiKey:
    return ApiKey(row.id, row.name, row.role, row.created_at, row.last_used_at, row.revoked_at)


def _hash(secret: str) -> str:
    # One SHA-256, no salt and no slow hash: those protect what people choose. Nobody guesses 256
    # random bits, not even with the hash in hand, and every request waits for this.
    return hashlib.sha256(secret.encode("ascii")).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
