"""Timestamps as the catalogue stores them, UTC to the millisecond, and read back."""

from __future__ import annotations

from datetime import UTC, datetime


def parse_timestamp(at: str) -> datetime:
    """A time of the record as a datetime in UTC."""
    return datetime.fromisoformat(at)


def format_timestamp(at: datetime) -> str:
    """A moment as the record writes it: UTC, ISO 8601, milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
