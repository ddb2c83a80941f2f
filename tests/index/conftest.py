"""Pictures of made-up animals, label files for them, and an embedder that needs no network."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from embedding.photos.photo import crop, to_array
from index.catalogue.catalogue import Catalogue
from index.curation.curator import Curator
from index.labels.reader import Labels, read_labels
from index.reindex.build import build_catalogue
from index.storage.address import CatalogueAddress


class ColourEmbedder:
    """Mean colours of 4 x 2 cells as a unit vector; counts what it has embedded."""

    def __init__(self, fingerprint: str = "f" * 64, shift: int = 128) -> None:
        self.fingerprint = fingerprint
        self.dimension = 24
        self.input_px = 8
        self.shift = shift
        self.embedded = 0

    def embed(self, images: Sequence, boxes: Sequence | None = None) -> np.ndarray:
        self.embedded += len(images)
        rows = np.zeros((len(images), self.dimension), np.float32)
        for row, (image, box) in enumerate(zip(images, boxes or [None] * len(images), strict=True)):
            part = image if box is None else crop(image, box)
            cells = to_array(part.resize((4, 2), Image.Resampling.BOX)).astype(np.float32)
            flat = (cells - self.shift).ravel() + 0.5
            rows[row] = flat / np.linalg.norm(flat)
        return rows


class Season:
    """A folder of pictures and the label file that names them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.csv = folder / "labels.csv"
        self.rows: dict[str, dict[str, str]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def draw(self, name: str, individual: str | None, *, take: int = 0, **details: str) -> Path:
        """Draw the `take`-th picture of an animal and name it in the label file."""
        self.paint(name, individual or name, take)
        self.rows[name] = {"label": individual or "new_whale", **details}
        return self.folder / name

    def paint(self, name: str, animal: str, take: int) -> None:
        """Draw 4 x 2 coloured cells: the animal's own colours, a little different in each take."""
        own = np.random.default_rng(list(animal.encode())).integers(40, 216, (2, 4, 3))
        light = np.random.default_rng([take, *animal.encode()]).integers(-30, 31, (2, 4, 3))
        cells = Image.fromarray((own + light).astype(np.uint8))
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cells.resize((32, 16), Image.Resampling.NEAREST).save(path)

    def labels(self, **options: str) -> Labels:
        """Write the label file and read it."""
        columns = ["image", "label", "species", "encounter", "taken_at", "box", "region"]
        with self.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows({"image": name, **row} for name, row in self.rows.items())
        return read_labels(self.csv, self.folder, **options)


def catalogue_of_twelve(season: Season) -> Season:
    """Twelve animals with three photos each, and two unknown ones."""
    for animal in range(12):
        for take in range(3):
            season.draw(f"a{animal:02}_{take}.png", f"w_{animal:02}", take=take)
    season.draw("stranger_1.png", None)
    season.draw("stranger_2.png", None)
    return season


@pytest.fixture
def embedder() -> ColourEmbedder:
    return ColourEmbedder()


@pytest.fixture
def make_embedder() -> Callable[..., ColourEmbedder]:
    return ColourEmbedder


@pytest.fixture
def make_season() -> Callable[[Path], Season]:
    return Season


@pytest.fixture
def season(tmp_path: Path) -> Season:
    return catalogue_of_twelve(Season(tmp_path / "photos"))


@pytest.fixture
def catalogue(
    tmp_path: Path,
    season: Season,
    embedder: ColourEmbedder,
    place: Callable[[Path], CatalogueAddress],
) -> Generator[Catalogue]:
    """The season's catalogue, open; a test that asks for it runs on both databases."""
    address = place(tmp_path / "catalogue.db")
    build_catalogue(address, season.labels(), embedder)
    with Catalogue.open(address) as opened:
        yield opened


@pytest.fixture
def curator(catalogue: Catalogue) -> Curator:
    return Curator(catalogue, made_by="ada")


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
def field_catalogue(tmp_path, field_season, embedder) -> Path:
    """A catalogue file of the field season; nothing of it counts as embedded."""
    path = tmp_path / "home" / "catalogue.db"
    path.parent.mkdir()
    build_catalogue(path, field_season.labels(), embedder)
    embedder.embedded = 0
    return path
