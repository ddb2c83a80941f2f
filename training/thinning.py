"""Fewer numbers in a network's embedding: its last linear layer and BNNeck, folded onto the principal axes."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from embedding.errors import FlukeprintError

PHOTOS_TO_THIN_BY = 1500
"""How many photos of a species the axes are found by."""
_BATCH_NORM_EPS = 1e-5  # torch's own default, which BNNeck has


class BadDimensions(FlukeprintError):
    """More dimensions than the embedding has, or photos too few to find so many axes."""


def thin(weights: dict[str, Tensor], prefix: str, vectors: Tensor, dimensions: int) -> None:
    """Bring one network's embedding down to so many numbers, in place of its weights named `prefix`...

    `vectors` (n, d) are its unit vectors of some photos. The axes are those along which they are longest, not widest
    about their mean: cosines are what must stay. Raises BadDimensions.
    """
    most = min(vectors.shape)
    if not 1 <= dimensions <= most:
        raise BadDimensions(
            f"{dimensions} dimensions of embeddings that have {vectors.shape[1]}, by {len(vectors)} photos; allowed "
            f"are 1 to {most}"
        )
    # Of d x d numbers instead of n x d: its eigenvectors are the same axes, the longest last.
    moments = vectors.T.double() @ vectors.double()
    directions = cast(Tensor, cast(Any, torch.linalg).eigh(moments)[1])
    axes = directions.flip(1)[:, :dimensions].T.float()  # (k, d)
    deviation = (weights[f"{prefix}neck.running_var"] + _BATCH_NORM_EPS).sqrt()
    scale = weights[f"{prefix}neck.weight"] / deviation
    shift = weights[f"{prefix}neck.bias"] - weights[f"{prefix}neck.running_mean"] * scale
    weights[f"{prefix}project.weight"] = axes @ (scale[:, None] * weights[f"{prefix}project.weight"])
    weights[f"{prefix}neck.bias"] = axes @ shift
    weights[f"{prefix}neck.weight"] = torch.ones(dimensions)
    weights[f"{prefix}neck.running_mean"] = torch.zeros(dimensions)
    weights[f"{prefix}neck.running_var"] = torch.full((dimensions,), 1.0 - _BATCH_NORM_EPS)
