"""What requests were answered, kept a while: a request sent again is not carried out again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from index.access.tables import StoredAnswerRow, read, write_transaction

LEASE_SECONDS = 60.0
Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer as it went out. `body` is None where it was too large to keep."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes | None


BeginResult = Literal["begun", "running", "other-request"] | StoredAnswer


class StoredAnswers:
    """The stored answers of one catalogue: at most `most`, each for `keep_seconds`.

    A request that began holds its key for `lease_seconds`, and longer where it is renewed: one
    whose service was killed gives it free.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        keep_seconds: float = 86_400,
        lease_seconds: float = LEASE_SECONDS,
        most: int = 10_000,
        largest_body_bytes: int = 2**20,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._keep_seconds = keep_seconds
        self._lease_seconds = lease_seconds
        self._most = most
        self._largest_body_bytes = largest_body_bytes
        self._clock = clock

    def begin(self, id_: str, request_hash: str) -> BeginResult:
        """Say that a request is about to be carried out, unless it was already.

        `begun`: carry it out, then call `finish` or `forget`. `running`: the same request is being
        carried out. `other-request`: the key was used for another body. A StoredAnswer: this was
        answered.
        """
        now = self._clock()
        with write_transaction(self._engine) as connection:
            self._expire(connection, now)
            row = connection.execute(_SELECT.where(StoredAnswerRow.id == id_)).one_or_none()
            if row is not None and row.request_hash != request_hash:
                return "other-request"
            if row is None:
                self._make_room(connection)
                new = insert(StoredAnswerRow).values(
                    id=id_, request_hash=request_hash, at=now, headers=[]
                )
                connection.execute(new)
                return "begun"
            if row.status is None:
                return "running"
            return StoredAnswer(
                row.status, tuple((name, value) for name, value in row.headers), row.body
            )

    def renew(self, id_: str) -> None:
        """Say that a request that `begin` let through is still being carried out."""
        still_running = (StoredAnswerRow.id == id_) & StoredAnswerRow.status.is_(None)
        with write_transaction(self._engine) as connection:
            renewed = update(StoredAnswerRow).where(still_running).values(at=self._clock())
            connection.execute(renewed)

    def finish(self, id_: str, status: int, headers: Headers, body: bytes) -> None:
        """Keep the answer of a request that `begin` let through."""
        stored_body = body if len(body) <= self._largest_body_bytes else None
        values = {
            "at": self._clock(),
            "status": status,
            "headers": [list(pair) for pair in headers],
            "body": stored_body,
        }
        with write_transaction(self._engine) as connection:
            connection.execute(
                update(StoredAnswerRow).where(StoredAnswerRow.id == id_).values(**values)
            )

    def forget(self, id_: str) -> None:
        """Give the key free again: the request failed and changed nothing."""
        with write_transaction(self._engine) as connection:
            connection.execute(delete(StoredAnswerRow).where(StoredAnswerRow.id == id_))

    def count(self) -> int:
        """How many are kept or running."""
        return sum(row[0] for row in read(self._engine, select(func.count(StoredAnswerRow.id))))

    def _expire(self, connection: Connection, now: float) -> None:
        running = StoredAnswerRow.status.is_(None)
        connection.execute(
            delete(StoredAnswerRow).where(StoredAnswerRow.at < now - self._keep_seconds)
        )
        connection.execute(
            delete(StoredAnswerRow).where(running, StoredAnswerRow.at < now - self._lease_seconds)
        )

    def _make_room(self, connection: Connection) -> None:
        over = (connection.scalar(select(func.count(StoredAnswerRow.id))) or 0) - self._most + 1
        if over > 0:
            answered = select(StoredAnswerRow.id).where(StoredAnswerRow.status.is_not(None))
            oldest = answered.order_by(StoredAnswerRow.at).limit(over)
            connection.execute(delete(StoredAnswerRow).where(StoredAnswerRow.id.in_(oldest)))


_SELECT = select(
    StoredAnswerRow.request_hash,
    StoredAnswerRow.status,
    StoredAnswerRow.headers,
    StoredAnswerRow.body,
)
