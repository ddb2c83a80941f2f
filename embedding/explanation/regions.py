"""Which regions of two photos make their distance: the pooled cosine taken apart into the network's
map cells.

A map cell's heat is what it contributes to the cosine of the two embeddings, as in Stylianou,
Souvenir and Pless 2019 (Visualizing deep similarity networks, arXiv 1901.00536), here exactly: the
generalised mean is shared out by the cells' shares of its power sum, and the linear layer and
BNNeck are affine. The cells of either photo therefore add up to the very cosine that decides. The
best cosine of single cells was tried too, and says little of what the network goes by: greying out
parts of 60 query photos with the shipped checkpoint, the loss of similarity had a mean rank
correlation (Spearman, 16 parts a photo) of .44 with the contributions and of -.07 with the best
cosine of cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding.embedder import Embedder
from embedding.networks.config import (
    ALIGNED_MARGIN,
    LEAST_POOLED,
    MIRROR_AXES,
    PLACE_WEIGHT,
    SHORTEST,
    BadNetwork,
    NetworkConfig,
)
from embedding.networks.mirror import fuse_views
from embedding.runtime import MemberViews, Tensors, View, has_one_map

HeatMap = NDArray[np.float64]
Floats = NDArray[np.floating[Any]]
_NECK_EPS = 1e-5  # what PyTorch's batch normalisation adds to a variance


@dataclass(frozen=True, slots=True)
class Heat:
    """What each region of two photos contributes to their cosine, and the distance that comes of
    it.

    `query` and `reference` (h', w') lie over the pixels that the network saw; each sums to 1 -
    `distance`. Positive: the region speaks for the same animal, negative: against.
    """

    query: HeatMap
    reference: HeatMap
    distance: float


def heat_maps(embedder: Embedder, query: NDArray[np.uint8], reference: NDArray[np.uint8]) -> Heat:
    """Take the distance of two photos apart; both (h, w, 3) uint8, as the embedder's preprocessing
    has made them.

    The mirror images that an embedding is made of too are turned back. An ensemble's heat is the
    sum of its members' parts, on the finest of their grids. Raises BadNetwork for a network that
    has no one map.
    """
    found = [_both_views(member) for member in embedder.runtime.views(np.stack([query, reference]))]
    totals = [each.sum((1, 2)) for each in found]  # (2, d) each
    lengths = np.sqrt(
        np.sum([(total**2).sum(1) for total in totals], axis=0)
    )  # (2,) of the whole embeddings
    cosine_of = max(float(lengths.prod()), 1e-12)
    height, width = (max(each.shape[axis] for each in found) for axis in (1, 2))
    of_query, of_reference = (
        np.sum(
            [
                _resampled(each[at] @ total[1 - at] / cosine_of, height, width)
                for each, total in zip(found, totals, strict=True)
            ],
            axis=0,
        )
        for at in (0, 1)
    )
    return Heat(of_query, of_reference, float(np.clip(1 - of_query.sum(), 0, 2)))


def region_vectors(config: NetworkConfig, tensors: Tensors, view: View) -> HeatMap:
    """Share a view out over its map cells: n photos -> (n, h', w', view_dim).

    The sum over h' and w' is the network's own output, not yet of unit length. What BNNeck adds to
    any photo (its offset) belongs to no region and is spread evenly. Raises BadNetwork.
    """
    if not has_one_map(config):
        raise BadNetwork(
            "a network that pools several stages or branches has no one map to draw heat on; "
            "give a checkpoint with "
            'stages = 1 and branches = "whole"'
        )
    parts = _pooled_cells(config, tensors, view.maps.astype(np.float64))  # (n, h', w', width)
    # Affine in evaluation mode: what comes of nothing is the offset, which must not be counted once
    # a cell.
    matrix, offset = _affine(tensors)
    vectors = parts if matrix is None else parts @ matrix.T
    regions = vectors + offset / (parts.shape[1] * parts.shape[2])
    return regions if view.placements is None else in_photo(regions, view.placements)


def _affine(tensors: Tensors) -> tuple[HeatMap | None, HeatMap | float]:
    """What follows the pooling: a matrix (view_dim, width), None where it changes nothing, and an
    offset (view_dim,).
    """
    if "project.weight" not in tensors:
        return None, 0.0
    project = tensors["project.weight"].astype(np.float64)
    if "neck.running_mean" not in tensors:
        return project, 0.0
    mean, variance, weight, bias = (
        tensors[f"neck.{name}"].astype(np.float64)
        for name in ("running_mean", "running_var", "weight", "bias")
    )
    scale = weight / np.sqrt(variance + _NECK_EPS)
    return project * scale[:, None], bias - mean * scale


def _pooled_cells(config: NetworkConfig, tensors: Tensors, maps: HeatMap) -> HeatMap:
    """What each cell of maps (n, c, h', w') adds to what they are pooled to: (n, h', w', width)."""
    if config.pooling == "vlad":
        return _vlad_cells(tensors, maps)
    if config.pooling == "gem":
        power = float(tensors["pool.p"])
        # Clamped as in pooling, or the shares are others.
        powered = np.maximum(maps, LEAST_POOLED) ** power
        pooled = powered.mean((2, 3), keepdims=True) ** (1 / power)
        return (powered / powered.sum((2, 3), keepdims=True) * pooled).transpose(0, 2, 3, 1)
    return maps.transpose(0, 2, 3, 1) / (maps.shape[2] * maps.shape[3])


def _vlad_cells(tensors: Tensors, maps: HeatMap) -> HeatMap:
    """What each cell adds to `embedding.networks.pooling.Vlad`'s vector: (n, h', w', k (d + 2))."""
    weight, bias, centers, sharpness = (
        tensors[f"pool.{name}"].astype(np.float64)
        for name in ("reduce.weight", "reduce.bias", "centers", "sharpness")
    )
    count, _, height, width = maps.shape
    cells = (
        (maps / _lengths(maps, (1,), 1e-12)).transpose(0, 2, 3, 1).reshape(count, -1, len(maps[0]))
    )
    rows, columns = _cells_of(height, width)
    place = (np.stack([columns / width, rows / height], 1) - 0.5) * PLACE_WEIGHT
    local = cells @ weight[:, :, 0, 0].T + bias
    cells = np.concatenate([local, np.broadcast_to(place, (count, *place.shape))], 2)  # (n, p, d+2)
    squared = (
        (cells**2).sum(2, keepdims=True) - 2 * cells @ centers.T + (centers**2).sum(1)
    )  # (n, p, k)
    nearness = np.exp(-sharpness * (squared - squared.min(2, keepdims=True)))
    shares = nearness / nearness.sum(2, keepdims=True)
    residuals = shares[..., None] * (cells[:, :, None] - centers)  # (n, p, k, d + 2)
    lengths = _lengths(residuals.sum(1, keepdims=True), (3,), SHORTEST)
    return (residuals / lengths).reshape(count, height, width, -1)


def _cells_of(height: int, width: int) -> tuple[HeatMap, HeatMap]:
    """The row and the column (p,) of each cell of a map, row by row."""
    rows, columns = np.divmod(np.arange(height * width, dtype=np.float64), width)
    return rows, columns


def in_photo(regions: HeatMap, placements: Floats) -> HeatMap:
    """Bring what belongs to cells of aligned images to where they are in the photos: (n, h', w', d)
    -> the same shape.

    Each cell goes wholly to the photo's cell that its middle lies in (or the nearest), so that sums
    stay.
    """
    count, height, width, size = regions.shape
    rows, columns = _cells_of(height, width)
    middles = np.stack(
        [(2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1, np.ones(len(rows))]
    )  # (3, p)
    scale = 1 / (1 - 2 * ALIGNED_MARGIN)
    places = (placements.astype(np.float64) * [scale, scale, 1.0]) @ middles  # (n, 2, p)
    ends = np.array([width, height])[:, None]
    cells = np.clip(((places + 1) / 2 * ends).astype(np.int64), 0, ends - 1)
    placed = np.zeros((count, height * width, size))
    to = cells[:, 1] * width + cells[:, 0]
    for at in range(count):
        np.add.at(placed[at], to[at], regions[at].reshape(-1, size))
    return placed.reshape(regions.shape)


def _both_views(member: MemberViews) -> HeatMap:
    """A member's regions of photos and of their mirror images, turned back and joined: (n, h', w',
    d).
    """
    seen = region_vectors(member.config, member.tensors, member.seen)
    mirrored = region_vectors(member.config, member.tensors, member.mirrored)
    # The regions' axes are one earlier than those of images.
    mirrored = np.flip(mirrored, MIRROR_AXES[member.config.mirror] - 1)
    fusion, odd_dims = member.config.mirror_fusion, member.config.odd_dims
    if member.lengths is None:
        return fuse_views(seen, mirrored, fusion, odd_dims)
    views = fuse_views(_of_unit_length(seen), _of_unit_length(mirrored), fusion, odd_dims)
    return views * member.lengths.astype(np.float64)[:, None, None, None]


def _of_unit_length(regions: HeatMap) -> HeatMap:
    """Scale (n, h', w', d) so that the regions of each image add up to unit length."""
    return regions / _lengths(regions.sum((1, 2), keepdims=True), (3,), 1e-12)


def _lengths(vectors: HeatMap, axes: tuple[int, ...], least: float) -> HeatMap:
    return np.maximum(np.sqrt((vectors**2).sum(axes, keepdims=True)), least)


def _resampled(heat: HeatMap, height: int, width: int) -> HeatMap:
    """Bring heat to a grid at least as fine, by overlapping areas: its sum stays."""
    return _overlaps(heat.shape[0], height) @ heat @ _overlaps(heat.shape[1], width).T


def _overlaps(coarse: int, fine: int) -> HeatMap:
    """(fine, coarse): the share of each coarse cell's length that lies in each fine cell; columns
    sum to 1.
    """
    coarse_ends, fine_ends = np.arange(coarse + 1) / coarse, np.arange(fine + 1) / fine
    ends = np.minimum(fine_ends[1:, None], coarse_ends[None, 1:])
    starts = np.maximum(fine_ends[:-1, None], coarse_ends[None, :-1])
    return np.maximum(ends - starts, 0) * coarse
