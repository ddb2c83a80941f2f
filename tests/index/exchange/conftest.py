"""What a catalogue knows, to be compared before and after an exchange."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from index.catalogue.catalogue import Catalogue


@pytest.fixture
def catalogue(field_catalogue) -> Path:
    return field_catalogue


@pytest.fixture
def knowledge() -> Callable[..., list[tuple]]:
    """What a catalogue says of its photos, but for where their files are; boxes to a millionth."""

    def _knowledge(path: Path, *facts: str) -> list[tuple]:
        wanted = facts or (
            "name",
            "individual",
            "species",
            "encounter",
            "taken_at",
            "content_hash",
            "box",
            "region",
        )
        with Catalogue.open(path) as opened:
            photos = opened.photos()
        rows = [tuple(_rounded(getattr(photo, fact)) for fact in wanted) for photo in photos]
        return sorted(rows, key=repr)

    return _knowledge


def _rounded(fact: object) -> object:
    return tuple(round(side, 6) for side in fact) if isinstance(fact, tuple) else fact
