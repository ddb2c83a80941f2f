"""Reduce a network's embedding: its linear layer and BNNeck folded onto principal axes."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from embedding.errors import FlukeprintError

SAMPLE_PHOTOS = 1500
"""How many photos of a species the axes are found by."""
_BATCH_NORM_EPS = 1e-5  # torch's own default, which BNNeck has


class BadDimensions(FlukeprintError):
    """More dimensions than the embedding has, or photos too few to find so many axes."""


def reduce_dimensions(
    weights: dict[str, Tensor],
    prefix: str,
    vectors: Tensor,
    dimensions: int,
    *,
    mirrored: Tensor | None = None,
) -> int | None:
    """Reduce one network's embedding to so many numbers, in place, in weights named `prefix`...

    `vectors` (n, d) are its unit vectors of some photos. The axes are those along which they are
    longest, not widest about their mean: cosines are what must stay. `mirrored` (n, d) are those of
    the photos' mirror images, where both views are fused separately (embedding.networks.mirror).
    Then the longest axes of their sums and of their differences are taken, sums first; returned is
    how many are of the differences. Raises BadDimensions.
    """
    if f"{prefix}neck.running_var" not in weights:
        raise BadDimensions(
            f"{prefix or 'the network'} has no linear embedding with BNNeck to bring down: it "
            "was made with "
            "neck = false or embedding_dim = 0. Combine without --dimensions"
        )
    views = [vectors] if mirrored is None else [vectors + mirrored, vectors - mirrored]
    most = sum(min(view.shape) for view in views)
    if not 1 <= dimensions <= most:
        raise BadDimensions(
            f"{dimensions} dimensions of embeddings that have {len(views) * vectors.shape[1]}, by "
            f"{len(vectors)} photos; "
            f"allowed are 1 to {most}"
        )
    found = [_axes(view) for view in views]
    longest = torch.cat([lengths for lengths, _ in found]).argsort(descending=True)[:dimensions]
    whose = torch.arange(len(views)).repeat_interleave(vectors.shape[1])[longest]
    counts = [int((whose == at).sum()) for at in range(len(views))]
    _fold(
        weights,
        prefix,
        torch.cat([axes[:count] for (_, axes), count in zip(found, counts, strict=True)]),
    )
    return None if mirrored is None else counts[1]


def _axes(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Find principal axes (d, d) of vectors (n, d) and squared lengths (d,), longest first."""
    # Of d x d numbers instead of n x d: its eigenvectors are the same axes, the longest last.
    moments = vectors.T.double() @ vectors.double()
    lengths, axes = cast("tuple[Tensor, Tensor]", cast(Any, torch.linalg).eigh(moments))
    return lengths.flip(0), axes.flip(1).T.float()


def _fold(weights: dict[str, Tensor], prefix: str, axes: Tensor) -> None:
    """Put axes (k, d) into the linear layer and BNNeck before them."""
    deviation = (weights[f"{prefix}neck.running_var"] + _BATCH_NORM_EPS).sqrt()
    scale = weights[f"{prefix}neck.weight"] / deviation
    shift = weights[f"{prefix}neck.bias"] - weights[f"{prefix}neck.running_mean"] * scale
    weights[f"{prefix}project.weight"] = axes @ (
        scale[:, None] * weights[f"{prefix}project.weight"]
    )
    weights[f"{prefix}neck.bias"] = axes @ shift
    weights[f"{prefix}neck.weight"] = torch.ones(len(axes))
    weights[f"{prefix}neck.running_mean"] = torch.zeros(len(axes))
    weights[f"{prefix}neck.running_var"] = torch.full((len(axes),), 1.0 - _BATCH_NORM_EPS)
