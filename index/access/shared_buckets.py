"""Buckets of tokens that all services of one PostgreSQL catalogue take from. SQLAlchemy's door.

In SQLite each service has its own, in memory: every request would write to the one file.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Engine, case, delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Mapped, mapped_column

from index.access.tables import AccessUnavailable
from index.storage.schema import PASSING, Table, create_missing, writing

_FORGET_SECONDS = 600.0
_FULL_SECONDS = 60.0  # after which a bucket is full, whatever was taken: its row says nothing more


class BucketRow(Table):
    """What is left for one caller; `id` is a hash, `at` is in seconds since 1970."""

    __tablename__ = "request_buckets"
    __table_args__ = {"info": {PASSING: True}}  # noqa: RUF012
    id: Mapped[str] = mapped_column(primary_key=True)
    tokens: Mapped[float]
    is_allowed: Mapped[bool]
    at: Mapped[float] = mapped_column(index=True)


class Taken(NamedTuple):
    """Whether there was a token to take, and how many are left."""

    is_allowed: bool
    tokens: float


class SharedBuckets:
    """The buckets in one PostgreSQL database, by its clock. Safe from several threads."""

    def __init__(self, engine: Engine, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._has_table = False
        self._forget_at = clock() + _FORGET_SECONDS

    def take(self, scope: str, caller: str, per_minute: int) -> Taken:
        """Take one token of a caller's bucket of `per_minute`. Raises AccessUnavailable."""
        id_ = hashlib.sha256(f"{scope}\0{caller}".encode()).hexdigest()
        now = func.extract("epoch", func.clock_timestamp())
        flown_back = (now - BucketRow.at) * (per_minute / 60)
        there = func.least(float(per_minute), BucketRow.tokens + flown_back)
        is_allowed = there >= 1
        taking = insert(BucketRow).values(id=id_, tokens=per_minute - 1.0, is_allowed=True, at=now)
        taking = taking.on_conflict_do_update(
            index_elements=[BucketRow.id],
            set_={
                "tokens": there - case((is_allowed, 1.0), else_=0.0),
                "is_allowed": is_allowed,
                "at": now,
            },
        ).returning(BucketRow.is_allowed, BucketRow.tokens)
        try:
            with writing(self._engine.connect()) as connection, connection.begin():
                if not self._has_table:
                    create_missing(connection, [Table.metadata.tables[BucketRow.__tablename__]])
                # What a crash of the database takes back is a minute's counting.
                connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")
                if self._clock() > self._forget_at:
                    self._forget_at = self._clock() + _FORGET_SECONDS
                    connection.execute(delete(BucketRow).where(BucketRow.at < now - _FULL_SECONDS))
                taken = connection.execute(taking).one()
        except DBAPIError as error:
            message = " ".join(str(error.orig).split())
            raise AccessUnavailable(f"requests can't be counted ({message})") from error
        self._has_table = True
        return Taken(*taken)
