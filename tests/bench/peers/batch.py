"""Embedding a folder and searching a gallery, beside wildlife-tools, torchvision and flat FAISS.

    python -m tests.bench.peers.batch --catalogue catalogue.db --photos FOLDER [--rounds 3]

Embedding: every peer reads the photos by a DataLoader of two workers, cuts them out by the same
locator's boxes and computes the same networks with PyTorch; wildlife-tools by its `DeepFeatures`,
`torchvision` by a plain loop. flukeprint's own way also hashes, checks and measures each photo.
Search: five nearest individuals among the catalogue's vectors, and among copies with jitter. A peer
whose package isn't installed is left out. All take turns, and the least of the rounds counts.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from embedding.embedder import Embedder
from index.labels.reader import LabelledPhoto
from index.photos.embed import EmbeddedPhoto, embed_photos
from index.search.gallery import Gallery
from tests.bench.peers.vectors import catalogue_vectors

_BATCH = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--catalogue", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--repeat", type=int, default=3, help="each photo so many times")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jittered", type=int, default=100_000)
    options = parser.parse_args()
    photos = sorted(options.photos.iterdir())
    embedding(photos * options.repeat, options.rounds)
    vectors, individuals = catalogue_vectors(options.catalogue)
    searching(vectors, individuals, options.rounds)
    rng = np.random.default_rng(0)
    rows = rng.integers(0, len(vectors), options.jittered)
    more = vectors[rows] + (vectors[rows] != 0) * rng.normal(0, 0.02, (len(rows), 1))
    more = (more / np.linalg.norm(more, axis=1, keepdims=True)).astype(np.float32)
    searching(more, [individuals[row] for row in rows.tolist()], options.rounds)


def embedding(paths: list[Path], rounds: int) -> None:
    """Print each one's milliseconds a photo, and how near its vectors are to flukeprint's."""
    import torch
    from torch.utils.data import DataLoader, Dataset

    own, eager = Embedder.load(), Embedder.load(runtime="torch", device="cpu")

    class Photos(Dataset):
        def __len__(self) -> int:
            return len(paths)

        def __getitem__(self, at: int) -> Any:
            import PIL.Image

            image = PIL.Image.open(paths[at]).convert("RGB")
            pixels = eager.preprocessing.pixels(image, eager.find_boxes([image])[0])
            mean, std = eager.preprocessing.mean, eager.preprocessing.std
            scaled = (pixels / np.float32(255) - np.float32(mean)) / np.float32(std)
            return torch.from_numpy(scaled.transpose(2, 0, 1).copy()), 0

    class Both(torch.nn.Module):
        def forward(self, images: Any) -> Any:
            made = eager.network.both_views(images.contiguous(memory_format=torch.channels_last))
            return torch.nn.functional.normalize(made.float())

    def flukeprint() -> Any:
        labelled = [LabelledPhoto(f"{at}", path, "w") for at, path in enumerate(paths)]
        read = [one for batch in embed_photos(labelled, own) for one in batch]
        return np.stack([one.vector for one in read if isinstance(one, EmbeddedPhoto)])

    def torchvision() -> Any:
        loader = DataLoader(Photos(), _BATCH, num_workers=2)
        with torch.inference_mode():
            return np.concatenate([Both()(images).numpy() for images, _ in loader])

    def wildlife_tools() -> Any:
        from wildlife_tools.features import DeepFeatures

        found = DeepFeatures(Both(), batch_size=_BATCH, num_workers=2, device="cpu")(Photos())
        return np.asarray(getattr(found, "features", found))

    ways = _there({"flukeprint": flukeprint, "torchvision": torchvision}, wildlife_tools)
    least, made = _in_turn(ways, rounds)
    for name, seconds in least.items():
        cosine = float((made["flukeprint"] * made[name]).sum(1).min())
        print(
            f"embed {len(paths)} photos, {name}: {1000 * seconds / len(paths):.1f} ms a photo; "
            f"flukeprint has {seconds / least['flukeprint']:.2f} x; least cosine {cosine:.5f}",
            flush=True,
        )


def searching(vectors: Any, individuals: list[str], rounds: int) -> None:
    """Print each one's milliseconds for one query, and for 64 at once."""
    import faiss

    order = np.argsort(individuals, kind="stable")
    vectors, individuals = vectors[order], [individuals[at] for at in order.tolist()]
    names = [f"{at:07d}" for at in range(len(vectors))]
    gallery = Gallery.build(names, individuals, vectors, fingerprint="f", revision=1)
    flat = faiss.IndexFlatIP(vectors.shape[1])
    flat.add(vectors)
    rng = np.random.default_rng(1)
    queries = vectors[rng.integers(0, len(vectors), 64)]
    queries = queries + (queries != 0) * rng.normal(0, 0.03, queries.shape)
    queries = (queries / np.linalg.norm(queries, axis=1, keepdims=True)).astype(np.float32)

    for count in (1, 64):
        asked = queries[:count]

        def flukeprint(asked: Any = asked) -> Any:
            return [ranked[0].individual for ranked in gallery.rank(asked, 5, "nearest")]

        def faiss_flat(asked: Any = asked) -> Any:
            return [individuals[rows[0]] for rows in flat.search(asked, 100)[1].tolist()]

        def wildlife_tools(asked: Any = asked) -> Any:
            from wildlife_tools.similarity import CosineSimilarity

            cosines = CosineSimilarity()(asked, vectors)["cosine"]
            rows = np.argpartition(-cosines, 100, axis=1)[:, :100]
            best = np.take_along_axis(cosines, rows, 1).argmax(1)
            return [individuals[row] for row in rows[np.arange(len(rows)), best].tolist()]

        ways = _there({"flukeprint": flukeprint, "flat FAISS": faiss_flat}, wildlife_tools)
        least, found = _in_turn(ways, 3 * rounds)
        for name, seconds in least.items():
            same = sum(
                one == other for one, other in zip(found[name], found["flukeprint"], strict=True)
            )
            print(
                f"search {len(vectors):,}, {count} queries, {name}: {1000 * seconds:.2f} ms; "
                f"flukeprint has {seconds / least['flukeprint']:.2f} x; same {same} of {count}",
                flush=True,
            )


def _there(
    ways: dict[str, Callable[[], Any]], wildlife_tools: Callable[[], Any]
) -> dict[str, Callable[[], Any]]:
    absent = [
        name
        for name in ("wildlife_tools", "transformers", "cv2")
        if importlib.util.find_spec(name) is None
    ]
    if absent:
        print(f"wildlife-tools: left out, {', '.join(absent)} isn't installed")
        return ways
    return {**ways, "wildlife-tools": wildlife_tools}


def _in_turn(
    ways: dict[str, Callable[[], Any]], rounds: int
) -> tuple[dict[str, float], dict[str, Any]]:
    least: dict[str, float] = {}
    found: dict[str, Any] = {}
    for _ in range(rounds):
        for name, way in ways.items():
            started = time.perf_counter()
            found[name] = way()
            least[name] = min(least.get(name, 9e9), time.perf_counter() - started)
    return least, found


if __name__ == "__main__":
    main()
