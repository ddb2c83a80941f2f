"""A job store on either database, with a clock that tests set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

KINDS = {"count"}


class Clock:
    """A clock that goes only when it is told to."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def go(self, **time: float) -> None:
        self.at += timedelta(**time)
