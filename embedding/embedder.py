"""Images in, unit vectors out: a checkpoint ready for use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from embedding.checkpoint import (
    CLASSES_PREFIX,
    DEFAULT_CHECKPOINT,
    LOCATOR_PREFIX,
    BadCheckpoint,
    CheckpointHeader,
    below,
    fingerprint_of,
    load_weights,
    read_header,
)
from embedding.networks.ensemble import Ensemble, network_of
from embedding.networks.fused_batch_norm import fuse_batch_norms
from embedding.networks.locator import AnyLocator, locate, locator_of
from embedding.networks.malloc import keep_freed_memory
from embedding.networks.network import Network
from embedding.photos.photo import Box, Image, rotate_box, rotate_image
from embedding.photos.preprocessing import Preprocessing
from embedding.screening import Screening

_UPRIGHT = 0.7
"""How probably a photo must be upright after a turn for the turn to stay."""
_PROBE_PX = 64  # any size that a backbone takes shows which of its layers reads which


@dataclass(frozen=True, slots=True)
class UprightVectors:
    """What `Embedder.embed_upright` gives of n photos.

    `vectors` (n, d) are of the upright photos, and `quarter_turns` (n,) says how many quarter turns
    to the left made each upright, 0 to 3. `boxes` are where the animal was found in each photo as
    it came; None is the whole photo.
    """

    vectors: NDArray[np.float32]
    quarter_turns: NDArray[np.int64]
    boxes: tuple[Box | None, ...]


class Embedder:
    """A network in evaluation mode with its preprocessing.

    Each embedding is made of the views of the photo and of its mirror image
    (embedding.networks.mirror), scaled to unit length. `fingerprint` names the checkpoint's
    content.
    """

    def __init__(
        self,
        network: Network | Ensemble,
        preprocessing: Preprocessing,
        fingerprint: str,
        *,
        locator: AnyLocator | None = None,
        device: str | None = None,
        screening: Screening | None = None,
    ) -> None:
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        if self.device.type == "cpu":
            keep_freed_memory()
        self.network = network.eval().to(self.device).to(memory_format=torch.channels_last)
        self.locator = locator.eval().to(self.device) if locator is not None else None
        self.preprocessing = preprocessing
        self.fingerprint = fingerprint
        self.screening = screening
        self.dimension = network.dimension
        self.batch_size = 256 if self.device.type == "cuda" else 16

    @classmethod
    def load(cls, path: Path | None = None, *, device: str | None = None) -> Embedder:
        """Load a checkpoint (None: the shipped one), its batch norms fused.

        Raises BadCheckpoint or BadNetwork.
        """
        path = path or DEFAULT_CHECKPOINT
        header = read_header(path)
        network, locator = build_networks(path, header)
        return cls(
            network,
            header.preprocessing,
            fingerprint_of(path),
            locator=locator,
            device=device,
            screening=_fitting_screening(path, network.dimension),
        ).fuse_batch_norms()

    def fuse_batch_norms(self) -> Embedder:
        """Fuse the networks' batch norms: they answer sooner, and can't be trained any more.

        See embedding.networks.fused_batch_norm.
        """
        networks = self.network.networks if isinstance(self.network, Ensemble) else (self.network,)
        locators = () if self.locator is None else (self.locator,)
        for network, px in [
            *((each, _PROBE_PX) for each in networks),
            *((each, each.px) for each in locators),
        ]:
            noise = torch.rand(1, 3, px, px, generator=torch.Generator().manual_seed(0))
            fuse_batch_norms(network, noise.to(self.device, memory_format=torch.channels_last))
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
        found = list(self.located(images, boxes))
        vectors = self._embedded(images, found)
        turns = np.zeros(len(images), np.int64)
        if self.screening is None or not len(images):
            return UprightVectors(vectors, turns, tuple(found))
        lying: list[int] = np.flatnonzero(self.screening.quarter_turns(vectors)).tolist()
        # The likeliest turn first. Of a photo that was turned the wrong way the others are tried.
        likely = np.argsort(-self.screening.turn_probabilities(vectors)[:, 1:], axis=1) + 1
        for attempt in range(likely.shape[1]):
            if not lying:
                break
            by: list[int] = likely[lying, attempt].tolist()
            tries = list(zip(lying, by, strict=True))
            images_now = [rotate_image(images[at], turn) for at, turn in tries]
            own = self.located(images_now, [_turned_box(boxes[at], turn) for at, turn in tries])
            again = self._embedded(images_now, own)
            is_upright: list[bool] = self._is_settled(again).tolist()
            for (at, turn), box, vector, is_settled in zip(
                tries, own, again, is_upright, strict=True
            ):
                if is_settled:
                    turns[at], vectors[at] = turn, vector
                    found[at] = _turned_box(box, 4 - turn)
            lying = [at for at, is_settled in zip(lying, is_upright, strict=True) if not is_settled]
        return UprightVectors(vectors, turns, tuple(found))

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
        if self.locator is None or self.preprocessing.crop != "box":
            return boxes
        without = [at for at, box in enumerate(boxes) if box is None]
        found = dict(
            zip(without, locate(self.locator, [images[at] for at in without]), strict=True)
        )
        return [found.get(at, box) for at, box in enumerate(boxes)]

    def embed_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed (n, h, w, 3) uint8 pixels that the preprocessing has made, in batches, as (n, d)
        unit rows.
        """
        parts = [
            self._batch(pixels[at : at + self.batch_size])
            for at in range(0, len(pixels), self.batch_size)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, self.dimension), np.float32)

    @torch.inference_mode()
    def _batch(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        images = normalised(torch.from_numpy(pixels).to(self.device), self.preprocessing)
        embeddings = self.network.both_views(images)
        return functional.normalize(embeddings.float()).cpu().numpy()


def normalised(pixels: torch.Tensor, preprocessing: Preprocessing) -> torch.Tensor:
    """(n, h, w, 3) uint8 -> (n, 3, h, w) float32 channels_last with the preprocessing's mean and
    deviation.
    """
    mean = torch.tensor(preprocessing.mean, device=pixels.device)
    std = torch.tensor(preprocessing.std, device=pixels.device)
    # The permuted view of (n, h, w, 3) already lies in memory as channels_last.
    return ((pixels.float() / 255.0 - mean) / std).permute(0, 3, 1, 2)


def build_networks(
    path: Path, header: CheckpointHeader
) -> tuple[Network | Ensemble, AnyLocator | None]:
    """Rebuild a checkpoint's network and its locator, if it has one.

    Raises BadCheckpoint when weights don't fit.
    """
    network = network_of(header.network)
    weights = {
        name: value
        for name, value in load_weights(path).items()
        if not name.startswith(CLASSES_PREFIX)
    }
    located = below(weights, LOCATOR_PREFIX)
    try:
        network.load_state_dict(
            {name: weights[name] for name in weights if not name.startswith(LOCATOR_PREFIX)}
        )
        return network, locator_of(located) if header.has_locator else None
    except RuntimeError as error:
        raise _unfit(path, error) from error


def load_locator(path: Path) -> AnyLocator | None:
    """Rebuild a checkpoint's locator alone, if it has one. Raises BadCheckpoint."""
    if not read_header(path).has_locator:
        return None
    try:
        return locator_of(below(load_weights(path), LOCATOR_PREFIX))
    except RuntimeError as error:
        raise _unfit(path, error) from error


def _turned_box(box: Box | None, quarter_turns: int) -> Box | None:
    return None if box is None else rotate_box(box, quarter_turns)


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


def _unfit(path: Path, error: RuntimeError) -> BadCheckpoint:
    return BadCheckpoint(f"{path} holds weights that don't fit its own description: {error}")
