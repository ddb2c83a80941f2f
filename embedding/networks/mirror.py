"""How an embedding is made of two views: of the photo, and of its mirror image; torch-free."""

from __future__ import annotations

from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from embedding.networks.config import MirrorFusion

Array = TypeVar("Array")
"""A tensor or a NumPy array."""


def fused_dim(view_dim: int, mirror_fusion: MirrorFusion, odd_dims: int | None) -> int:
    """How many numbers `fuse_views` makes of views that have `view_dim`."""
    return 2 * view_dim if mirror_fusion == "separate" and odd_dims is None else view_dim


def fuse_views(
    seen: Array, mirrored: Array, mirror_fusion: MirrorFusion, odd_dims: int | None
) -> Array:
    """Fuse views (..., d) of images and of their mirror images: (..., d), or (..., 2 d).

    The sum of two views is the same for the mirror image (even). Their difference is its negative
    (odd). With a photo's views a and a' and another's b and b', (a + a')(b + b') + (a - a')(b - b')
    = 2 (ab + a'b'). So sum and difference side by side keep the views separate; the sum alone
    counts ab' and a'b as well.

    `odd_dims`: the last so many of d are taken of the difference, the others of the sum. That is
    for principal axes chosen in either (`training.ensembles.reduce_dimensions`).
    """
    one, other = cast(Any, seen), cast(Any, mirrored)
    added = one + other
    if mirror_fusion == "sum" or odd_dims == 0:
        return added
    difference = one - other
    if odd_dims is None:
        return _side_by_side(added, difference)
    return _side_by_side(added[..., :-odd_dims], difference[..., -odd_dims:])


def _side_by_side(left: Any, right: Any) -> Any:
    if isinstance(left, np.ndarray):
        return np.concatenate([cast("NDArray[Any]", left), right], axis=-1)
    import torch

    return torch.cat([left, right], dim=-1)
