"""How strongly a gate's weights should be held back: gates fitted to half of the photos, asked
about the other half.

    python tests/bench/gate.py CHECKPOINT --csv A.csv --photos A --csv B.csv --photos B ...
    [--others FOLDER]

By the fit part of split seed 0 of each species, as `flukeprint combine` fits it; no test photo is
used. `--others`: a folder of pictures of no species, which are to be divided among members: how
much of each goes to one species.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from embedding.embedder import Embedder
from embedding.networks.ensemble import Ensemble
from index.labels.reader import LabelledPhoto
from training.ensembles import fit_gate
from training.sets.sets import read_sets

DECAYS = (1e-4, 1e-5, 3e-6, 1e-6, 3e-7, 1e-7, 1e-8)
OTHERS = 150


def main() -> None:
    """Print a row for each decay: per species found, mean own share and log loss; of others the
    largest share.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--csv", type=Path, action="append", required=True)
    parser.add_argument("--photos", type=Path, action="append", required=True)
    parser.add_argument("--others", type=Path, action="append", default=[])
    given = parser.parse_args()
    labelled, _ = read_sets(given.csv, given.photos)
    embedder = Embedder.load(given.checkpoint)
    species = {
        name: _looked(embedder, photos)
        for name, photos in fit_gate.sample_by_species(labelled).items()
    }
    others = {folder.name: _looked(embedder, _pictures(folder)) for folder in given.others}
    for fit_gate._DECAY in DECAYS:
        weight, bias = fit_gate._softmax_regression([rows[::2] for rows in species.values()])
        told: list[str] = []
        losses: list[float] = []
        for at, (name, rows) in enumerate(species.items()):
            shares = (rows[1::2] @ weight.T + bias).softmax(1)
            own = shares[:, at]
            losses.append(float(-own.clamp(min=1e-9).log().mean()))
            found = float((shares.argmax(1) == at).float().mean())
            told.append(
                f"{name} {found:.4f} found, share {float(own.mean()):.4f}, loss {losses[-1]:.4f}"
            )
        for name, rows in others.items():
            told.append(
                f"{name} largest share "
                f"{float((rows @ weight.T + bias).softmax(1).amax(1).mean()):.3f}"
            )
        print(
            f"{fit_gate._DECAY:.0e}: mean loss {sum(losses) / len(losses):.4f} | "
            f"{' | '.join(told)}",
            flush=True,
        )


def _looked(embedder: Embedder, photos: list[LabelledPhoto]) -> Tensor:
    assert isinstance(embedder.network, Ensemble)
    looks = range(embedder.network.gate_view_count)
    return torch.cat([fit_gate.unit_vectors(embedder, photos, at)[0] for at in looks], dim=1)


def _pictures(folder: Path) -> list[LabelledPhoto]:
    paths = sorted(
        path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png")
    )
    return [
        LabelledPhoto(path.name, path, "other")
        for path in paths[:: max(1, len(paths) // OTHERS)][:OTHERS]
    ]


if __name__ == "__main__":
    main()
