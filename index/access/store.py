"""Keys, accounts and kept answers of one catalogue's database together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine

from index.access.accounts.accounts import Accounts
from index.access.accounts.invitations import Invitations
from index.access.accounts.rows import AccountRow
from index.access.accounts.sessions import Sessions
from index.access.idempotent_answers import StoredAnswers
from index.access.keys import Keys
from index.access.shared_buckets import SharedBuckets
from index.access.tables import KeyRow, has_rows


@dataclass(frozen=True, slots=True)
class AccessStore:
    """What a service needs to know who may use it, and what it answered them."""

    keys: Keys
    accounts: Accounts
    sessions: Sessions
    invitations: Invitations
    answers: StoredAnswers
    engine: Engine
    buckets: SharedBuckets | None = None
    """Where requests are counted for all services together; None in SQLite."""
    close: Callable[[], None] = lambda: None
    """Let the database's connections go."""

    @classmethod
    def of(cls, engine: Engine, *, keep_answers_hours: float = 24.0) -> AccessStore:
        """Use the database that `engine` reaches."""
        return cls(
            Keys(engine),
            Accounts(engine),
            Sessions(engine),
            Invitations(engine),
            StoredAnswers(engine, keep_seconds=keep_answers_hours * 3600),
            engine,
            SharedBuckets(engine) if engine.dialect.name == "postgresql" else None,
            engine.dispose,
        )

    def has_anybody(self) -> bool:
        """Whether a key or an account was ever made: then the service is open to nobody else.

        Revoking the last key, or deactivating an account, locks; it doesn't open.
        """
        return has_rows(self.engine, KeyRow, AccountRow)
