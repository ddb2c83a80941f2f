"""Whether bf16 is as good as float32: top-1, AUROC and FNIR on the protocol's queries.

    python tests/bench/precision_gate.py --data FOLDER [--most 2000] SPECIES...

FOLDER holds a folder for each species, with train.csv and photos/. Every individual's photos stay
together; `--most` photos at most are embedded. Each figure may move by .003. What one photo more or
less would move it by is printed too. The exit code is 1 where one moves by more.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from embedding.embedder import Embedder
from embedding.runtime import Precision
from index.labels.labelled_photo import LabelledPhoto
from training.evaluation.measure import embed_all
from training.evaluation.metrics import auroc, closed_set, fnir_at_fpir
from training.evaluation.protocol import Answers, answers_of
from training.sets.labelled import read_labelled
from training.splits.protocol import make_split

ALLOWED = 0.003
_FPIR = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("species", nargs="+")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--most", type=int, default=2000)
    options = parser.parse_args()
    is_good = True
    for species in options.species:
        folder = options.data / species
        photos = chosen(
            list(read_labelled(folder / "train.csv", folder / "photos").photos), options.most
        )
        split = make_split(photos, 0)
        found: dict[Precision, dict[str, float]] = {}
        vectors: dict[Precision, np.ndarray] = {}
        for precision in ("float32", "bf16"):
            started = time.process_time()
            embedder = Embedder.load(device="cpu", precision=precision)
            vectors[precision] = embed_all(photos, embedder)
            answers = answers_of(vectors[precision], photos, split)
            found[precision] = figures(answers)
            spent = 1000 * (time.process_time() - started) / len(photos)
            print(f"{species} {precision}: {spent:.1f} CPU ms a photo", file=sys.stderr)
        cosines = (vectors["float32"].astype(float) * vectors["bf16"]).sum(1)
        print(
            f"{species}: {len(photos)} photos, {len(answers.known_ranks)} known and "
            f"{len(answers.unknown_distances)} unknown queries; cosine of the precisions at least "
            f"{cosines.min():.4f}, mean {cosines.mean():.5f}"
        )
        for name, before in found["float32"].items():
            after = found["bf16"][name]
            is_in = abs(after - before) <= ALLOWED
            is_good &= is_in
            print(
                f"  {name}: {before:.4f} -> {after:.4f} ({after - before:+.4f})"
                f"{'' if is_in else ' MORE THAN ALLOWED'}",
                flush=True,
            )
    sys.exit(0 if is_good else 1)


def chosen(photos: list[LabelledPhoto], most: int) -> list[LabelledPhoto]:
    """Whole individuals, drawn by a seed, up to so many photos."""
    individuals = sorted({photo.individual or "" for photo in photos})
    order = np.random.default_rng(0).permutation(len(individuals))
    of: dict[str, list[LabelledPhoto]] = {}
    for photo in photos:
        of.setdefault(photo.individual or "", []).append(photo)
    kept: list[LabelledPhoto] = []
    for at in order.tolist():
        own = of[individuals[at]]
        if len(kept) + len(own) <= most:
            kept += own
    return kept


def figures(answers: Answers) -> dict[str, float]:
    """The figures that the gate looks at."""
    return {
        "top-1": float(closed_set(answers.known_ranks)["top1"]),
        "top-1 disjoint": float(closed_set(answers.disjoint_ranks)["top1"]),
        "AUROC": auroc(answers.known_distances, answers.unknown_distances),
        f"FNIR at FPIR {_FPIR}": fnir_at_fpir(
            answers.known_distances, answers.known_ranks, answers.unknown_distances, _FPIR
        ),
    }


if __name__ == "__main__":
    main()
