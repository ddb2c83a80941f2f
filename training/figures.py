"""Pictures of an evaluation: DET and CMC curves, and contact sheets of hits and misses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedding.photo import read_photo, resize, to_array
from index.labels import LabelledPhoto
from index.metrics import cmc_curve, det_curve
from training.curves import figure
from training.evaluation import Answers

_TILE_PX = 160
_PAIRS = 12  # queries on one contact sheet


def draw_det(answers: Answers, path: Path, name: str) -> None:
    """Draw missed known animals against unknown animals let through, over all thresholds."""
    fpir, fnir = det_curve(answers.known_distances, answers.known_ranks, answers.unknown_distances)
    with figure(path, height_inches=5) as (axes,):
        axes.plot(np.maximum(fpir, 1e-3), fnir, color="#1f4e79")
        axes.set(
            title=f"{name}: DET curve",
            xlabel="FPIR: share of new whales taken for known",
            ylabel="FNIR: share of known whales missed",
            xscale="log",
            xlim=(1e-3, 1),
            ylim=(0, 1),
        )


def draw_cmc(answers: Answers, path: Path, name: str) -> None:
    """Draw the share of queries whose individual is among the first k."""
    with figure(path, height_inches=5) as (axes,):
        for label, ranks in (("known", answers.known_ranks), ("disjoint", answers.disjoint_ranks)):
            if len(ranks):
                curve = cmc_curve(ranks, 20)
                axes.plot(range(1, 21), curve, marker="o", markersize=4, label=f"{label} ({len(ranks)} queries)")
        axes.set(title=f"{name}: CMC curve", xlabel="k", ylabel="share found among the first k", ylim=(0, 1))
        axes.legend(loc="lower right")


def draw_sheets(answers: Answers, photos: Sequence[LabelledPhoto], folder: Path) -> None:
    """Draw hits.png and misses.png: each known query beside the individual that came first, and its own nearest.

    Spread evenly over the distances, so that a sheet shows easy and hard ones alike.
    """
    hits = np.flatnonzero(answers.known_ranks == 1)
    misses = np.flatnonzero(answers.known_ranks > 1)
    by_name = {photo.name: photo for photo in photos}
    for name, rows in (("hits", hits), ("misses", misses)):
        if len(rows):
            ordered = rows[np.argsort(answers.known_distances[rows], kind="stable")]
            picked = ordered[np.linspace(0, len(ordered) - 1, min(_PAIRS, len(ordered))).round().astype(int)]
            _draw_sheet(answers, picked.tolist(), by_name, folder / f"{name}.png", name)


def _draw_sheet(answers: Answers, rows: list[int], by_name: dict[str, LabelledPhoto], path: Path, title: str) -> None:
    per_line = 2  # queries side by side
    tiles = 2 if title == "hits" else 3
    lines = -(-len(rows) // per_line)
    with figure(path, columns=per_line * tiles, rows=lines, height_inches=1.6, width_inches=2.2) as axes:
        for panel in axes:
            panel.axis("off")
        for at, row in enumerate(rows):
            for tile, (name, caption) in enumerate(_tiles(answers, row, tiles)):
                panel = axes[at * tiles + tile]
                panel.imshow(_square(by_name[name]), aspect="equal")
                panel.set_title(caption, fontsize=8)


def _tiles(answers: Answers, row: int, tiles: int) -> list[tuple[str, str]]:
    """(photo, caption) of the query, the photo that came first and, for a miss, the nearest of the right one."""
    query = answers.known_photos[row]
    ranked = answers.gallery.rank(answers.known_vectors[row : row + 1], answers.gallery.individual_count)[0]
    first = ranked[0]
    shown = [
        (query.name, f"query {query.individual}"),
        (first.photo, f"first: {first.individual}, {first.distance:.2f}"),
    ]
    if tiles == 3:
        rank, own = next((at, each) for at, each in enumerate(ranked, 1) if each.individual == query.individual)
        shown.append((own.photo, f"right one: rank {rank}, {own.distance:.2f}"))
    return shown


def _square(photo: LabelledPhoto) -> NDArray[np.uint8]:
    image = read_photo(photo.path, name=photo.name, at_least_px=_TILE_PX)
    return to_array(resize(image, _TILE_PX, _TILE_PX // 2))
