"""How an embedding is made of two looks: at the photo, and at its mirror image."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Mirror = Literal["horizontal", "vertical"]
MIRROR_AXES: dict[str, int] = {"horizontal": 3, "vertical": 2}
"""Along which axis of (n, 3, h, w) a mirror image is turned."""
Sides = Literal["added", "apart"]
"""added: the sum of the two looks, so that a photo and its mirror image are alike. apart: photos
are as near as they are to each other and their mirror images to each other, and none is compared
with another's mirror image."""


def embedded_dim(look_dim: int, sides: Sides, odd_dims: int | None) -> int:
    """How many numbers `join_sides` makes of looks that have `look_dim`."""
    return 2 * look_dim if sides == "apart" and odd_dims is None else look_dim


def join_sides(seen: Tensor, mirrored: Tensor, sides: Sides, odd_dims: int | None) -> Tensor:
    """Join looks (..., d) at images and at their mirror images: (..., d), or (..., 2 d) for both
    kept apart.

    The sum of two looks is the same for the mirror image (even), their difference is its negative
    (odd). With a photo's looks a and a' and another's b and b', (a + a')(b + b') + (a - a')(b - b')
    = 2 (ab + a'b'): both, side by side, keep the looks apart, where the sum alone counts ab' and
    a'b as well. `odd_dims`: the last so many of d are taken of the difference and the others of the
    sum, once principal axes of either have been chosen (`training.ensembles.reduce_dimensions`).
    """
    added = seen + mirrored
    if sides == "added" or odd_dims == 0:
        return added
    taken_away = seen - mirrored
    if odd_dims is None:
        return torch.cat([added, taken_away], dim=-1)
    return torch.cat([added[..., :-odd_dims], taken_away[..., -odd_dims:]], dim=-1)
