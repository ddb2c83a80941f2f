"""Measure the shipped checkpoint's screening head, turned photos and photo quality.

    PYTHONPATH=. python tests/bench/screening.py --data ../shared/data --vectors /tmp/screening

The folder of vectors keeps what was embedded, so that a second run takes a minute. What it prints
is in docs/calibration.md. The pictures of "another generator" are drawn by other code than that
of `training/screening/drawings.py`, by Pillow and scipy, and nothing was learned from them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from demo.sea import Weather, paint_sea
from embedding.checkpoint import DEFAULT_CHECKPOINT
from embedding.embedder import Embedder
from embedding.photos.photo import Box, crop, from_array, read_photo, rotate_image
from embedding.photos.quality_measures import quality_of
from embedding.screening import Screening
from index.calibration.fitting import calibrate
from index.identification.screening import AnimalScreen
from index.labels.reader import LabelledPhoto, read_labels
from index.search.gallery import Gallery
from training.screening.drawings import KINDS, draw
from training.screening.fit import REFUSED_SHARE
from training.screening.vectors import largest_background
from training.splits.protocol import make_split

DRAWN = 100
AGAIN = 40
TURNED = 200
HALVES = 200


class Vectors:
    """Vectors by name, embedded once and kept in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._embedder: Embedder | None = None

    @property
    def embedder(self) -> Embedder:
        """The shipped checkpoint, which turns nothing here unless a row says so."""
        if self._embedder is None:
            self._embedder = Embedder.load()
        return self._embedder

    def of(self, name: str, images: Callable[[], Iterable[Image.Image]]) -> np.ndarray:
        """Vectors (n, d) of photos as they lie."""
        path = self.folder / f"{name}.npy"
        if not path.exists():
            screening, self.embedder.screening = self.embedder.screening, None
            rows, batch = [], []
            for image in images():
                batch.append(image)
                if len(batch) == 32:
                    rows.append(self.embedder.embed(batch))
                    batch = []
            rows.append(self.embedder.embed(batch))
            self.embedder.screening = screening
            np.save(path, np.concatenate(rows))
        return np.load(path)


def text_pages(count: int, seed: int = 7) -> Iterable[Image.Image]:
    """Pages set by Pillow: letters at random in lines, in every font that is there."""
    rng = np.random.default_rng(seed)
    import matplotlib

    fonts = sorted((Path(matplotlib.get_data_path()) / "fonts" / "ttf").glob("DejaVu*.ttf"))
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz     .,"))
    for _ in range(count):
        width, height = rng.integers(200, 900, 2)
        page = Image.new("RGB", (int(width), int(height)), tuple(rng.integers(200, 256, 3)))
        size = int(rng.integers(9, 34))
        font = ImageFont.truetype(str(rng.choice(fonts)), size)
        for y in range(int(rng.integers(5, 60)), int(height), int(size * 1.4)):
            line = "".join(rng.choice(letters, int(rng.integers(10, 90))))
            ImageDraw.Draw(page).text((20, y), line, (20, 20, 30), font=font)
        yield page.rotate(float(rng.normal(0, 2)), fillcolor=(220, 220, 220))


def smooth_noises(count: int, seed: int = 8) -> Iterable[Image.Image]:
    """White noise blurred by a Gaussian, stretched to the whole range."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        size = int(rng.integers(64, 400))
        sigma = float(np.exp(rng.uniform(0.5, 4)))
        noise = ndimage.gaussian_filter(rng.standard_normal((size, size, 3)), (sigma, sigma, 0))
        noise = (noise - noise.min()) / max(float(np.ptp(noise)), 1e-9)
        yield from_array((255 * noise).astype(np.uint8))


def white_noises(count: int, seed: int = 9) -> Iterable[Image.Image]:
    """Uniform noise in colour."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        height, width = rng.integers(50, 500, 2)
        yield from_array(rng.integers(0, 256, (height, width, 3), np.uint8))


def plain_colours(count: int, seed: int = 10) -> Iterable[Image.Image]:
    """One colour each."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield Image.new(
            "RGB", tuple(rng.integers(50, 600, 2).tolist()), tuple(rng.integers(0, 256, 3))
        )


def drawn_seas(count: int, seed: int = 11) -> Iterable[Image.Image]:
    """The seas of `flukeprint demo`, without a whale."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        scene = paint_sea(Weather.from_rng(rng), rng, 450, 225)
        yield from_array((255 * np.clip(scene, 0, 1)).astype(np.uint8))


def real_seas(data: Path) -> Iterable[Image.Image]:
    """Pieces of scenes beside a sperm whale's fluke."""
    folder = data / "sperm_scenes"
    for line in (folder / "boxes.csv").read_text().splitlines()[1:]:
        name, box = line.split(",")
        piece = largest_background(Box(*map(float, box.split())))
        if piece is not None:
            yield crop(read_photo(folder / "photos" / name), piece)


def photos_in(folder: Path, *, every: slice = slice(None)) -> Iterable[Image.Image]:
    """The photos of a folder, by name."""
    return (read_photo(path) for path in sorted(folder.iterdir())[every])


def auroc(animals: np.ndarray, others: np.ndarray) -> float:
    """The share of pairs in which the animal scores higher; ties count half."""
    ranks = np.searchsorted(np.sort(others), animals, "left") + np.searchsorted(
        np.sort(others), animals, "right"
    )
    return float(ranks.mean() / (2 * len(others)))


class Humpbacks:
    """The humpback set: its split, its vectors, and a gallery of the labelled photos."""

    def __init__(self, data: Path, vectors: Vectors) -> None:
        self.folder = data / "humpback" / "photos"
        self.photos = {
            one.name: one
            for one in read_labels(data / "humpback" / "train.csv", self.folder).photos
        }
        names = sorted(path.name for path in self.folder.iterdir())
        self.rows = dict(zip(names, vectors.of("humpback", self._all), strict=True))
        split = make_split(list(self.photos.values()))
        self.fit = split.names("fit")
        self.known = [one for one in split.names("known_query") if self.photos[one].individual]
        self.held_out = split.names("known_query", "disjoint", "unknown_query")
        learned = [self.photos[one] for one in self.fit if self.photos[one].individual]
        self.gallery = gallery_of(learned, self.vectors_of([one.name for one in learned]))

    def _all(self) -> Iterable[Image.Image]:
        return photos_in(self.folder)

    def vectors_of(self, names: Sequence[str]) -> np.ndarray:
        """Vectors (n, d) of photos by name."""
        return np.stack([self.rows[name] for name in names])

    def top1(self, names: Sequence[str], rows: np.ndarray) -> float:
        """The share of queries whose own individual is nearest."""
        ranked = self.gallery.rank(rows, 1)
        hits = [
            found[0].individual == self.photos[name].individual
            for name, found in zip(names, ranked, strict=True)
        ]
        return float(np.mean(hits))


def gallery_of(photos: Sequence[LabelledPhoto], rows: np.ndarray) -> Gallery:
    """A gallery of labelled photos."""
    return Gallery.build(
        [one.name for one in photos],
        [one.individual or "" for one in photos],
        rows,
        fingerprint="0" * 64,
        revision=1,
    )


def negatives(data: Path, vectors: Vectors) -> dict[str, np.ndarray]:
    """Vectors of what shows no animal, by kind; none was learned from."""
    found: dict[str, np.ndarray] = {}
    for name in ("dogs_vs_cats", "bees"):
        rows = vectors.of(name, lambda name=name: photos_in(data / name / "photos"))
        found[name] = rows[1::2]  # the head learned from the others
    made = {
        "text, another generator": text_pages,
        "smooth noise, another generator": smooth_noises,
        "white noise, another generator": white_noises,
        "plain colours, another generator": plain_colours,
        "seas of the demo": drawn_seas,
    }
    for name, generator in made.items():
        key = name.replace(", another generator", "-other").replace(" ", "-")
        found[name] = vectors.of(key, lambda one=generator: one(DRAWN))
    found["real sea and sky, beside sperm whales"] = vectors.of(
        "beside-sperm", lambda: real_seas(data)
    )
    for at, kind in enumerate(KINDS):
        rng = np.random.default_rng([1, at])
        found[f"{kind}, the same generator"] = vectors.of(
            f"{kind}-again",
            lambda kind=kind, rng=rng: (draw(kind, rng) for _ in range(AGAIN)),
        )
    return found


def print_no_animal(data: Path, vectors: Vectors, head: Screening, flukes: Humpbacks) -> None:
    """AUROC, refused and decisions of every kind, in a catalogue of the humpback set."""
    animals = head.animal_scores(flukes.vectors_of(flukes.held_out))
    screen = AnimalScreen(head, flukes.gallery)
    labelled = [flukes.photos[one] for one in sorted(flukes.photos)]
    calibration = calibrate(
        flukes.vectors_of([one.name for one in labelled]), [one.individual for one in labelled]
    )
    known = calibration.thresholds().known
    print(f"threshold: {screen.threshold:.4f} (the checkpoint's {head.animal_threshold:.4f})")
    print(f"humpback, not learned from: {np.mean(animals < screen.threshold):.2%} refused")
    for name in ("right_whale", "nyala", "beluga"):
        path = vectors.folder / f"{name}.npy"
        if path.exists():
            scores = head.animal_scores(np.load(path))
            print(f"{name}: {np.mean(scores < screen.threshold):.2%} refused")
    print("\n| kind | photos | AUROC | refused | `known` before | `known` now |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, rows in negatives(data, vectors).items():
        scores = head.animal_scores(rows)
        near = np.array([found[0].distance for found in flukes.gallery.rank(rows, 1)]) <= known
        is_refused = scores < screen.threshold
        print(
            f"| {name} | {len(rows)} | {auroc(animals, scores):.4f} | {is_refused.mean():.1%} | "
            f"{near.sum()} | {(near & ~is_refused).sum()} |"
        )


def print_thresholds(data: Path, vectors: Vectors, head: Screening) -> None:
    """What thresholds refuse that are chosen by half of the held-out animals, of the other half.

    One threshold for all species, one for each, and the least of them, as shipped. Mean of HALVES
    drawn halves.
    """
    scores: dict[str, np.ndarray] = {}
    animals: dict[str, np.ndarray] = {}
    for name in ("humpback", "right_whale", "nyala"):
        folder = data / name / "photos"
        rows = vectors.of(name, lambda folder=folder: photos_in(folder))
        order = {path.name: at for at, path in enumerate(sorted(folder.iterdir()))}
        photos = {one.name: one for one in read_labels(data / name / "train.csv", folder).photos}
        held = make_split(list(photos.values())).names("known_query", "disjoint", "unknown_query")
        scores[name] = head.animal_scores(rows[[order[one] for one in held]])
        whose = [photos[one].individual or one for one in held]
        animals[name] = np.unique(whose, return_inverse=True)[1]
    rng = np.random.default_rng(0)
    found: dict[str, list[list[float]]] = {name: [] for name in scores}
    for _ in range(HALVES):
        is_chosen = {
            name: (rng.uniform(size=own.max() + 1) < 0.5)[own] for name, own in animals.items()
        }
        pooled = np.concatenate([own[is_chosen[name]] for name, own in scores.items()])
        one = np.quantile(pooled, REFUSED_SHARE)
        each = {
            name: np.quantile(own[is_chosen[name]], REFUSED_SHARE) for name, own in scores.items()
        }
        for name, own in scores.items():
            rest = own[~is_chosen[name]]
            limits = (one, each[name], min(one, *each.values()))
            found[name].append([float((rest < limit).mean()) for limit in limits])
    print("\n| species | one threshold | one for each species | the least of them |")
    print("| --- | --- | --- | --- |")
    for name, shares in found.items():
        print(f"| {name} | {' | '.join(f'{one:.2%}' for one in np.mean(shares, axis=0))} |")


def print_turned(vectors: Vectors, head: Screening, flukes: Humpbacks) -> None:
    """Turned photos found upright, and what turning does to upright ones."""
    upright = flukes.vectors_of(flukes.known)
    wrongly = [
        name
        for name, turns in zip(
            flukes.held_out, head.quarter_turns(flukes.vectors_of(flukes.held_out)), strict=True
        )
        if turns
    ]
    checked = _turned_for_good(vectors, flukes, wrongly)
    print(
        f"upright photos turned: {len(wrongly)} taken for turned at first, {len(checked)} of "
        f"{len(flukes.held_out)} in the end ({len(checked) / len(flukes.held_out):.2%})"
    )
    after = np.stack([checked.get(name, flukes.rows[name]) for name in flukes.known])
    print(
        f"top-1 of {len(flukes.known)} known queries: {flukes.top1(flukes.known, upright):.4f} "
        f"before, {flukes.top1(flukes.known, after):.4f} now"
    )
    some = flukes.known[:: max(1, len(flukes.known) // TURNED)]
    print(f"\n| turned | found | top-1 of {len(some)} before | now | upright |")
    print("| --- | --- | --- | --- | --- |")
    own = flukes.top1(some, flukes.vectors_of(some))
    for turns in (1, 2, 3):
        rows = vectors.of(
            f"known-turned-{turns}",
            lambda turns=turns: (
                rotate_image(read_photo(flukes.folder / name), 4 - turns) for name in some
            ),
        )
        # A photo that is turned back is the upright one, pixel for pixel.
        found = head.quarter_turns(rows) == turns
        is_upright = head.quarter_turns(flukes.vectors_of(some)) == 0
        now = np.where((found & is_upright)[:, None], flukes.vectors_of(some), rows)
        print(
            f"| {90 * turns} degrees | {(found & is_upright).mean():.1%} | "
            f"{flukes.top1(some, rows):.3f} | {flukes.top1(some, now):.3f} | {own:.3f} |"
        )


def _turned_for_good(
    vectors: Vectors, flukes: Humpbacks, names: Sequence[str]
) -> dict[str, np.ndarray]:
    """The vectors of those of some upright photos that `embed_upright` leaves turned."""
    if not names:
        return {}
    found = vectors.embedder.embed_upright([read_photo(flukes.folder / name) for name in names])
    return {
        name: vector
        for name, vector, turns in zip(names, found.vectors, found.quarter_turns, strict=True)
        if turns
    }


def print_quality(vectors: Vectors, flukes: Humpbacks) -> None:
    """FNIR by fifths of the quality score, among photos of individuals with another photo."""
    labelled = [one for one in flukes.photos.values() if one.individual]
    rows = flukes.vectors_of([one.name for one in labelled])
    individuals = np.array([one.individual for one in labelled])
    held_out = set(flukes.held_out)
    known = calibrate(rows, individuals.tolist()).thresholds().known
    scores, is_missed, is_missed_at_all = [], [], []
    for at, photo in enumerate(labelled):
        if photo.name not in held_out or np.sum(individuals == photo.individual) < 2:
            continue
        distances = 1 - rows @ rows[at]
        distances[at] = np.inf
        first = int(distances.argmin())
        is_wrong = individuals[first] != photo.individual
        image = read_photo(photo.path)
        box = vectors.embedder.located([image], [None])[0]
        scores.append(quality_of(image, box).score)
        is_missed.append(is_wrong or distances[first] > known)
        is_missed_at_all.append(is_wrong)
    order = np.argsort(scores, kind="stable")
    print("\n| fifth by quality | mean score | FNIR at the default threshold | not first |")
    print("| --- | --- | --- | --- |")
    for fifth, part in enumerate(np.array_split(order, 5), start=1):
        print(
            f"| {fifth} | {np.mean(np.array(scores)[part]):.2f} | "
            f"{np.mean(np.array(is_missed)[part]):.3f} | "
            f"{np.mean(np.array(is_missed_at_all)[part]):.3f} |"
        )


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--vectors", type=Path, required=True)
    options = parser.parse_args()
    head = Screening.load(DEFAULT_CHECKPOINT)
    assert head is not None
    vectors = Vectors(options.vectors)
    flukes = Humpbacks(options.data, vectors)
    print_no_animal(options.data, vectors, head, flukes)
    print_thresholds(options.data, vectors, head)
    print_turned(vectors, head, flukes)
    print_quality(vectors, flukes)


if __name__ == "__main__":
    main()
