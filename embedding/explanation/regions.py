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

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from embedding.embedder import Embedder, normalised
from embedding.networks.aligner import in_photo
from embedding.networks.backbone import BadNetwork
from embedding.networks.ensemble import Ensemble
from embedding.networks.network import Network
from embedding.networks.pooling import GeneralizedMean, Vlad

HeatMap = NDArray[np.float64]


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


@torch.inference_mode()
def heat_maps(embedder: Embedder, query: NDArray[np.uint8], reference: NDArray[np.uint8]) -> Heat:
    """Take the distance of two photos apart; both (h, w, 3) uint8, as the embedder's preprocessing
    has made them.

    The mirror images that an embedding is made of too are turned back. An ensemble's heat is the
    sum of its members' parts, on the finest of their grids.
    """
    images = normalised(
        torch.from_numpy(np.stack([query, reference])).to(embedder.device), embedder.preprocessing
    )
    found = [
        both.cpu().numpy().astype(np.float64) for both in _both_views(embedder.network, images)
    ]
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


def members_of(network: Network | Ensemble) -> list[Network]:
    """The networks of an ensemble, or the one there is."""
    return list(network.networks) if isinstance(network, Ensemble) else [network]


def has_heat(network: Network | Ensemble) -> bool:
    """Whether every member pools one whole map, so that the embedding can be shared out over its
    cells.
    """
    return all(
        one.config.stages == 1 and one.config.branches == "whole" for one in members_of(network)
    )


def region_vectors(network: Network, images: Tensor) -> Tensor:
    """Share embeddings out over map cells: (n, 3, h, w) normalised pixels -> (n, h', w', d), in
    evaluation mode.

    The sum over h' and w' is the network's own output, not yet of unit length. What BNNeck adds to
    any photo (its offset) belongs to no region and is spread evenly.
    """
    if not has_heat(network):
        raise BadNetwork(
            "a network that pools several stages or branches has no one map to draw heat on; "
            "give a checkpoint with "
            'stages = 1 and branches = "whole"'
        )
    parts = _pooled_cells(network.pool, network.feature_maps(images).float())  # (n, h', w', width)
    width, cells = parts.shape[3], parts.shape[1] * parts.shape[2]
    # Affine in evaluation mode: what comes of nothing is the offset, which must not be counted once
    # a cell.
    offset = network.neck(network.project(parts.new_zeros(1, width)).float())
    vectors = (
        network.neck(network.project(parts.reshape(-1, width)).float()) - offset + offset / cells
    )
    regions, placements = vectors.reshape(*parts.shape[:3], -1), network.placements(images)
    return regions if placements is None else in_photo(regions, placements)


def _pooled_cells(pool: nn.Module, maps: Tensor) -> Tensor:
    """What each cell of maps (n, c, h', w') adds to what they are pooled to: (n, h', w', width)."""
    if isinstance(pool, Vlad):
        parts = pool.parts(maps)
        return parts.reshape(len(maps), *maps.shape[2:], parts.shape[2])
    if isinstance(pool, GeneralizedMean):
        powered = maps.clamp(min=1e-6).pow(
            pool.p
        )  # clamped as in pooling, or the shares are others
        shares = powered / powered.sum((2, 3), keepdim=True)
        return (shares * pool(maps)[:, :, None, None]).permute(0, 2, 3, 1)
    return maps.permute(0, 2, 3, 1) / (maps.shape[2] * maps.shape[3])


def _both_views(network: Network | Ensemble, images: Tensor) -> list[Tensor]:
    """Each member's regions of images and of their mirror images, turned back and joined: (n, h',
    w', d).
    """
    if isinstance(network, Network):
        return [network.fused(region_vectors(network, images), _mirrored(network, images))]
    lengths = network.shares(images).sqrt()  # (n, m)
    both: list[Tensor] = []
    for at, member in enumerate(network.networks):
        if not bool(lengths[:, at].any()):  # it has no part in either photo
            continue
        view = network.input_of(images, at)
        views = (
            _of_unit_length(region_vectors(member, view)),
            _of_unit_length(_mirrored(member, view)),
        )
        both.append(member.fused(*views) * lengths[:, at, None, None, None])
    return both


def _mirrored(network: Network, images: Tensor) -> Tensor:
    """The regions of the mirror images, at the places where they are in the images themselves."""
    regions = region_vectors(
        network, images.flip(network.mirror_axis)
    )  # (n, h', w', d): axes one earlier than images'
    return regions.flip(network.mirror_axis - 1)


def _of_unit_length(regions: Tensor) -> Tensor:
    """Scale (n, h', w', d) so that the regions of each image add up to unit length."""
    lengths = regions.sum((1, 2), keepdim=True).square().sum(3, keepdim=True).sqrt()
    return regions / lengths.clamp(min=1e-12)


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
