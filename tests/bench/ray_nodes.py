"""Photos a second by one process and by a Ray cluster of two nodes on the same cores.

    python -m tests.bench.ray_nodes FOLDER [--photos 600] [--rounds 3]

FOLDER is searched for photos. Each round embeds them by one process and then by the cluster, whose
two nodes have one core each, so that other work of the machine slows both alike; the fastest round
counts. `first` is the time to the first answer: connecting, and loading the checkpoint on the
nodes. The vectors of both are compared.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from embedding.embedder import Embedder
from embedding.photos.photo import photo_names
from index.labels.labelled_photo import LabelledPhoto
from index.nodes.embedder import RayCluster, RayEmbedder
from index.nodes.places import PhotoPlaces
from index.photos.embed import EmbeddedPhoto, FileEmbedder, embed_photos
from tests.index.nodes.two_nodes import running_cluster


def timed(
    photos: Sequence[LabelledPhoto], embedder: FileEmbedder
) -> tuple[float, float, dict[str, bytes]]:
    """Seconds to the first answer and to the last, and the vectors by name."""
    start = time.perf_counter()
    first, vectors = 0.0, {}
    for batch in embed_photos(photos, embedder):
        first = first or time.perf_counter() - start
        vectors |= {
            each.photo.name: each.vector.tobytes()
            for each in batch
            if isinstance(each, EmbeddedPhoto)
        }
    return first, time.perf_counter() - start, vectors


def largest_difference(one: dict[str, bytes], other: dict[str, bytes]) -> float:
    """The largest difference of a number of two photos' vectors."""
    assert one.keys() == other.keys()
    return max(
        float(np.abs(np.frombuffer(own, "<f4") - np.frombuffer(other[name], "<f4")).max())
        for name, own in one.items()
    )


def main(argv: Sequence[str]) -> None:
    """Measure both in turn and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args(argv)
    folder = arguments.folder.resolve()
    names = sorted(photo_names(folder))[: arguments.photos]
    photos = [LabelledPhoto(name, folder / name, None) for name in names]
    local = Embedder.load()
    runs: dict[str, list[tuple[float, float]]] = {"one process": [], "two nodes": []}
    vectors: dict[str, dict[str, bytes]] = {}
    with running_cluster() as cluster:
        distant = RayEmbedder(RayCluster(cluster.address, PhotoPlaces()), None)
        for _ in range(arguments.rounds):
            for name, embedder in (("one process", local), ("two nodes", distant)):
                first, whole, vectors[name] = timed(photos, embedder)
                runs[name].append((whole, first))
                print(f"{name}: {whole:.2f} s, first after {first:.2f} s", flush=True)
    print(f"{len(photos):,} photos; largest difference of a number: ", end="")
    print(f"{largest_difference(*vectors.values()):.1e}")
    for name, taken in runs.items():
        whole, first = min(taken)
        rate = len(photos) / whole
        print(f"| {name} | {rate:.1f} photos/s | {whole:.1f} s | first after {first:.1f} s |")


if __name__ == "__main__":
    main(sys.argv[1:])
