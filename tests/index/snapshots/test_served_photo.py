"""What is kept of a catalogue photo."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedding.photos.photo import Box
from index.catalogue.catalogue import CataloguePhoto
from index.snapshots.served_photo import ServedPhoto


def test_the_facts_of_a_catalogue_photo_are_kept() -> None:
    box = Box(0.1, 0.2, 0.9, 0.8)
    photo = CataloguePhoto(
        id=1,
        name="a.jpg",
        path=Path("a.jpg"),
        content_hash="0" * 64,
        size_bytes=1,
        mtime_ns=None,
        individual="w_1",
        species="humpback_whale",
        encounter="e_1",
        taken_at="2018-06-01T12:30:00",
        box=box,
        fingerprint=None,
        state="waiting",
        region="Vava'u",
    )
    kept = ServedPhoto.of(photo)
    told = (
        Path("a.jpg"),
        "0" * 64,
        "w_1",
        "humpback_whale",
        "e_1",
        "2018-06-01T12:30:00",
        box,
        "waiting",
        "Vava'u",
    )
    assert kept == told


@pytest.mark.parametrize(
    ("taken_at", "year"), [("2018-06-01", 2018), ("1998-01-01T00:00:00Z", 1998), (None, None)]
)
def test_the_year_is_that_of_the_date(taken_at: str | None, year: int | None) -> None:
    assert ServedPhoto(Path("a.jpg"), "0" * 64, taken_at=taken_at).year == year
