"""Invitations: a link makes one account once, or gives an account a new password."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import Connection, Engine, delete, insert, select, update

from index.access.accounts.accounts import (
    Account,
    BadAccount,
    NoSuchAccount,
    find_account,
    refuse_password,
    refuse_role,
)
from index.access.accounts.passwords import hash_password
from index.access.accounts.rows import AccountRow, InvitationRow, SessionRow
from index.access.names import fold_name, name_fault
from index.access.roles import Role
from index.access.tables import KeyRow, read, write_transaction
from index.access.tokens import hash_of, is_secret, iso, new_token, parse_token

SHORTEST_DAYS, USUAL_DAYS, LONGEST_DAYS = 1, 7, 30


class NoSuchInvitation(BadAccount):
    """A link that was used or withdrawn, has ended, or never was one."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """An open invitation. `account_id`: the account that it gives a new password, None for a new
    account.

    `name` is the account's, or the one proposed for a new one. Times are UTC, ISO 8601.
    """

    id: str
    role: Role
    name: str | None
    account_id: str | None
    made_by: str
    created_at: str
    expires_at: str


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """An invitation just made, with its token, which is told this once and stored nowhere."""

    invitation: Invitation
    token: str


class Invitations:
    """The invitations in one catalogue's database. Safe from several threads."""

    def __init__(
        self, engine: Engine, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._engine = engine
        self._clock = clock

    def all(self) -> list[Invitation]:
        """Those that can still be used, the oldest first."""
        still = _SELECT.where(InvitationRow.expires_at > iso(self._clock()))
        return [_invitation(row) for row in read(self._engine, still.order_by(*_IN_ORDER))]

    def invite(
        self, role: str, *, made_by: str, name: str | None = None, days: int = USUAL_DAYS
    ) -> NewInvitation:
        """Invite somebody to make an account of a role; `name` proposes what they are called.

        Raises BadAccount for a role or name that can't be, and where nobody but an admin may come
        first.
        """
        refuse_role(role)
        _refuse_days(days)
        with write_transaction(self._engine) as connection:
            if role != "admin" and not _has_somebody(connection):
                raise BadAccount(
                    "the first account locks the service, so it must be an admin's: give it the "
                    "role admin"
                )
            if name is not None:
                _refuse_name(connection, name)
            return self._make(connection, cast("Role", role), name, None, made_by, days)

    def invite_again(
        self, id_or_name: str, *, made_by: str, days: int = USUAL_DAYS
    ) -> NewInvitation:
        """Let the person of an account set a new password; an earlier such link ends.

        Raises NoSuchAccount, and BadAccount for a deactivated one.
        """
        _refuse_days(days)
        with write_transaction(self._engine) as connection:
            named = AccountRow.folded_name == fold_name(id_or_name)
            account = find_account(connection, (AccountRow.id == id_or_name) | named)
            if account is None:
                raise NoSuchAccount(f"no account has the id or name {id_or_name!r}")
            if not account.is_active:
                raise BadAccount(f"the account of {account.name} is deactivated: activate it first")
            connection.execute(delete(InvitationRow).where(InvitationRow.account_id == account.id))
            return self._make(connection, account.role, account.name, account.id, made_by, days)

    def find(self, token: str) -> Invitation:
        """The invitation of a token. Raises NoSuchInvitation."""
        id_, secret = parse_token(token)
        by_id = _SELECT_HASHED.where(InvitationRow.id == id_)
        row: Any = next(iter(read(self._engine, by_id)), None)
        return self._checked(row, secret)

    def accept(self, token: str, name: str | None, password: str) -> Account:
        """Make the account, or give it its new password and end its sessions.

        `name` counts for a new account. The link is used up. Raises NoSuchInvitation, and
        BadAccount for a name that is taken or a name or password that can't be; then the link stays
        good.
        """
        self.find(token)  # before the costly hash
        refuse_password(password)
        hashed = hash_password(password)
        id_, secret = parse_token(token)
        with write_transaction(self._engine) as connection:
            row = connection.execute(_SELECT_HASHED.where(InvitationRow.id == id_)).first()
            invitation = self._checked(row, secret)
            connection.execute(delete(InvitationRow).where(InvitationRow.id == invitation.id))
            if invitation.account_id is not None:
                return _set_password(connection, invitation.account_id, hashed)
            own_name = (name or "").strip()
            _refuse_name(connection, own_name)
            account = Account(new_token().id, own_name, invitation.role, iso(self._clock()))
            values = {
                "id": account.id,
                "name": own_name,
                "folded_name": fold_name(own_name),
                "role": account.role,
                "password_hash": hashed,
                "created_at": account.created_at,
            }
            connection.execute(insert(AccountRow).values(**values))
            return account

    def withdraw(self, id: str) -> Invitation:
        """End an invitation. Raises NoSuchInvitation."""
        with write_transaction(self._engine) as connection:
            row = connection.execute(_SELECT.where(InvitationRow.id == id)).first()
            if row is None:
                raise NoSuchInvitation(f"no open invitation has the id {id!r}")
            connection.execute(delete(InvitationRow).where(InvitationRow.id == id))
            return _invitation(row)

    def _make(
        self,
        connection: Connection,
        role: Role,
        name: str | None,
        account_id: str | None,
        made_by: str,
        days: int,
    ) -> NewInvitation:
        now, token = self._clock(), new_token()
        ends = iso(now + timedelta(days=days))
        made = Invitation(token.id, role, name, account_id, made_by, iso(now), ends)
        values = {
            "id": made.id,
            "role": role,
            "name": name,
            "account_id": account_id,
            "secret_hash": hash_of(token.secret),
            "made_by": made_by,
            "created_at": made.created_at,
            "expires_at": ends,
        }
        connection.execute(delete(InvitationRow).where(InvitationRow.expires_at <= iso(now)))
        connection.execute(insert(InvitationRow).values(**values))
        return NewInvitation(made, str(token))

    def _checked(self, row: Any, secret: str) -> Invitation:
        is_right = is_secret(secret, row.secret_hash if row else None)
        if row is None or not is_right or row.expires_at <= iso(self._clock()):
            raise NoSuchInvitation(
                "this invitation was used or withdrawn, or has ended; ask an administrator for a "
                "new one"
            )
        return _invitation(row)


_TOLD = (
    InvitationRow.id,
    InvitationRow.role,
    InvitationRow.name,
    InvitationRow.account_id,
    InvitationRow.made_by,
    InvitationRow.created_at,
    InvitationRow.expires_at,
)
_SELECT = select(*_TOLD)
_SELECT_HASHED = select(*_TOLD, InvitationRow.secret_hash)
_IN_ORDER = (InvitationRow.created_at, InvitationRow.id)


def _invitation(row: Any) -> Invitation:
    return Invitation(
        row.id,
        row.role,
        row.name,
        row.account_id,
        row.made_by,
        row.created_at,
        row.expires_at,
    )


def _set_password(connection: Connection, account_id: str, hashed: str) -> Account:
    of_account = AccountRow.id == account_id
    connection.execute(update(AccountRow).where(of_account).values(password_hash=hashed))
    connection.execute(delete(SessionRow).where(SessionRow.account_id == account_id))
    account = find_account(connection, of_account)
    assert account is not None  # accounts are never deleted
    return account


def _refuse_days(days: int) -> None:
    if not SHORTEST_DAYS <= days <= LONGEST_DAYS:
        raise BadAccount(
            f"an invitation is good for {SHORTEST_DAYS} to {LONGEST_DAYS} days, not {days}"
        )


def _refuse_name(connection: Connection, name: str) -> None:
    if (fault := name_fault(name)) is not None:
        raise BadAccount(f"{name!r} {fault}")
    folded = fold_name(name)
    taken = find_account(connection, AccountRow.folded_name == folded)
    if taken is not None:
        raise BadAccount(f"an account is named {taken.name!r} already; choose another name")
    names = connection.scalars(select(KeyRow.name).where(KeyRow.revoked_at.is_(None)))
    if folded in {fold_name(one) for one in names}:
        raise BadAccount(
            f"a key in use is named {name!r}; choose another name, or let an administrator revoke "
            "that key first"
        )


def _has_somebody(connection: Connection) -> bool:
    return any(
        connection.execute(select(column).limit(1)).first() is not None
        for column in (KeyRow.id, AccountRow.id)
    )
