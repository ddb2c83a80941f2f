"""Sessions: one for each device that is signed in, found by its secret, ended at any time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, delete, insert, select, update

from index.access.accounts.accounts import TOLD_OF_ACCOUNTS, Account, account_of
from index.access.accounts.rows import AccountRow, SessionRow
from index.access.tables import read, write_transaction
from index.access.tokens import hash_of, is_secret, iso, new_token, parse_token

# NIST SP 800-63B-4, 2.1.3: whoever has proved only a password does it again within 30 days.
REMEMBERED_FOR = timedelta(days=30)
UNREMEMBERED_FOR = timedelta(hours=12)
_ID_BYTES = 8  # many sessions come and go


@dataclass(frozen=True, slots=True)
class Session:
    """A device that is signed in, and whose account it uses. `expires_at`: UTC, ISO 8601."""

    id: str
    account: Account
    expires_at: str


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session just begun, with its token, which is told this once and stored nowhere."""

    session: Session
    token: str


class Sessions:
    """The sessions in one catalogue's database. Safe from several threads."""

    def __init__(
        self, engine: Engine, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._engine = engine
        self._clock = clock

    def begin(self, account: Account, *, is_remembered: bool = False) -> NewSession:
        """Sign a device in: for 30 days where it is to be remembered, else for 12 hours."""
        now, token = self._clock(), new_token(_ID_BYTES)
        expires_at = iso(now + (REMEMBERED_FOR if is_remembered else UNREMEMBERED_FOR))
        values = {
            "id": token.id,
            "account_id": account.id,
            "secret_hash": hash_of(token.secret),
            "created_at": iso(now),
            "expires_at": expires_at,
        }
        with write_transaction(self._engine) as connection:
            connection.execute(delete(SessionRow).where(SessionRow.expires_at <= iso(now)))
            connection.execute(insert(SessionRow).values(**values))
            of_account = AccountRow.id == account.id
            connection.execute(
                update(AccountRow).where(of_account).values(last_signed_in_at=iso(now))
            )
        return NewSession(Session(token.id, account, expires_at), str(token))

    def find(self, token: str) -> Session | None:
        """The session of this token, where it has not ended and its account is active."""
        id_, secret = parse_token(token)
        found: Any = next(iter(read(self._engine, _SELECT.where(SessionRow.id == id_))), None)
        is_right = is_secret(secret, found.secret_hash if found else None)
        if not (found and is_right) or found.expires_at <= iso(self._clock()):
            return None
        account = account_of(found)
        return Session(found.session_id, account, found.expires_at) if account.is_active else None

    def end(self, id: str) -> None:
        """Sign one device out."""
        with write_transaction(self._engine) as connection:
            connection.execute(delete(SessionRow).where(SessionRow.id == id))

    def end_all(self, account_id: str) -> int:
        """Sign out every device of an account, and return how many there were."""
        with write_transaction(self._engine) as connection:
            of_account = SessionRow.account_id == account_id
            return connection.execute(delete(SessionRow).where(of_account)).rowcount


_SELECT = select(
    *TOLD_OF_ACCOUNTS,
    SessionRow.id.label("session_id"),
    SessionRow.secret_hash,
    SessionRow.expires_at,
).where(AccountRow.id == SessionRow.account_id)
