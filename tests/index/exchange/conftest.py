"""A season of pictures that are told apart, a catalogue of it, and what a catalogue knows, to be
compared.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from index.catalogue.catalogue import Catalogue
from index.reindex.build import build_catalogue


@pytest.fixture
def draw_pattern() -> Callable[..., bytes]:
    """Paint a picture that no other seed's is near; the same seed in other sizes is the same
    picture.
    """

    def _draw(path: Path, seed: int, *, width: int = 120, quality: int = 90) -> bytes:
        cells = np.random.default_rng(seed).integers(0, 256, (16, 24, 3), np.uint8)
        picture = (
            Image.fromarray(cells)
            .resize((240, 120), Image.Resampling.BICUBIC)
            .resize((width, width // 2))
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path, quality=quality)
        return path.read_bytes()

    return _draw


@pytest.fixture
def field_season(tmp_path, make_season, draw_pattern):
    """Four animals with two photos each and a stranger, with all that labels can say of them."""
    season = make_season(tmp_path / "photos")
    for animal in range(4):
        for take in range(2):
            name = f"trip/a{animal}_{take}.jpg" if take else f"a{animal}_{take}.jpg"
            draw_pattern(season.folder / name, 10 * animal + take)
            season.rows[name] = {
                "label": f"w_{animal}",
                "species": "Megaptera novaeangliae" if animal < 3 else "",
                "encounter": f"e{animal}",
                "taken_at": ["2018", "2018-06", "2018-06-01T12:30:00", ""][animal],
                "box": "0.125 0.1 0.9 0.8" if animal == 1 else "",
                "region": ["Gulf of Maine", "", 'Golfe | 100 % "du" Saint-Laurent, été', ""][
                    animal
                ],
            }
    draw_pattern(season.folder / "stranger.png", 99)
    season.rows["stranger.png"] = {
        "label": "new_whale",
        "encounter": "e9",
        "region": "Gulf of Maine",
    }
    for path in season.folder.rglob("*.*"):
        os.utime(path, (10**9, 10**9))
    return season


@pytest.fixture
def catalogue(tmp_path, field_season, embedder) -> Path:
    path = tmp_path / "home" / "catalogue.db"
    path.parent.mkdir()
    build_catalogue(path, field_season.labels(), embedder)
    embedder.embedded = 0
    return path


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
