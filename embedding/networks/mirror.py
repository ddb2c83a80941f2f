"""How an embedding is made of two views: of the photo, and of its mirror image."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Mirror = Literal["horizontal", "vertical"]
MIRROR_AXES: dict[str, int] = {"horizontal": 3, "vertical": 2}
"""Along which axis of (n, 3, h, w) a mirror image is turned."""
MirrorFusion = Literal["sum", "separate"]
"""sum: the two views are added, so that a photo and its mirror image get the same embedding.
separate: photos are compared with photos and mirror images with mirror images, never crosswise."""


def fused_dim(view_dim: int, mirror_fusion: MirrorFusion, odd_dims: int | None) -> int:
    """How many numbers `fuse_views` makes of views that have `view_dim`."""
    return 2 * view_dim if mirror_fusion == "separate" and odd_dims is None else view_dim


def fuse_views(
    seen: Tensor, mirrored: Tensor, mirror_fusion: MirrorFusion, odd_dims: int | None
) -> Tensor:
    """Fuse views (..., d) of images and of their mirror images: (..., d), or (..., 2 d).

    The sum of two views is the same for the mirror image (even). Their difference is its negative
    (odd). With a photo's views a and a' and another's b and b', (a + a')(b + b') + (a - a')(b - b')
    = 2 (ab + a'b'). So sum and difference side by side keep the views separate; the sum alone
    counts ab' and a'b as well.

    `odd_dims`: the last so many of d are taken of the difference, the others of the sum. That is
    for principal axes chosen in either (`training.ensembles.reduce_dimensions`).
    """
    added = seen + mirrored
    if mirror_fusion == "sum" or odd_dims == 0:
        return added
    difference = seen - mirrored
    if odd_dims is None:
        return torch.cat([added, difference], dim=-1)
    return torch.cat([added[..., :-odd_dims], difference[..., -odd_dims:]], dim=-1)
