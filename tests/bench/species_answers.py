"""Ask a catalogue of several species for the species of photos that it doesn't hold: share right,
calibration error.

    flukeprint evaluate --csv HUMPBACK.csv --photos DIR --out ev/humpback (and right_whale, nyala)
    python tests/bench/species_answers.py ev/humpback ev/right_whale ev/nyala

Each folder is what `flukeprint evaluate` left; its name is the species. The catalogue is all
galleries together. Asked are the known queries (another photo of an animal that is there) and the
unknown ones (an animal that isn't).
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

from index.search.gallery import Gallery
from index.search.species import SpeciesPredictor
from training.evaluation.metrics import expected_calibration_error


def main() -> None:
    """Print a row for each kind of query."""
    names: list[str] = []
    individuals: list[str] = []
    vectors: list[np.ndarray] = []
    species: dict[str, str] = {}
    queries: dict[str, list[tuple[np.ndarray, str]]] = {"known": [], "unknown": []}
    for folder in map(Path, sys.argv[1:]):
        with np.load(folder / "vectors.npz", allow_pickle=False) as file:
            of_photo = dict(zip(file["photo"].tolist(), file["embedding"], strict=True))
        held = _rows(folder / "gallery.csv")
        for photo, individual in held:
            names.append(f"{folder.name}/{photo}")
            individuals.append(f"{folder.name}/{individual}")
            vectors.append(of_photo[photo])
            species[individuals[-1]] = folder.name
        there = {individual for _, individual in held}
        for photo, individual in _rows(folder / "queries.csv"):
            queries["known" if individual in there else "unknown"].append(
                (of_photo[photo], folder.name)
            )
    gallery = Gallery.build(names, individuals, np.stack(vectors), fingerprint="", revision=0)
    teller = SpeciesPredictor(gallery, species)
    print(
        f"catalogue: {gallery.size} photos, {gallery.individual_count} individuals, "
        f"{len(teller.names)} species"
    )
    print("| queries | photos | species right | calibration error | mean probability |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for kind, asked in queries.items():
        ranked = gallery.rank(np.stack([vector for vector, _ in asked]), teller.neighbours(1))
        told = [teller.predict(candidates) for candidates in ranked]
        is_right = np.array(
            [one.name == truth for one, (_, truth) in zip(told, asked, strict=True)]
        )
        stated = np.array([one.probability or 0.0 for one in told])
        error = expected_calibration_error(stated, is_right)
        print(
            f"| {kind} | {len(asked)} | {is_right.mean():.4f} | {error:.4f} | {stated.mean():.4f} |"
        )


def _rows(path: Path) -> list[tuple[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [(row["Image"], row["Id"]) for row in csv.DictReader(file)]


if __name__ == "__main__":
    main()
