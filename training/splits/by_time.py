"""Split by the calendar: queries were taken later than what is learned from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from training.splits.groups import Unit
from training.splits.protocol import BadSplit
from training.splits.stratified import Shares, Subset

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Cuts:
    """The last moments of train and of validation."""

    train_until: datetime
    validation_until: datetime

    def part(self, unit: Unit) -> Subset | None:
        """Where a unit belongs; None when it lies across a cut.

        One that nobody dated counts as early.
        """
        span = span_of(unit)
        if span is None or span[1] <= self.train_until:
            return "train"
        if span[0] > self.validation_until:
            return "test"
        is_between = span[0] > self.train_until and span[1] <= self.validation_until
        return "validation" if is_between else None


def cuts_of(units: Sequence[Unit], shares: Shares) -> Cuts:
    """Find the moments that leave the shares of the dated photos after them.

    Shares are met as nearly as the dates allow.

    Raises BadSplit where no moment parts the photos.
    """
    dated = [(span, len(unit.photos)) for unit in units if (span := span_of(unit)) is not None]
    total = sum(count for _, count in dated)
    validation_until = (
        _cut(dated, shares.test * total) if shares.test else max(span[1] for span, _ in dated)
    )
    early = [each for each in dated if each[0][1] <= validation_until]
    train_until = _cut(early, shares.validation * total) if shares.validation else validation_until
    return Cuts(train_until, validation_until)


def _cut(dated: Sequence[tuple[tuple[datetime, datetime], int]], target: float) -> datetime:
    """The end of a unit after which nearest to `target` photos begin; at least one does."""
    starts = sorted((span[0], count) for span, count in dated)
    later = sum(count for _, count in starts)
    best: tuple[float, datetime] | None = None
    at = 0
    for end in sorted({span[1] for span, _ in dated}):
        while at < len(starts) and starts[at][0] <= end:
            later -= starts[at][1]
            at += 1
        if later and (best is None or abs(later - target) < best[0]):
            best = (abs(later - target), end)
    if best is None:
        raise BadSplit(
            "no moment parts the photos into earlier and later ones by their taken_at (and "
            "encounters); split them "
            "without (--no-time)"
        )
    return best[1]


def span_of(unit: Unit) -> tuple[datetime, datetime] | None:
    """The first and last moment at which a unit's dated photos may have been taken."""
    spans = [moments(photo.taken_at) for photo in unit.photos if photo.taken_at is not None]
    return (min(first for first, _ in spans), max(last for _, last in spans)) if spans else None


def moments(taken_at: str) -> tuple[datetime, datetime]:
    """Find the first and last moment of an ISO 8601 year, month, day or time; UTC by default."""
    if re.fullmatch(r"\d{4}", taken_at):
        year = int(taken_at)
        return _whole(datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC))
    if re.fullmatch(r"\d{4}-\d{2}", taken_at):
        year, month = map(int, taken_at.split("-"))
        following = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
        return _whole(datetime(year, month, 1, tzinfo=UTC), following)
    parsed = datetime.fromisoformat(taken_at)
    first = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    is_day = not re.search(r"[T ]\d", taken_at)
    return _whole(first, first + timedelta(days=1)) if is_day else (first, first)


def _whole(first: datetime, following: datetime) -> tuple[datetime, datetime]:
    return first, following - _TICK
