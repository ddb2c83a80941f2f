"""The vectors that a screening head is fitted to: of animals, turned animals, and other things."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from embedding.checkpoint import write_atomically
from embedding.embedder import Embedder
from embedding.photos.box import WHOLE
from embedding.photos.photo import Box, Image, crop, read_photo, rotate_image
from index.labels.reader import LabelledPhoto
from index.progress import progress
from training.screening.drawings import KINDS, draw
from training.screening.fit import BadExamples, Examples, Floats
from training.splits.photo_facts import species_of
from training.splits.protocol import make_split

MOST_TURNED = 1600
"""How many photos of a species are turned: a third of them, and so many at most."""
DRAWN = 500
"""How many pictures of each kind are drawn."""
_BATCH = 32
_BESIDE_EVERY = 16  # of the photos with a box, the share that gives a piece beside it
_LEAST_BESIDE = 0.12  # of a photo's side, for a piece beside the animal
_MADE = "made.json"


@dataclass(frozen=True, slots=True)
class Sources:
    """What to make examples of.

    `photos` are labelled. Those of the species named in `aerial` have no upright. `others` are
    photos that show no animal of the checkpoint, by the name of their folder.
    """

    photos: Sequence[LabelledPhoto]
    aerial: Collection[str]
    others: Mapping[str, Sequence[Path]]
    drawn: int = DRAWN
    seed: int = 0


@dataclass(frozen=True, slots=True)
class OtherThings:
    """Vectors of other things that nothing is learned from, by kind: they measure a head."""

    vectors: Mapping[str, Floats]


class VectorFolder:
    """A folder of computed vectors, so that an interrupted run goes on where it was."""

    def __init__(self, folder: Path, embedder: Embedder, sources: Sources) -> None:
        """Open or make it. Raises BadExamples for a folder of another checkpoint or seed."""
        self._folder = folder
        self._embedder = embedder
        made = {"fingerprint": embedder.fingerprint, "seed": sources.seed, "drawn": sources.drawn}
        path = folder / _MADE
        if path.exists() and json.loads(path.read_text("utf-8")) != made:
            raise BadExamples(
                f"{folder} holds vectors of another checkpoint, seed or number of drawings; give "
                "an empty folder for --vectors"
            )
        write_atomically(path, json.dumps(made).encode())

    def of(
        self, name: str, count: int, images: Callable[[], Iterable[tuple[Image, Box | None]]]
    ) -> Floats:
        """The vectors (count, d) of some images, which are made only where they aren't stored."""
        path = self._folder / f"{name.replace('/', '_')}.npy"
        if path.exists():
            return np.load(path)
        parts: list[Floats] = [np.zeros((0, self._embedder.dimension), np.float32)]
        batch: list[tuple[Image, Box | None]] = []
        with progress(count, f"Embedding {name}") as advance:
            for one in images():
                batch.append(one)
                advance(1)
                if len(batch) == _BATCH:
                    parts.append(self._embed(batch))
                    batch = []
            parts.append(self._embed(batch))
        vectors = np.concatenate(parts)
        content = io.BytesIO()
        np.save(content, vectors)
        write_atomically(path, content.getvalue())
        return vectors

    def _embed(self, batch: Sequence[tuple[Image, Box | None]]) -> Floats:
        return self._embedder.embed([image for image, _ in batch], [box for _, box in batch])


def examples_of(sources: Sources, folder: VectorFolder) -> tuple[Examples, OtherThings]:
    """Embed what a head is fitted to, and what measures it.

    Animals are learned from by the fit part of the protocol's split; the other photos of their
    species set the thresholds. Of each folder of other things every second photo is learned from.
    """
    species, fit = species_of(sources.photos), set(make_split(sources.photos).names("fit"))
    by_species: defaultdict[str, list[LabelledPhoto]] = defaultdict(list)
    for photo in sources.photos:
        by_species[species[photo.name] or "animal"].append(photo)
    animals: dict[str, Floats] = {}
    held_out: dict[str, Floats] = {}
    turned: dict[str, list[Floats]] = {}
    any_way_up: dict[str, Floats] = {}
    others: dict[str, Floats] = {}
    for name, photos in sorted(by_species.items()):
        learned = [photo for photo in photos if photo.name in fit]
        rest = [photo for photo in photos if photo.name not in fit]
        animals[name] = folder.of(f"{name}-fit", len(learned), lambda own=learned: _read(own))
        held_out[name] = folder.of(f"{name}-held-out", len(rest), lambda own=rest: _read(own))
        some = [photo for photo in _third(photos, sources.seed) if photo.name in fit]
        of_turns = [
            folder.of(
                f"{name}-turned-{turns}", len(some), lambda n=turns, own=some: _turned(own, n)
            )
            for turns in (1, 2, 3)
        ]
        if name in sources.aerial:
            any_way_up[name] = np.concatenate(of_turns)
        else:
            turned[name] = of_turns
        boxed = [photo for photo in learned if photo.box is not None and photo.box != WHOLE]
        if boxed:
            own = boxed[::_BESIDE_EVERY]
            others[f"beside {name}"] = folder.of(
                f"{name}-beside", len(own), lambda own=own: _backgrounds(own)
            )
    measured: dict[str, Floats] = {}
    for name, paths in sorted(sources.others.items()):
        vectors = folder.of(f"others-{name}", len(paths), lambda own=paths: _files(own))
        others[name], measured[name] = vectors[::2], vectors[1::2]
    for at, kind in enumerate(KINDS):
        others[kind] = folder.of(
            f"drawn-{kind}",
            sources.drawn,
            lambda at=at, kind=kind: _drawn(kind, sources.drawn, [sources.seed, at]),
        )
    examples = Examples(animals, held_out, turned, any_way_up, others)
    return examples, OtherThings(measured)


def _third(photos: Sequence[LabelledPhoto], seed: int) -> list[LabelledPhoto]:
    by_name = sorted(photos, key=lambda photo: photo.name)
    order = np.random.default_rng(seed).permutation(len(by_name))
    return [by_name[at] for at in order[: min(MOST_TURNED, len(by_name) // 3)].tolist()]


def _read(photos: Sequence[LabelledPhoto]) -> Iterable[tuple[Image, Box | None]]:
    # Without their boxes: a photo to identify has none either.
    return ((read_photo(photo.path), None) for photo in photos)


def _files(paths: Sequence[Path]) -> Iterable[tuple[Image, Box | None]]:
    return ((read_photo(path), None) for path in paths)


def _turned(photos: Sequence[LabelledPhoto], needed: int) -> Iterable[tuple[Image, Box | None]]:
    """Photos turned so that they need so many quarter turns to the left."""
    return ((rotate_image(read_photo(photo.path), 4 - needed), None) for photo in photos)


def _drawn(kind: str, count: int, seed: Sequence[int]) -> Iterable[tuple[Image, Box | None]]:
    rng = np.random.default_rng(seed)
    return ((draw(kind, rng), None) for _ in range(count))


def _backgrounds(photos: Sequence[LabelledPhoto]) -> Iterable[tuple[Image, Box | None]]:
    """The largest piece of each photo beside its animal: sea, sky, land."""
    for photo in photos:
        assert photo.box is not None
        piece = largest_background(photo.box)
        if piece is not None:
            yield crop(read_photo(photo.path), piece), None


def largest_background(box: Box) -> Box | None:
    """The largest of the pieces left, right, above and below a box; None where all are thin."""
    pieces = [
        Box(0, 0, box.left, 1),
        Box(box.right, 0, 1, 1),
        Box(0, 0, 1, box.top),
        Box(0, box.bottom, 1, 1),
    ]
    wide = [
        piece
        for piece in pieces
        if min(piece.right - piece.left, piece.bottom - piece.top) >= _LEAST_BESIDE
    ]
    return max(
        wide,
        key=lambda piece: (piece.right - piece.left) * (piece.bottom - piece.top),
        default=None,
    )


def described(sources: Sources) -> dict[str, object]:
    """What a head was made from, for its checkpoint's header."""
    return {
        "photos": len(sources.photos),
        "aerial": sorted(sources.aerial),
        "others": {name: len(paths) for name, paths in sources.others.items()},
        "drawn": sources.drawn,
        "seed": sources.seed,
    }
