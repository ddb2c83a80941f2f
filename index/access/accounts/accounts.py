"""Accounts: listed, signed in to, given another role or password, deactivated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection, Engine, delete, func, select, update

from embedding.errors import FlukeprintError
from index.access.accounts.passwords import (
    hash_password,
    is_outdated,
    is_password,
    password_fault,
)
from index.access.accounts.rows import AccountRow, InvitationRow, SessionRow
from index.access.names import fold_name
from index.access.roles import ROLES, Role, is_role
from index.access.tables import has_rows, read, write_transaction
from index.access.tokens import now_iso


class BadAccount(FlukeprintError):
    """A name, role, password or change that can't be; the message says why and what can."""


class NoSuchAccount(BadAccount):
    """No account has the id or name that was given."""


@dataclass(frozen=True, slots=True)
class Account:
    """What may be told of an account. Times are UTC, ISO 8601."""

    id: str
    name: str
    role: Role
    created_at: str
    last_signed_in_at: str | None = None
    deactivated_at: str | None = None

    @property
    def is_active(self) -> bool:
        """Whether its person may sign in."""
        return self.deactivated_at is None


class Accounts:
    """The accounts in one catalogue's database. Safe from several threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Account]:
        """Every account ever made, by name."""
        return [account_of(row) for row in read(self._engine, _SELECT.order_by(AccountRow.name))]

    def has_any(self) -> bool:
        """Whether an account was ever made."""
        return has_rows(self._engine, AccountRow)

    def find(self, id: str) -> Account:
        """The account of this id. Raises NoSuchAccount."""
        rows = read(self._engine, _SELECT.where(AccountRow.id == id))
        if not rows:
            raise NoSuchAccount(f"no account has the id {id!r}")
        return account_of(rows[0])

    def check(self, name: str, password: str) -> Account | None:
        """The active account of this name and password.

        Takes as long for a name that nobody has as for a wrong password.
        """
        by_name = _SELECT_HASHED.where(AccountRow.folded_name == fold_name(name))
        row: Any = next(iter(read(self._engine, by_name)), None)
        if not is_password(password, row.password_hash if row else None):
            return None
        if row.deactivated_at is not None:
            return None
        if is_outdated(row.password_hash):
            hashed = hash_password(password)
            same = (AccountRow.id == row.id, AccountRow.password_hash == row.password_hash)
            with write_transaction(self._engine) as connection:
                connection.execute(update(AccountRow).where(*same).values(password_hash=hashed))
        return account_of(row)

    def change_password(
        self, id: str, password: str, new_password: str, *, keep_session: str | None = None
    ) -> bool:
        """Give an account another password; end its sessions but `keep_session`, and its links.

        False, and nothing is changed, where `password` is not the present one. Raises BadAccount
        where the new one can't be.
        """
        refuse_password(new_password)
        by_id = _SELECT_HASHED.where(AccountRow.id == id)
        row: Any = next(iter(read(self._engine, by_id)), None)
        if not is_password(password, row.password_hash if row else None):
            return False
        hashed = hash_password(new_password)
        with write_transaction(self._engine) as connection:
            connection.execute(
                update(AccountRow).where(AccountRow.id == id).values(password_hash=hashed)
            )
            others = SessionRow.id != (keep_session or "")
            connection.execute(delete(SessionRow).where(SessionRow.account_id == id, others))
            # A link that was made for a forgotten password would let its holder in again.
            connection.execute(delete(InvitationRow).where(InvitationRow.account_id == id))
        return True

    def set_role(self, id_or_name: str, role: str) -> Account:
        """Give an account another role, from the very next request on.

        Raises BadAccount for a word that is no role, for the last admin, and for an account that is
        not there.
        """
        refuse_role(role)
        with write_transaction(self._engine) as connection:
            account = _one(connection, id_or_name)
            if role != "admin":
                _refuse_last_admin(connection, account)
                _withdraw_invitations_by(connection, account)
            return _changed(connection, account, role=role)

    def deactivate(self, id_or_name: str) -> Account:
        """Let nobody in by an account any more: its sessions and invitations end at once.

        Raises BadAccount for the last admin, and for an account that is not there.
        """
        with write_transaction(self._engine) as connection:
            account = _one(connection, id_or_name)
            _refuse_last_admin(connection, account)
            _withdraw_invitations_by(connection, account)
            connection.execute(delete(SessionRow).where(SessionRow.account_id == account.id))
            connection.execute(delete(InvitationRow).where(InvitationRow.account_id == account.id))
            return _changed(connection, account, deactivated_at=account.deactivated_at or now_iso())

    def activate(self, id_or_name: str) -> Account:
        """Let the person of a deactivated account in again. Raises BadAccount."""
        with write_transaction(self._engine) as connection:
            return _changed(connection, _one(connection, id_or_name), deactivated_at=None)


def refuse_role(role: str) -> None:
    """Raise BadAccount for a word that is no role."""
    if not is_role(role):
        raise BadAccount(
            f"{role!r} is no role; the roles are {', '.join(ROLES)}, each allowing all before it"
        )


def refuse_password(password: str) -> None:
    """Raise BadAccount for what can't be a password."""
    if (fault := password_fault(password)) is not None:
        raise BadAccount(fault)


def find_account(connection: Connection, *conditions: Any) -> Account | None:
    """The account that meets some conditions, within a transaction."""
    row = connection.execute(_SELECT.where(*conditions)).first()
    return None if row is None else account_of(row)


def account_of(row: Any) -> Account:
    """The record of a row that has at least the columns of `TOLD_OF_ACCOUNTS`."""
    return Account(
        row.id,
        row.name,
        cast("Role", row.role),
        row.created_at,
        row.last_signed_in_at,
        row.deactivated_at,
    )


TOLD_OF_ACCOUNTS = (
    AccountRow.id,
    AccountRow.name,
    AccountRow.role,
    AccountRow.created_at,
    AccountRow.last_signed_in_at,
    AccountRow.deactivated_at,
)
_SELECT = select(*TOLD_OF_ACCOUNTS)
_SELECT_HASHED = select(*TOLD_OF_ACCOUNTS, AccountRow.password_hash)


def _one(connection: Connection, id_or_name: str) -> Account:
    named = (AccountRow.id == id_or_name) | (AccountRow.folded_name == fold_name(id_or_name))
    account = find_account(connection, named)
    if account is None:
        raise NoSuchAccount(
            f"no account has the id or name {id_or_name!r}; `flukeprint accounts list` shows them"
        )
    return account


def _changed(connection: Connection, account: Account, **values: str | None) -> Account:
    connection.execute(update(AccountRow).where(AccountRow.id == account.id).values(**values))
    return account_of(connection.execute(_SELECT.where(AccountRow.id == account.id)).one())


def _refuse_last_admin(connection: Connection, account: Account) -> None:
    if account.role != "admin" or not account.is_active:
        return
    others = select(func.count(AccountRow.id)).where(
        AccountRow.id != account.id,
        AccountRow.role == "admin",
        AccountRow.deactivated_at.is_(None),
    )
    if not connection.scalar(others):
        raise BadAccount(
            f"{account.name} is the last admin: make another account an admin first, or nobody "
            "could invite anybody"
        )


def _withdraw_invitations_by(connection: Connection, account: Account) -> None:
    """Whoever may not invite any more may not come back by a link of their own."""
    connection.execute(delete(InvitationRow).where(InvitationRow.made_by == account.name))
