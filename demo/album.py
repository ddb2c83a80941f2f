"""Draw a season: a catalogue's photos with their labels, and the photos that questions are asked
with.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from demo.anatomy import Individual
from demo.photograph import photograph
from embedding.errors import FlukeprintError
from embedding.photos.photo import save_jpeg
from index.progress import Advance

MARK = "drawn-by-flukeprint.txt"
_MARK_TEXT = (
    "`flukeprint demo` drew this folder and replaces it when it is run again with the same --out.\n"
)
# Query photos are numbered from here, so that none is ever a photo of the catalogue again.
_FIRST_QUERY = 1000


class DemoError(FlukeprintError):
    """A step of the demo that could not be done."""


@dataclass(frozen=True, slots=True)
class Query:
    """A photo to ask with, and the truth; None is a whale that the catalogue doesn't hold."""

    photo: Path
    individual: str | None


@dataclass(frozen=True, slots=True)
class Album:
    """Where the drawn season lies."""

    folder: Path
    queries: tuple[Query, ...]

    @property
    def photos(self) -> Path:
        return self.folder / "photos"

    @property
    def labels(self) -> Path:
        return self.folder / "labels.csv"

    @property
    def catalogue(self) -> Path:
        return self.folder / "catalogue.db"


def name_of(seed: int) -> str:
    """Name the individual of a seed."""
    return f"w_drawn_{seed:02d}"


def prepare_folder(folder: Path) -> None:
    """Make `folder` ready to be drawn into: what an earlier demo left goes, anything else is
    refused.
    """
    if folder.exists() and not folder.is_dir():
        raise DemoError(
            f"--out {folder} is a file; name a folder that is new or that an earlier demo made"
        )
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MARK).is_file():
        raise DemoError(
            f"--out {folder} holds files that no earlier demo made, and the demo deletes none "
            "of those; "
            "name another folder or empty this one"
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).write_text(_MARK_TEXT, encoding="utf-8")
    drawn = [folder / name for name in ("photos", "queries", "labels.csv", "answers.png")]
    for old in [
        *drawn,
        *folder.glob("catalogue.db*"),
    ]:  # a catalogue that was served has folders beside it
        if old.is_dir() and not old.is_symlink():
            shutil.rmtree(old)
        else:
            old.unlink(missing_ok=True)


def draw_album(
    folder: Path, *, individuals: int, photos: int, queries: int, unknown: int, advance: Advance
) -> Album:
    """Draw `photos` of each individual, and questions about `queries` known and `unknown` new
    whales.
    """
    prepare_folder(folder)
    (folder / "photos").mkdir()
    (folder / "queries").mkdir()
    # Questions are spread over the catalogue, and go round again when there are more than whales.
    query_seeds = [
        number * individuals // max(queries, 1) % individuals for number in range(queries)
    ]
    if queries > individuals:
        query_seeds = [number % individuals for number in range(queries)]
    rows: list[tuple[str, ...]] = []
    drawn: list[Query] = []
    for seed in range(individuals + unknown):
        is_known, whale = seed < individuals, Individual.from_seed(seed)
        for row, name in _catalogue_rows(seed, photos if is_known else 0):
            _photo(whale, row, folder / "photos" / name, advance)
            rows.append(
                (
                    name,
                    name_of(seed),
                    "humpback",
                    f"{name_of(seed)}_{row + 1}",
                    f"2025-{6 + row % 4:02d}-01",
                )
            )
        times = query_seeds.count(seed) if is_known else 1
        for time in range(times):
            path = folder / "queries" / f"question_{len(drawn) + 1:02d}.jpg"
            _photo(whale, _FIRST_QUERY + time, path, advance)
            drawn.append(Query(path, name_of(seed) if is_known else None))
    _write_labels(folder / "labels.csv", rows)
    return Album(folder, tuple(drawn))


def _catalogue_rows(seed: int, photos: int) -> Iterator[tuple[int, str]]:
    for number in range(photos):
        yield number, f"{name_of(seed)}_{number + 1}.jpg"


def _photo(whale: Individual, number: int, path: Path, advance: Advance) -> None:
    """Take the whale's photo of this number: always the same one, whatever else is drawn."""
    save_jpeg(photograph(whale, np.random.default_rng([whale.seed, number])), path)
    advance(1)


def _write_labels(path: Path, rows: list[tuple[str, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("image", "label", "species", "encounter", "taken_at"))
        writer.writerows(rows)
