"""What computes a checkpoint's networks: arrays in, arrays out, whichever library is behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast, get_args, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from embedding.errors import FlukeprintError
from embedding.networks.config import NetworkConfig

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Tensors = Mapping[str, NDArray[Any]]
RuntimeName = Literal["auto", "openvino", "torch"]
"""auto: graphs where the checkpoint has them and there is no GPU, else PyTorch."""
Precision = Literal["float32", "bf16"]
"""bf16: the networks' numbers are rounded to 8 bits, which some processors do several times as
fast."""


class BadRuntime(FlukeprintError):
    """A runtime or precision that is unknown, not installed, or not to be had on this machine."""


@dataclass(frozen=True, slots=True)
class View:
    """A member's last maps (n, c, h', w') of images, and where its aligner found the body part (n,
    2, 3).
    """

    maps: Floats
    placements: Floats | None = None


@dataclass(frozen=True, slots=True)
class MemberViews:
    """What heat is drawn of: one member's views of n photos and of their mirror images.

    `tensors` are its weights after the maps: those named pool.*, project.* and neck.*. `lengths`
    (n,) say how much of each embedding the member makes, the roots of its shares. None: the network
    is the only one, and its views are not scaled to unit length.
    """

    config: NetworkConfig
    tensors: Tensors
    seen: View
    mirrored: View
    lengths: Floats | None = None


@runtime_checkable
class Runtime(Protocol):
    """Computes a checkpoint's networks.

    Pixels are (n, h, w, 3) uint8 as the checkpoint's preprocessing has made them.
    """

    name: str
    batch_size: int
    """How many photos it takes best at a time."""

    @property
    def dimension(self) -> int:
        """d, the length of each embedding."""
        ...

    @property
    def parts(self) -> tuple[slice, ...]:
        """Which columns of an embedding are each member's, in their order."""
        ...

    @property
    def locator_px(self) -> int | None:
        """The side of the squares that the locator sees; None: there is no locator."""
        ...

    @property
    def detector_px(self) -> int | None:
        """The side of the squares that the detector sees; None: there is no detector."""
        ...

    @property
    def has_heat(self) -> bool:
        """Whether embeddings can be shared out over map cells (`views`)."""
        ...

    def boxes(self, pixels: Pixels) -> Floats:
        """(n, px, px, 3) squashed photos -> (n, 4): left, top, right, bottom in 0..1.

        The mean of what is found in a photo and in its mirror image.
        """
        ...

    def cells(self, pixels: Pixels) -> Floats:
        """(n, px, px, 3) squashed photos -> (n, c, 5): the detector's cells.

        Score, left, top, right and bottom of each, in 0..1 (`embedding.detection`).
        """
        ...

    def embed(self, pixels: Pixels) -> Floats:
        """(n, h, w, 3) -> (n, d) rows of unit length."""
        ...

    def views(self, pixels: Pixels) -> list[MemberViews]:
        """(n, h, w, 3) -> the views of each member that has a share of any of the photos."""
        ...


def checked_runtime(name: str) -> RuntimeName:
    """Read a runtime's name. Raises BadRuntime."""
    return cast(RuntimeName, _known("runtime", name, get_args(RuntimeName)))


def checked_precision(name: str) -> Precision:
    """Read a precision's name. Raises BadRuntime."""
    return cast(Precision, _known("precision", name, get_args(Precision)))


def _known(what: str, name: str, allowed: tuple[str, ...]) -> str:
    if name not in allowed:
        raise BadRuntime(f"{what} {name!r}; allowed are {', '.join(allowed)}")
    return name


def has_one_map(config: NetworkConfig) -> bool:
    """Whether a network pools one whole map, so that heat can be drawn on it."""
    return config.stages == 1 and config.branches == "whole"
