"""What several commands print, and the error of an output that can't be written."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Protocol

from embedding.errors import FlukeprintError

_UNREAD_TOLD = 20


class BadOut(FlukeprintError):
    """A file that can't be written where it was asked for."""


def print_message(words: str) -> None:
    """Tell what is being done; stdout stays free for answers."""
    print(words, file=sys.stderr, flush=True)


def photos_text(photos: int) -> str:
    """Count photos in words: `1 photo`, `2,000 photos`."""
    return f"{photos:,} photo{'' if photos == 1 else 's'}"


class Unread(Protocol):
    """What has no answer, and why in a sentence."""

    @property
    def reason(self) -> str: ...


def print_omitted(left_out: Sequence[tuple[str, str]]) -> None:
    """List photos that were left out and why, the first twenty of them."""
    for name, reason in left_out[:_UNREAD_TOLD]:
        print_message(f"left out {name}: {reason}")
    if len(left_out) > _UNREAD_TOLD:
        print_message(f"and {len(left_out) - _UNREAD_TOLD:,} more; --json lists all")


def print_unread(unread: Sequence[Unread]) -> None:
    """List the photos that couldn't be read, the first twenty of them."""
    for each in unread[:_UNREAD_TOLD]:
        print_message(f"can't read {each.reason}")
    if len(unread) > _UNREAD_TOLD:
        print_message(f"and {len(unread) - _UNREAD_TOLD:,} more; --json lists all")
