"""How an image becomes the network's input; travels with the weights, is never retyped
elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from embedding.errors import FlukeprintError
from embedding.photos.box import WHOLE
from embedding.photos.photo import Box, Image, crop, resize, to_array, without_colour

CropRule = Literal["none", "box"]
FitRule = Literal["squash", "pad"]


class BadPreprocessing(FlukeprintError):
    """A preprocessing description with an unknown key or a value out of range."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Turn upright RGB images of any size into one array of the network's size.

    `crop`: "none" takes the whole image, "box" cuts the fluke out where a box is known. `fit`:
    "squash" stretches to the input's aspect (what every winner of the humpback competitions did),
    "pad" keeps the aspect and fills with the mean. `mean` and `std` are per RGB channel on the 0..1
    scale. `grey` takes the colour out: the three channels are alike.
    """

    width_px: int
    height_px: int
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    crop: CropRule = "none"
    fit: FitRule = "squash"
    box_margin: float = 0.05
    grey: bool = False

    def __post_init__(self) -> None:
        if not (8 <= self.width_px <= 4096 and 8 <= self.height_px <= 4096):
            raise BadPreprocessing(
                f"input of {self.width_px} x {self.height_px} px; allowed are 8 to 4096 px a side"
            )
        if self.crop not in get_args(CropRule) or self.fit not in get_args(FitRule):
            raise BadPreprocessing(
                f"crop {self.crop!r}, fit {self.fit!r}; allowed are crop "
                f"{list(get_args(CropRule))} "
                f"and fit {list(get_args(FitRule))}"
            )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Preprocessing:
        """Read what `to_dict` wrote; an unknown key raises BadPreprocessing naming the known
        ones.
        """
        unknown = sorted(set(values) - set(cls.__slots__))
        if unknown:
            raise BadPreprocessing(
                f"unknown preprocessing keys {unknown}; known are {sorted(cls.__slots__)}"
            )
        changed: dict[str, Any] = {
            name: tuple(values[name]) for name in ("mean", "std") if name in values
        }
        return cls(**{**values, **changed})

    def to_dict(self) -> dict[str, Any]:
        """The values that `from_dict` reads; without `grey` where it is off, as before there was
        such a choice.
        """
        return {name: value for name, value in asdict(self).items() if name != "grey" or value}

    @property
    def input_px(self) -> int:
        """The smallest side, in pixels, at which a photo should be decoded.

        The input's longer side; twice that where a box is cut out, as most boxes span at least half
        of each side.
        """
        return max(self.width_px, self.height_px) * (2 if self.crop == "box" else 1)

    def pixels(self, image: Image, box: Box | None = None) -> NDArray[np.uint8]:
        """Crop and scale one upright RGB image to (h, w, 3) uint8."""
        if self.crop == "box" and box is not None:
            image = crop(image, _with_margin(box, self.box_margin))
        made = (
            to_array(resize(image, self.width_px, self.height_px))
            if self.fit == "squash"
            else self._padded(image)
        )
        return without_colour(made) if self.grey else made

    def region(self, image: Image, box: Box | None = None) -> Box:
        """Where in an upright image the pixels are that `pixels` makes, in shares of its sides.

        With "pad" it reaches beyond the image, so that the shares may be below 0 and above 1.
        """
        shown = WHOLE
        if self.crop == "box" and box is not None:
            shown = _with_margin(box, self.box_margin)
        if self.fit == "squash":
            return shown
        cut = crop(image, shown) if shown != WHOLE else image
        width, height = self._padded_size(cut)
        left, top = (self.width_px - width) / 2 / width, (self.height_px - height) / 2 / height
        across, down = shown.right - shown.left, shown.bottom - shown.top
        return Box(
            shown.left - left * across,
            shown.top - top * down,
            shown.right + left * across,
            shown.bottom + top * down,
        )

    def _padded_size(self, image: Image) -> tuple[int, int]:
        """The width and height in pixels of an image within the network's input."""
        scale = min(self.width_px / image.width, self.height_px / image.height)
        return max(1, round(image.width * scale)), max(1, round(image.height * scale))

    def _padded(self, image: Image) -> NDArray[np.uint8]:
        width, height = self._padded_size(image)
        fill = np.array([round(255 * share) for share in self.mean], np.uint8)
        canvas = np.broadcast_to(fill, (self.height_px, self.width_px, 3)).copy()
        top, left = (self.height_px - height) // 2, (self.width_px - width) // 2
        canvas[top : top + height, left : left + width] = to_array(resize(image, width, height))
        return canvas


def squashed(images: Sequence[Image], px: int) -> NDArray[np.uint8]:
    """Scale images to squares, whatever their proportions: (n, px, px, 3) uint8."""
    return np.stack([to_array(resize(image, px, px)) for image in images])


def _with_margin(box: Box, share: float) -> Box:
    """Widen a box by a share of its own size on each side: boxes cut fluke tips off more often than
    they add sea.
    """
    dx, dy = share * (box.right - box.left), share * (box.bottom - box.top)
    return Box(
        max(0.0, box.left - dx),
        max(0.0, box.top - dy),
        min(1.0, box.right + dx),
        min(1.0, box.bottom + dy),
    )
