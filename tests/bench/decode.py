"""How well batch indexing of camera files keeps the cores and the network busy.

    python tests/bench/decode.py make --out FOLDER --count 300 PHOTOS...
    python tests/bench/decode.py run FOLDER [--rounds 3] [--code ANOTHER_WORKING_COPY]
    python tests/bench/decode.py scaled FOLDER --catalogue catalogue.db

`make` enlarges photos (folders of them) to 24 megapixels, adds the grain of a sensor and saves them
as a camera does, 6 to 9 MB each. `run` measures in turn, and takes the least of the rounds:

- decode: the photos read, checked, hashed and decoded, with all threads, no network
- network: the decoded images located, embedded and measured, nothing decoded
- both: `embed_photos`, which `index build` and `embed` use
- elsewhere: the same with a network that takes the same time and no core, as a GPU does

On one processor the cores decode or embed, so both together can't take less than the sum of the
first two: the ratio to it is what waiting costs. `--code` measures another working copy's code.
`scaled` compares what is seen in photos decoded at a smaller scale with the same decoded whole.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

PIXELS = 24_000_000
GRAIN = 3.0  # grey levels, as of a camera at ISO 800


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make")
    making.add_argument("photos", type=Path, nargs="+")
    making.add_argument("--out", type=Path, required=True)
    making.add_argument("--count", type=int, default=300)
    running = commands.add_parser("run")
    running.add_argument("folder", type=Path)
    running.add_argument("--rounds", type=int, default=3)
    running.add_argument("--most", type=int, default=300)
    running.add_argument("--repeat", type=int, default=1, help="each photo so many times")
    running.add_argument("--code", type=Path, default=Path(__file__).parents[2])
    scaling = commands.add_parser("scaled")
    scaling.add_argument("folder", type=Path)
    scaling.add_argument("--most", type=int, default=35)
    scaling.add_argument("--catalogue", type=Path, required=True)
    options = parser.parse_args()
    if options.command == "scaled":
        scaled(options.folder, options.most, options.catalogue)
    elif options.command == "make":
        make(options.photos, options.out, options.count)
    else:
        sys.path.insert(0, str(options.code.resolve()))
        run(options.folder, options.rounds, options.most, options.repeat)


def make(sources: Sequence[Path], out: Path, count: int) -> None:
    """Write `count` files of 24 megapixels, of the sources in turn."""
    import numpy as np

    out.mkdir(parents=True, exist_ok=True)
    found = [path for source in sources for path in sorted(source.iterdir()) if path.is_file()]
    # Shifted anew for each photo: drawing 24 million numbers takes longer than all else.
    grain = np.random.default_rng(0).normal(0, GRAIN, (2048, 2048)).astype(np.float32)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(
            pool.map(
                lambda at: _enlarge(
                    found[at % len(found)],
                    out / f"{at:05d}_{found[at % len(found)].stem}.jpg",
                    grain,
                    at,
                ),
                range(count),
            )
        )
    sizes = sum(path.stat().st_size for path in out.glob("*.jpg"))
    print(f"{count} photos, {sizes / count / 1e6:.1f} MB each")


def _enlarge(source: Path, out: Path, grain: Any, seed: int) -> None:
    import numpy as np
    import PIL.Image

    rng = np.random.default_rng(seed)
    with PIL.Image.open(source) as opened:
        image = opened.convert("RGB")
    scale = (PIXELS / (image.width * image.height)) ** 0.5
    size = (round(image.width * scale), round(image.height * scale))
    pixels = np.asarray(image.resize(size, PIL.Image.Resampling.BICUBIC))
    shifted = np.roll(grain, rng.integers(0, 2048, 2).tolist(), axis=(0, 1))
    times = (-(-size[1] // 2048), -(-size[0] // 2048))
    noise = np.tile(shifted, times)[: size[1], : size[0], None]
    grained = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    file = io.BytesIO()
    PIL.Image.fromarray(grained).save(file, "JPEG", quality=94, subsampling=1)
    (out / f"{seed:05d}_{source.stem}.jpg").write_bytes(file.getvalue())


def run(folder: Path, rounds: int, most: int, repeat: int) -> None:
    """Print the least seconds of each, with CPU seconds, and their ratios."""
    from embedding.embedder import Embedder
    from embedding.photos.photo import find_photos
    from index.labels.reader import LabelledPhoto
    from index.photos import embed
    from index.search.embedded_images import embed_images

    paths = repeat * find_photos([folder])[:most]
    photos = [LabelledPhoto(path.name, path, "w_1") for path in paths]
    embedder = Embedder.load()
    decoded = list(embed._decoded(photos, embedder.input_px, embed.PhotoLimits()))
    images = [read.image for read in decoded if not isinstance(read, embed.UnreadPhoto)]
    del decoded
    embed_images(embedder, images[:4])  # graphs are compiled when they are first needed

    def decode() -> None:
        for _ in embed._decoded(photos, embedder.input_px, embed.PhotoLimits()):
            pass

    def network() -> None:
        for at in range(0, len(images), embed.BATCH_PHOTOS):
            embed_images(embedder, images[at : at + embed.BATCH_PHOTOS])

    def both() -> None:
        for _ in embed.embed_photos(photos, embedder):
            pass

    least: dict[str, tuple[float, float]] = {}
    for _ in range(rounds):
        for act in (decode, network, both):
            name = act.__name__
            least[name] = min(least.get(name, (9e9, 9e9)), _timed(act))
    elsewhere = _Elsewhere(embedder, least["network"][0] / len(images))
    for _ in range(rounds):

        def away() -> None:
            for _ in embed.embed_photos(photos, elsewhere):
                pass

        least["elsewhere"] = min(least.get("elsewhere", (9e9, 9e9)), _timed(away))
    for name, (wall, cpu) in least.items():
        each = 1000 / len(images)
        print(f"{name}: {wall:.2f} s, {wall * each:.1f} ms a photo; CPU {cpu * each:.1f} ms")
    together = least["decode"][0] + least["network"][0]
    slower = max(least["decode"][0], least["network"][0])
    print(f"both: {least['both'][0] / together:.3f} of decode + network at their own best")
    print(f"elsewhere: {least['elsewhere'][0] / slower:.3f} of the slower of the two")


def scaled(folder: Path, most: int, catalogue: Path) -> None:
    """Print how far boxes, vectors, quality and answers of scaled photos are from whole ones."""
    import numpy as np

    from embedding.embedder import Embedder
    from embedding.photos.photo import find_photos, read_photo
    from index.catalogue.catalogue import Catalogue
    from index.search.embedded_images import embed_images

    embedder = Embedder.load()
    with Catalogue.open(catalogue) as opened:
        gallery = opened.gallery()
    found: dict[int | None, list[Any]] = {}
    for px in (None, embedder.input_px):
        found[px] = [
            embed_images(embedder, [read_photo(path, at_least_px=px)])[0]
            for path in find_photos([folder])[:most]
        ]
    whole, small = found.values()
    cosines = [float(one.vector @ other.vector) for one, other in zip(whole, small, strict=True)]
    boxes = np.abs(np.array([one.box for one in whole]) - np.array([one.box for one in small]))
    best = [
        [ranked[0].individual for ranked in gallery.rank(np.stack([e.vector for e in each]), 1)]
        for each in (whole, small)
    ]
    same = sum(one == other for one, other in zip(*best, strict=True))
    print(f"{len(whole)} photos; cosine at least {min(cosines):.5f}, mean {np.mean(cosines):.5f}")
    print(f"boxes differ by at most {boxes.max():.4f} of a side; same best individual: {same}")
    for name in ("score", "sharpness", "size", "light", "wholeness"):
        pairs = zip(whole, small, strict=True)
        apart = [abs(getattr(a.quality, name) - getattr(b.quality, name)) for a, b in pairs]
        print(f"quality, {name}: differs by at most {max(apart):.3f}, mean {np.mean(apart):.3f}")


def _timed(act: Callable[[], None]) -> tuple[float, float]:
    started, cpu = time.perf_counter(), time.process_time()
    act()
    return time.perf_counter() - started, time.process_time() - cpu


class _Elsewhere:
    """An embedder of the same speed that leaves the cores alone."""

    def __init__(self, embedder: Any, seconds: float) -> None:
        self.fingerprint, self.dimension = embedder.fingerprint, embedder.dimension
        self.input_px, self._seconds = embedder.input_px, seconds
        self._lock = threading.Lock()  # it computes one batch at a time

    def embed(self, images: Sequence[Any], boxes: Sequence[Any] | None = None) -> Any:
        import numpy as np

        with self._lock:
            time.sleep(self._seconds * len(images))
        vectors = np.zeros((len(images), self.dimension), np.float32)
        vectors[:, 0] = 1
        return vectors


if __name__ == "__main__":
    main()
