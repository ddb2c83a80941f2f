"""All comparisons of what is promised with what came, on one labelled set's vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from embedding.checkpoint import write_atomically
from training.evaluation.promises.draws import PhotoSet
from training.evaluation.promises.encounters import compare_bursts, compare_encounters
from training.evaluation.promises.page import markdown_of
from training.evaluation.promises.picture import draw_reliability
from training.evaluation.promises.rates import compare_rates, compare_small
from training.evaluation.promises.reliability import compare_shares
from training.evaluation.promises.species import compare_species

Figures = dict[str, Any]

DRAWS = 50
"""Small catalogues of each size."""


def compare_all(photos: PhotoSet, seed: int = 0, *, draws: int = DRAWS) -> Figures:
    """Measure rates, small catalogues, shares of new animals, bursts, encounters and species.

    Every catalogue is drawn from the set and asked about photos that it lacks (`draws.PhotoSet`
    says which). A section that the labels can't measure is empty. Raises BadVectors.
    """
    return {
        "seed": seed,
        "rates": compare_rates(photos, seed),
        "small": compare_small(photos, draws),
        "shares": compare_shares(photos, seed),
        "bursts": compare_bursts(photos, seed),
        "encounters": compare_encounters(photos, seed),
        "species": compare_species(photos, seed),
    }


def write_page_and_picture(figures: Figures, folder: Path, name: str) -> None:
    """Write promises.md and, where anything was measured, promises.png."""
    write_atomically(folder / "promises.md", markdown_of(figures, name).encode())
    if any(figures[section] for section in ("rates", "small", "shares", "bursts")):
        draw_reliability(figures, folder / "promises.png", name)
