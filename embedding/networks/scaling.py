"""Images at a network's size: PyTorch's antialiased bilinear interpolation, also in graphs."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def scaled(images: Tensor, width_px: int, height_px: int) -> Tensor:
    """(n, c, h, w) -> (n, c, height_px, width_px); images of that size as they are.

    While a network is exported the same is done by two matrix products: no other program has
    PyTorch's operator.
    """
    height, width = int(images.shape[2]), int(images.shape[3])
    if (height, width) == (height_px, width_px):
        return images
    if torch.compiler.is_exporting():
        rows = _weights(height, height_px)
        columns = _weights(width, width_px)
        return rows @ (images @ columns.T)
    return functional.interpolate(images, (height_px, width_px), mode="bilinear", antialias=True)


def _weights(before: int, after: int) -> Tensor:
    """(after, before): what each pixel before has of each one after; rows sum to 1.

    A triangle about each pixel's middle, as wide as the scale, as PyTorch's antialiased
    interpolation has it. Made of two short rows of numbers, so that an exported graph stays small.
    """
    scale = before / after
    support = max(scale, 1.0)
    middles = ((torch.arange(after, dtype=torch.float32) + 0.5) * scale).unsqueeze(1)
    places = (torch.arange(before, dtype=torch.float32) + 0.5).unsqueeze(0)
    triangles = (1 - (places - middles).abs() / support).clamp(min=0)
    return triangles / triangles.sum(1, keepdim=True)
