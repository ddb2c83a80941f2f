"""A checkpoint's networks as modules that take a photo's bytes, and their graphs by tracing."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from embedding.eager.eager_runtime import normalised
from embedding.graphs.files import BOXES, CELLS, EMBEDDING, MAPS, PIXELS, PLACEMENTS
from embedding.networks.aligner import aligned
from embedding.networks.detection.detector import Detector
from embedding.networks.ensemble import Ensemble, members_of
from embedding.networks.locator import AnyLocator, unmirrored
from embedding.networks.network import Network
from embedding.photos.preprocessing import Preprocessing
from embedding.runtime import has_one_map

OPSET = 20
_MOST_PHOTOS = 4096


class TracedMember(nn.Module):
    """A member from (n, h, w, 3) uint8 pixels on: its view (n, view_dim), and what heat is drawn
    of.

    An ensemble's views are of unit length. The maps are an output where there is one whole map,
    the placements where there is an aligner.
    """

    def __init__(self, network: Network | Ensemble, at: int, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.whole = network
        self.own = members_of(network)[at]
        self.at, self.preprocessing = at, preprocessing
        self.outputs = [EMBEDDING]
        if has_one_map(self.own.config):
            self.outputs += [MAPS, *([PLACEMENTS] if self.own.aligner is not None else [])]

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        images = normalised(pixels, self.preprocessing)
        if isinstance(self.whole, Ensemble):
            images = self.whole.input_of(images, self.at)
        found: dict[str, Tensor] = {}
        if has_one_map(self.own.config):
            placements = self.own.placements(images)
            if placements is not None and self.own.config.aligned_px is not None:
                images = aligned(images, placements, *self.own.config.aligned_px)
                found[PLACEMENTS] = placements
            found[MAPS] = self.own.maps_of(images)
            pooled = [(found[MAPS], cast(nn.Module, self.own.pool))]
        else:
            pooled = self.own.pooled_maps(images)
        view = self.own.view_of(pooled)
        if isinstance(self.whole, Ensemble):
            view = functional.normalize(view)
        found[EMBEDDING] = view
        return tuple(found[name] for name in self.outputs)


class TracedLocator(nn.Module):
    """A locator from (n, px, px, 3) uint8 squashed photos on: the mean box (n, 4) of both looks."""

    def __init__(self, locator: AnyLocator) -> None:
        super().__init__()
        self.locator = locator
        self.outputs = [BOXES]

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        images = pixels.permute(0, 3, 1, 2).float() / 255.0
        # Both looks in one pass: two would make the graph twice as long.
        looks = torch.stack([images, images.flip(3)], 1).flatten(0, 1)
        straight, mirrored = self.locator(looks).unflatten(0, (-1, 2)).unbind(1)
        return ((straight + unmirrored(mirrored)) / 2,)


class TracedDetector(nn.Module):
    """A detector from (n, px, px, 3) uint8 squashed photos on: its cells (n, c, 5)."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector
        self.outputs = [CELLS]

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        return (self.detector(pixels.permute(0, 3, 1, 2).float() / 255.0),)


Traced = TracedMember | TracedLocator | TracedDetector


def traced(module: Traced, height_px: int, width_px: int) -> Any:
    """Trace a module in evaluation mode: an ONNX model (protobuf) of any number of photos."""
    noise = torch.randint(0, 256, (2, height_px, width_px, 3), dtype=torch.uint8)
    count = torch.export.Dim("n", min=1, max=_MOST_PHOTOS)
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "torch.export")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            program: Any = torch.onnx.export(
                module.eval(),
                (noise,),
                dynamo=True,
                dynamic_shapes=({0: count},),
                input_names=[PIXELS],
                output_names=cast("Sequence[str]", module.outputs),
                opset_version=OPSET,
                optimize=False,  # it would write out the matrices that scale photos
                verbose=False,
            )
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
    return program.model_proto
