"""Times as the catalogue stores them: its own timestamps, and when photos were taken."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from unicodedata import normalize

_YEAR_OR_MONTH = re.compile(r"\d{4}(-(0[1-9]|1[0-2]))?", re.ASCII)
_DAY = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)", re.ASCII)
# The year first, so that no reader takes the month for the day.
_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d\d?)\2(\d\d?)", re.ASCII)
_DAY_OF_YEAR = re.compile(r"(\d{4})-(\d{3})", re.ASCII)
_EXIF_DAY = re.compile(r"(\d{4}):(\d\d):(\d\d)", re.ASCII)
_WEEK_DAY = re.compile(r"(\d{4})-?W(\d\d)-?([1-7])", re.ASCII)
_CLOCK = re.compile(r"(\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d{1,6})\d*)?)?)?", re.ASCII)
_MIDNIGHT = re.compile(r"24(?::?00(?::?00(?:[.,]0*)?)?)?", re.ASCII)
_OFFSET = re.compile(r"([+\-])(\d\d)(?::?(\d\d))?", re.ASCII)
_PARTS = re.compile(
    r"(\S+?)(?:(?:\s+|[Tt])(\d\S*?)\s*([Zz]|UTC|GMT|[+\-]\d\d:?(?:\d\d)?)?)?", re.ASCII
)
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2212"), "-")


def parse_timestamp(at: str) -> datetime:
    """A time of the record as a datetime in UTC."""
    return datetime.fromisoformat(at)


def format_timestamp(at: datetime) -> str:
    """A moment as the record writes it: UTC, ISO 8601, milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_time(text: str) -> str:
    """Bring a date or time to the one form in which the catalogue stores it.

    `2018`, `2018-06`, `2018-06-01`, `2018-06-01T12:30` or `2018-06-01T12:30:00`, with a fraction of
    a second and an offset from UTC (`Z`, `+02:00`) where they are there. Read are ISO 8601, also
    without dashes and colons, as a day of a week or a year or to the hour, what EXIF writes, and
    `2018/6/1`. The hour 24 is the next day's first.

    Raises ValueError.
    """
    text = normalize("NFKC", text).translate(_DASHES).strip()
    if _YEAR_OR_MONTH.fullmatch(text):
        date.fromisoformat((text + "-01-01")[:10])  # there is no year 0
        return text
    parts = _PARTS.fullmatch(text)
    if parts is None:
        raise ValueError(f"no date or time: {text!r}")
    day = _day(parts[1])
    if parts[2] is None:
        return day
    clock = parts[2]
    if _MIDNIGHT.fullmatch(clock):
        day = _later(date.fromisoformat(day), 1).isoformat()
        clock = "00" + clock[2:]
    return f"{day}T{_clock(clock)}{_offset(parts[3])}"


def _day(text: str) -> str:
    week = _WEEK_DAY.fullmatch(text)
    if week:
        return date.fromisocalendar(*map(int, week.groups())).isoformat()
    of_year = _DAY_OF_YEAR.fullmatch(text)
    if of_year:
        year, number = map(int, of_year.groups())
        day = _later(date(year, 1, 1), number - 1)
        if day.year != year:
            raise ValueError(f"no day of the year: {text!r}")
        return day.isoformat()
    year_first = _YEAR_FIRST.fullmatch(text)
    if year_first:
        return date(*(int(year_first[part]) for part in (1, 3, 4))).isoformat()
    found = _DAY.fullmatch(text) or _EXIF_DAY.fullmatch(text)
    if found is None:
        raise ValueError(f"no date: {text!r}")
    return date(*map(int, found.groups())).isoformat()


def _later(day: date, days: int) -> date:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        raise ValueError("a day after the year 9999") from None


def _clock(text: str) -> str:
    """`14:05`, `14:05:09` or `14:05:09.25`: as exact as it was written, an hour to the minute."""
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise ValueError(f"no time of day: {text!r}")
    hour, minute, second = (int(part or 0) for part in found.groups()[:3])
    at = time(hour, minute, second).isoformat("minutes" if found[3] is None else "seconds")
    return at if found[4] is None else f"{at}.{found[4]}"


def _offset(text: str | None) -> str:
    if text is None:
        return ""
    if text in {"Z", "z", "UTC", "GMT"}:
        return "Z"
    found = _OFFSET.fullmatch(text)
    if found is None or int(found[2]) > 23 or int(found[3] or 0) > 59:
        raise ValueError(f"no offset from UTC: {text!r}")
    sign = "+" if found[1] == "+" else "-"
    offset = f"{sign}{found[2]}:{found[3] or '00'}"
    return "Z" if offset[1:] == "00:00" else offset
