"""API keys: made, found by their secret, counted as used, revoked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import Connection, Engine, delete, insert, select, update

from embedding.errors import FlukeprintError
from index.access.accounts.rows import AccountRow, InvitationRow
from index.access.names import fold_name, name_fault
from index.access.roles import ROLES, Role, is_role
from index.access.tables import KeyRow, has_rows, read, write_transaction
from index.access.tokens import hash_of, is_secret, new_token, now_iso, parse_token

# Said at the start of every secret, so that people and scanners see what it is, and never a part of
# what is secret.
PREFIX = "flk"
_USED_AGAIN_AFTER = timedelta(minutes=1)


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
        """Make a key.

        Raises BadKey for a role or name that can't be, or a name that a key in use has.
        """
        _check(name, role)
        token = new_token()
        key = ApiKey(token.id, name, cast(Role, role), now_iso())
        with write_transaction(self._engine) as connection:
            _refuse_name_of_account(connection, name)
            in_use = select(KeyRow.id).where(KeyRow.name == name, KeyRow.revoked_at.is_(None))
            if (other := connection.scalar(in_use)) is not None:
                raise BadKey(
                    f"a key named {name!r} is in use already ({other}): revoke it first, or "
                    "choose another name"
                )
            values = {"id": key.id, "name": name, "role": role, "created_at": key.created_at}
            connection.execute(insert(KeyRow).values(**values, secret_hash=hash_of(token.secret)))
        return NewKey(key, f"{PREFIX}_{token}")

    def all(self) -> list[ApiKey]:
        """Every key ever made, the oldest first, those of one second by name."""
        in_order = _SELECT.order_by(KeyRow.created_at, KeyRow.name, KeyRow.id)
        return [_key(row) for row in read(self._engine, in_order)]

    def has_any(self) -> bool:
        """Whether a key was ever made; revoking the last one locks, it doesn't open."""
        return has_rows(self._engine, KeyRow)

    def has_accounts(self) -> bool:
        """Whether somebody may come in without a key, by an account that is active."""
        active = select(AccountRow.id).where(AccountRow.deactivated_at.is_(None))
        return bool(read(self._engine, active.limit(1)))

    def find(self, secret: str) -> ApiKey | None:
        """The key in use whose secret this is.

        As much is compared for an unknown id as for a known one.
        """
        prefix, _, rest = secret.partition("_")
        id_, own = parse_token(rest)
        row: Any = next(iter(read(self._engine, _SELECT_HASHED.where(KeyRow.id == id_))), None)
        is_right = is_secret(own, row.secret_hash if row else None)
        if not (row and is_right and prefix == PREFIX) or row.revoked_at is not None:
            return None
        return _key(row)

    def note_use(self, key: ApiKey) -> None:
        """Store that a key was used just now, at most once a minute."""
        if (
            key.last_used_at
            and datetime.now(UTC) - datetime.fromisoformat(key.last_used_at) < _USED_AGAIN_AFTER
        ):
            return
        with write_transaction(self._engine) as connection:
            connection.execute(
                update(KeyRow).where(KeyRow.id == key.id).values(last_used_at=now_iso())
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
            connection.execute(
                update(KeyRow).where(KeyRow.id == row.id).values(revoked_at=now_iso())
            )
            # Whoever may not invite any more may not come in by a link of their own.
            connection.execute(delete(InvitationRow).where(InvitationRow.made_by == row.name))
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
    if (fault := name_fault(name)) is not None:
        raise BadKey(f"{name!r} {fault}")


def _refuse_name_of_account(connection: Connection, name: str) -> None:
    of_name = select(AccountRow.id).where(AccountRow.folded_name == fold_name(name))
    if connection.scalar(of_name) is not None:
        raise BadKey(
            f"an account is named {name!r}, and the log would not tell the two apart; choose "
            f"another name, such as {name + ' script'!r}"
        )


def _key(row: Any) -> ApiKey:
    return ApiKey(row.id, row.name, row.role, row.created_at, row.last_used_at, row.revoked_at)
