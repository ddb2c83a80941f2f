"""What it changes to keep the views of a photo and of its mirror image separate, on the validation
part of runs.

    python tests/bench/sides.py --csv train.csv --photos photos runs/one [runs/other ...]

The runs are of one recipe's data (set, split and validation share); several are an ensemble, the
mean of their cosines. Prints the validation figures of one look alone, of both added up, and of
both kept apart, and each brought down to `--dimensions` numbers by the axes of the part that was
learned from, as `flukeprint combine` does it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from embedding.eager.eager_runtime import normalised
from embedding.embedder import Embedder
from embedding.networks.config import MirrorFusion
from embedding.networks.mirror import fuse_views
from embedding.photos.photo import Box, read_photo
from index.labels.reader import LabelledPhoto
from training.ensembles.reduce_dimensions import reduce_dimensions
from training.evaluation.protocol import validation_metrics
from training.sets.sets import read_sets
from training.splits.protocol import Split, make_split

Views = tuple[Tensor, Tensor]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--dimensions", type=int, default=128)
    given = parser.parse_args()
    recipe: dict[str, Any] = json.loads((given.runs[0] / "recipe.json").read_text("utf-8"))
    photos, split = _validation(given.csv, given.photos, recipe["data"])
    views = [_views(run / "best.safetensors", photos) for run in given.runs]
    fit = torch.tensor([split.roles[photo.name] == "fit" for photo in photos])
    told: dict[str, list[Tensor]] = {"one view": [functional.normalize(seen) for seen, _ in views]}
    for name in ("sum", "separate"):
        fusion: MirrorFusion = name
        told[name] = [fuse_views(*pair, fusion, None) for pair in views]
        told[f"{name}, {given.dimensions}"] = [
            _thinned(pair, fit, given.dimensions, fusion) for pair in views
        ]
    for name, vectors in told.items():
        together = (
            torch.cat([functional.normalize(each) for each in vectors], dim=1) / len(vectors) ** 0.5
        )
        metrics = validation_metrics(together.numpy(), photos, split)
        print(f"{name:>12}  " + "  ".join(f"{key} {value:.3f}" for key, value in metrics.items()))


def _validation(csv: Path, folder: Path, data: dict[str, Any]) -> tuple[list[LabelledPhoto], Split]:
    """The photos that a run may learn from, and their roles on its validation part."""
    photos, _ = read_sets(
        [csv],
        [folder],
        species_boxes={name: Box(*box) for name, box in data["species_boxes"].items()},
    )
    outer = make_split(photos, data["split_seed"])
    kept = [photo for photo in photos if outer.roles[photo.name] == "fit"]
    return kept, make_split(kept, data["split_seed"] + 1, data["validation_share"])


@torch.inference_mode()
def _views(checkpoint: Path, photos: list[LabelledPhoto]) -> Views:
    """Unit vectors (n, d) of the photos and of their mirror images, in their given boxes."""
    embedder = Embedder.load(checkpoint)
    network: Any = embedder.network
    found: list[Views] = []
    for start in range(0, len(photos), embedder.batch_size):
        some = photos[start : start + embedder.batch_size]
        pixels = np.stack(
            [embedder.preprocessing.pixels(read_photo(one.path), one.box) for one in some]
        )
        images = normalised(torch.from_numpy(pixels), embedder.preprocessing)
        seen, mirrored = (
            functional.normalize(view.float())
            for view in (network(images), network.mirrored(images))
        )
        found.append((seen, mirrored))
    return torch.cat([seen for seen, _ in found]), torch.cat([mirrored for _, mirrored in found])


def _thinned(views: Views, fit: Tensor, dimensions: int, fusion: MirrorFusion) -> Tensor:
    """Reduce views as `combine --dimensions` does, with a last layer that changes nothing."""
    seen, mirrored = views
    width = seen.shape[1]
    layer = {
        "project.weight": torch.eye(width),
        "neck.weight": torch.ones(width),
        "neck.bias": torch.zeros(width),
    }
    layer |= {"neck.running_mean": torch.zeros(width), "neck.running_var": torch.ones(width) - 1e-5}
    odd_dims = reduce_dimensions(
        layer, "", seen[fit], dimensions, mirrored=mirrored[fit] if fusion == "separate" else None
    )
    axes = layer["project.weight"].T
    return fuse_views(
        functional.normalize(seen @ axes), functional.normalize(mirrored @ axes), fusion, odd_dims
    )


if __name__ == "__main__":
    main()
