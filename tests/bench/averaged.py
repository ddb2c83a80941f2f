"""One network of the mean weights of several, which went on from the same one by different seeds.

    python tests/bench/averaged.py runs/averaged.safetensors --csv A.csv --photos A RUN RUN RUN

A RUN is a folder that `flukeprint train` wrote. Backbone and pooling become their means; the linear
layers, which each began anew, stand side by side, and `flukeprint combine --dimensions` brings them
down. The batch normalisations are counted anew, over the photos that were learned from and their
mirror images.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from embedding.checkpoint import LOCATOR_PREFIX, load_weights, read_header, save_checkpoint
from embedding.eager.stored_networks import load_locator
from embedding.embedder import Embedder
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.photo import read_photo
from index.labels.reader import LabelledPhoto
from training.sets.sets import read_sets
from training.splits.protocol import read_split

_BATCH = 32


def main() -> None:
    """Write the checkpoint."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    given = parser.parse_args()
    checkpoints = [run / "best.safetensors" for run in given.runs]
    header, weights = read_header(checkpoints[0]), [load_weights(each) for each in checkpoints]
    mean = _averaged(
        [{n: v for n, v in each.items() if not n.startswith(LOCATOR_PREFIX)} for each in weights]
    )
    described = {**header.network, "embedding_dim": len(mean["project.weight"])}
    network = Network(NetworkConfig.from_dict(described))
    network.load_state_dict(mean)
    labelled, _ = read_sets([given.csv], [given.photos])
    roles = read_split(given.runs[0] / "split.csv", labelled).roles
    embedder = Embedder(network, header.preprocessing, "", locator=load_locator(checkpoints[0]))
    _count_anew(embedder, [photo for photo in labelled if roles[photo.name] == "fit"])
    located = {name: value for name, value in weights[0].items() if name.startswith(LOCATOR_PREFIX)}
    print(
        save_checkpoint(
            given.out, network.state_dict() | located, replace(header, network=described)
        )
    )


def _averaged(weights: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for name, first in weights[0].items():
        each = [one[name] for one in weights]
        if name.startswith(("project.", "neck.")) and first.ndim:
            found[name] = torch.cat(each)
        else:
            found[name] = torch.stack(each).mean(0) if first.is_floating_point() else first
    return found


def _count_anew(embedder: Embedder, photos: Sequence[LabelledPhoto]) -> None:
    for layer in embedder.network.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.reset_running_stats()
            layer.momentum = None  # every batch counts alike
            layer.train()
    embedder.batch_size = _BATCH
    shuffled = [photos[at] for at in np.random.default_rng(0).permutation(len(photos)).tolist()]
    for start in range(0, len(shuffled) - _BATCH + 1, _BATCH):
        embedder.embed([read_photo(photo.path) for photo in shuffled[start : start + _BATCH]])


if __name__ == "__main__":
    main()
