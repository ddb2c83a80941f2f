"""Images in, unit vectors out: a checkpoint ready for use.

Torch-free at import: a checkpoint with graphs answers without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from embedding.checkpoint import (
    DEFAULT_CHECKPOINT,
    BadCheckpoint,
    fingerprint_of,
    fingerprint_with,
    read_header,
)
from embedding.detection import animals_of, box_within, is_elsewhere, window_around
from embedding.photos.box import WHOLE, Animal
from embedding.photos.photo import Box, Image, crop, rotate_box, rotate_image
from embedding.photos.preprocessing import Preprocessing, squashed
from embedding.runtime import BadRuntime, Precision, Runtime, RuntimeName
from embedding.runtime_choice import RuntimeChoice, load_runtime
from embedding.screening import Screening

if TYPE_CHECKING:
    import torch

    from embedding.eager.eager_runtime import EagerRuntime
    from embedding.networks.ensemble import Ensemble
    from embedding.networks.locator import AnyLocator
    from embedding.networks.network import Network

_UPRIGHT = 0.7
"""How probably a photo must be upright after a turn for the turn to stay."""


@dataclass(frozen=True, slots=True)
class UprightVectors:
    """What `Embedder.embed_upright` gives of n photos.

    `vectors` (n, d) are of the upright photos, and `quarter_turns` (n,) says how many quarter turns
    to the left made each upright, 0 to 3. `boxes` are where the animal was found in each photo as
    it came; None is the whole photo. `animals` are all that were found there, surest first; None
    where a box was given, so that none were looked for.
    """

    vectors: NDArray[np.float32]
    quarter_turns: NDArray[np.int64]
    boxes: tuple[Box | None, ...]
    animals: tuple[tuple[Animal, ...] | None, ...]


class Embedder:
    """A network in evaluation mode with its preprocessing.

    `network` is PyTorch's, or a runtime that computes one; `locator` and `device` go with the
    former. Each embedding is made of the views of the photo and of its mirror
    image (embedding.networks.mirror), scaled to unit length. `fingerprint` names the checkpoint's
    content.
    """

    def __init__(
        self,
        network: Network | Ensemble | Runtime,
        preprocessing: Preprocessing,
        fingerprint: str,
        *,
        locator: AnyLocator | None = None,
        device: str | None = None,
        screening: Screening | None = None,
    ) -> None:
        if isinstance(network, Runtime):
            self.runtime: Runtime = network
        else:
            from embedding.eager.eager_runtime import EagerRuntime

            self.runtime = EagerRuntime(network, preprocessing, locator=locator, device=device)
        self.preprocessing = preprocessing
        self.fingerprint = fingerprint
        self.screening = screening
        self.dimension = self.runtime.dimension
        self.batch_size = self.runtime.batch_size

    @classmethod
    def load(
        cls,
        path: Path | None = None,
        *,
        device: str | None = None,
        runtime: RuntimeName = "auto",
        precision: Precision = "float32",
    ) -> Embedder:
        """Load a checkpoint (None: the shipped one).

        `runtime` auto answers through the checkpoint's graphs where it has some and there is no
        GPU; else through PyTorch, batch norms fused. A `precision` other than float32 makes
        another fingerprint, since its vectors are others.

        Raises BadCheckpoint, BadNetwork, BadGraphs, and BadRuntime for what can't be had here.
        """
        path = path or DEFAULT_CHECKPOINT
        header = read_header(path)
        fingerprint = fingerprint_of(path)
        computing = load_runtime(
            path, header, fingerprint, RuntimeChoice(runtime, precision, device)
        )
        return cls(
            computing,
            header.preprocessing,
            fingerprint_with(fingerprint, precision),
            screening=_fitting_screening(path, computing.dimension),
        )

    @property
    def parts(self) -> tuple[slice, ...]:
        """Which columns of an embedding are each member's, in their order."""
        return self.runtime.parts

    @property
    def has_locator(self) -> bool:
        """Whether the checkpoint finds the box of photos without one."""
        return self.runtime.locator_px is not None

    @property
    def has_heat(self) -> bool:
        """Whether every member pools one whole map, so that the embedding can be shared out over
        its cells.
        """
        return self.runtime.has_heat

    @property
    def network(self) -> Network | Ensemble:
        """PyTorch's network. Raises BadRuntime where another library computes it."""
        return self._in_torch().network

    @property
    def locator(self) -> AnyLocator | None:
        """PyTorch's locator. Raises BadRuntime where another library computes it."""
        return self._in_torch().locator

    @locator.setter
    def locator(self, locator: AnyLocator | None) -> None:
        self._in_torch().locator = locator

    @property
    def device(self) -> torch.device:
        """Where PyTorch computes. Raises BadRuntime where another library does."""
        return self._in_torch().device

    def _in_torch(self) -> EagerRuntime:
        if self.runtime.name != "torch":
            raise BadRuntime(
                f"this embedder answers through {self.runtime.name}, and PyTorch's network was "
                'asked for; load it with runtime "torch"'
            )
        return cast("EagerRuntime", self.runtime)

    def fuse_batch_norms(self) -> Embedder:
        """Fuse PyTorch's batch norms: it answers sooner, and can't be trained any more."""
        self._in_torch().fuse_batch_norms()
        return self

    @property
    def input_px(self) -> int:
        """The smallest side, in pixels, at which a photo needs to be decoded."""
        return self.preprocessing.input_px

    def embed(
        self, images: Sequence[Image], boxes: Sequence[Box | None] | None = None
    ) -> NDArray[np.float32]:
        """Embed upright RGB images, with the fluke's box where one is known, as (n, d) float32 unit
        rows.

        Where no box is known and the preprocessing crops, the checkpoint's locator finds it. A
        photo that lies on its side is turned first, as `embed_upright` says.
        """
        return self.embed_upright(images, boxes).vectors

    def embed_upright(
        self, images: Sequence[Image], boxes: Sequence[Box | None] | None = None
    ) -> UprightVectors:
        """Embed as `embed` does, and say which photos had to be turned.

        A photo that the checkpoint's screening head takes for turned is embedded again after the
        likeliest turn, and then after the others. The first turn stays after which the head takes
        the photo for an upright animal. Where none is, the photo stays as it is.
        """
        boxes = boxes if boxes is not None else [None] * len(images)
        if len(boxes) != len(images):
            raise ValueError(
                f"{len(boxes)} boxes for {len(images)} images; give one box (or None) an image"
            )
        found, animals = self._boxes_and_animals(images, boxes)
        vectors = self._embedded(images, found)
        turns = np.zeros(len(images), np.int64)
        if self.screening is None or not len(images):
            return UprightVectors(vectors, turns, tuple(found), tuple(animals))
        lying: list[int] = np.flatnonzero(self.screening.quarter_turns(vectors)).tolist()
        # The likeliest turn first. Of a photo that was turned the wrong way the others are tried.
        likely = np.argsort(-self.screening.turn_probabilities(vectors)[:, 1:], axis=1) + 1
        for attempt in range(likely.shape[1]):
            if not lying:
                break
            by: list[int] = likely[lying, attempt].tolist()
            tries = list(zip(lying, by, strict=True))
            images_now = [rotate_image(images[at], turn) for at, turn in tries]
            own, own_animals = self._boxes_and_animals(
                images_now, [_turned_box(boxes[at], turn) for at, turn in tries]
            )
            again = self._embedded(images_now, own)
            is_upright: list[bool] = self._is_settled(again).tolist()
            for number, (at, turn) in enumerate(tries):
                if is_upright[number]:
                    turns[at], vectors[at] = turn, again[number]
                    found[at] = _turned_box(own[number], 4 - turn)
                    animals[at] = _turned_animals(own_animals[number], 4 - turn)
            lying = [at for at, is_settled in zip(lying, is_upright, strict=True) if not is_settled]
        return UprightVectors(vectors, turns, tuple(found), tuple(animals))

    def _is_settled(self, vectors: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Whether photos (n, d) that were turned show an animal, upright."""
        assert self.screening is not None
        is_upright = self.screening.turn_probabilities(vectors)[:, 0] >= _UPRIGHT
        is_animal = self.screening.animal_scores(vectors) >= self.screening.animal_threshold
        return is_upright & is_animal

    def _embedded(
        self, images: Sequence[Image], boxes: Sequence[Box | None]
    ) -> NDArray[np.float32]:
        pixels = [
            self.preprocessing.pixels(image, box) for image, box in zip(images, boxes, strict=True)
        ]
        if not pixels:
            return np.zeros((0, self.dimension), np.float32)
        return self.embed_pixels(np.stack(pixels))

    def located(self, images: Sequence[Image], boxes: Sequence[Box | None]) -> Sequence[Box | None]:
        """The boxes given, and the locator's where none is and the preprocessing crops."""
        return self._boxes_and_animals(images, boxes)[0]

    def _boxes_and_animals(
        self, images: Sequence[Image], boxes: Sequence[Box | None]
    ) -> tuple[list[Box | None], list[tuple[Animal, ...] | None]]:
        """The boxes by which images are cropped, and the animals in those without a box."""
        without = [at for at, box in enumerate(boxes) if box is None]
        own = self.find_animals([images[at] for at in without])
        animals: list[tuple[Animal, ...] | None] = [None] * len(images)
        for at, found in zip(without, own, strict=True):
            animals[at] = found
        cropped = list(boxes)
        if self.has_locator and self.preprocessing.crop == "box":
            found_boxes = self._surest_boxes([images[at] for at in without], own)
            for at, box in zip(without, found_boxes, strict=True):
                cropped[at] = box
        return cropped, animals

    def _surest_boxes(
        self, images: Sequence[Image], animals: Sequence[tuple[Animal, ...]]
    ) -> list[Box]:
        """The box of each image's surest animal, tight as members are trained with.

        The locator finds it in the whole image. Where that is elsewhere, the animal is small or one
        of several, and the locator reads a window around it instead.
        """
        boxes = self.find_boxes(images)
        if self.runtime.detector_px is None:
            return boxes
        again = [
            at for at, own in enumerate(animals) if own and is_elsewhere(boxes[at], own[0].box)
        ]
        windows = [window_around(animals[at][0].box) for at in again]
        found = self.find_boxes(
            [crop(images[at], window) for at, window in zip(again, windows, strict=True)]
        )
        for at, window, box in zip(again, windows, found, strict=True):
            boxes[at] = box_within(window, box)
        return boxes

    def find_animals(self, images: Sequence[Image]) -> list[tuple[Animal, ...]]:
        """Find the animals in each image, the surest first: any number, none where none is seen.

        Without a detector there is one in each, with the score 1: where the locator finds it, or
        the whole image.
        """
        px = self.runtime.detector_px
        if px is not None and len(images):
            cells = self.runtime.cells(squashed(images, px))
            return [tuple(animals_of(own)) for own in cells]
        boxes = self.find_boxes(images) if self.has_locator else [WHOLE] * len(images)
        return [(Animal(box, 1.0),) for box in boxes]

    def find_boxes(self, images: Sequence[Image]) -> list[Box]:
        """Find the one animal's box in each image, whatever else is there, by the locator."""
        px = self.runtime.locator_px
        if px is None or not images:
            return []
        return [Box(*box) for box in self.runtime.boxes(squashed(images, px)).tolist()]

    def embed_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed (n, h, w, 3) uint8 pixels that the preprocessing has made, in batches, as (n, d)
        unit rows.
        """
        parts = [
            self.runtime.embed(pixels[at : at + self.batch_size])
            for at in range(0, len(pixels), self.batch_size)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, self.dimension), np.float32)


def _turned_box(box: Box | None, quarter_turns: int) -> Box | None:
    return None if box is None else rotate_box(box, quarter_turns)


def _turned_animals(
    animals: tuple[Animal, ...] | None, quarter_turns: int
) -> tuple[Animal, ...] | None:
    if animals is None:
        return None
    return tuple(Animal(rotate_box(box, quarter_turns), score) for box, score in animals)


def _fitting_screening(path: Path, dimension: int) -> Screening | None:
    screening = Screening.load(path)
    if screening is None:
        return None
    if screening.dimension != dimension:
        raise BadCheckpoint(
            f"{path} has a screening head for vectors of {screening.dimension} numbers, but makes "
            f"vectors of {dimension}; make its head again by `flukeprint train-screening`"
        )
    return screening
