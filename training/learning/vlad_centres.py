"""First weights of vlad pooling: centres and projection fitted to the photos to learn from."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2  # pyright: ignore[reportUnknownVariableType]
from torch import Tensor

from embedding.eager.eager_runtime import normalised
from embedding.networks.network import Network
from embedding.networks.pooling import CENTRES_FITTED, Vlad
from embedding.photos.preprocessing import Preprocessing
from index.progress import progress

PHOTOS_TO_CLUSTER = 1500
"""How many photos the centres are found in."""
_CELLS = 60_000
_BATCH = 32
_ROUNDS = 20


def fit_vlad(
    network: Network,
    pixels: NDArray[np.uint8],
    rows: NDArray[np.int64],
    preprocessing: Preprocessing,
    seed: int,
) -> None:
    """Fit vlad pooling, and the linear layer after it, to rows of pixels (n, h, w, 3).

    Parts that were fitted before are left as they are.

    Of the pixels, which may be a file larger than memory, no more than those are read.

    Cells are reduced to their principal axes, half whitened, and centres are those of k-means. The
    linear layer takes the principal axes of the pooled vectors, half whitened too. Other poolings
    are left as they are.
    """
    if not isinstance(network.pool, Vlad) or network.pool.is_fitted == 1.0:
        return
    rng = np.random.default_rng(seed)
    chosen = pixels[rows[np.sort(rng.permutation(len(rows))[:PHOTOS_TO_CLUSTER])]]
    was_training = network.training
    network.eval()
    maps = _maps(network, chosen, preprocessing)
    if network.pool.is_fitted < CENTRES_FITTED:
        _fit_cells(network.pool, maps, rng)
    _fit_projection(network, network.pool, maps)
    network.pool.is_fitted.fill_(1.0)
    network.train(was_training)


@torch.no_grad()
def _maps(network: Network, pixels: NDArray[np.uint8], preprocessing: Preprocessing) -> Tensor:
    """(n, h, w, 3) -> the backbone's maps (n, c, h', w')."""
    device, found = next(network.parameters()).device, list[Tensor]()
    with progress(len(pixels), "looking for clusters") as advance:
        for at in range(0, len(pixels), _BATCH):
            batch = torch.from_numpy(np.ascontiguousarray(pixels[at : at + _BATCH])).to(device)
            found.append(network.feature_maps(normalised(batch, preprocessing)).float())
            advance(len(batch))
    return torch.cat(found)


@torch.no_grad()
def _fit_cells(pool: Vlad, maps: Tensor, rng: np.random.Generator) -> None:
    cells = torch.nn.functional.normalize(maps, dim=1).permute(0, 2, 3, 1).flatten(0, 2)
    some = cells[torch.from_numpy(rng.permutation(len(cells))[:_CELLS]).to(cells.device)]
    axes, mean = _half_whitening(some, pool.reduce.out_channels)
    scale = (
        ((some - mean) @ axes).square().sum(1).mean().sqrt()
    )  # cells are of length 1 in the mean, as places are
    pool.reduce.weight.copy_((axes / scale).T[:, :, None, None])
    pool.reduce.bias.copy_(-(mean @ axes) / scale)  # pyright: ignore[reportOptionalMemberAccess]
    placed = torch.cat(
        [pool.cells(maps[at : at + _BATCH]).flatten(0, 1) for at in range(0, len(maps), _BATCH)]
    )
    some = placed[torch.from_numpy(rng.permutation(len(placed))[:_CELLS]).to(placed.device)]
    clusters = min(len(pool.centers), len(some))
    centers = cast(
        "NDArray[np.float32]",
        kmeans2(some.cpu().numpy(), clusters, iter=_ROUNDS, minit="++", rng=rng)[0],
    )
    pool.centers[:clusters].copy_(torch.from_numpy(centers))


@torch.no_grad()
def _fit_projection(network: Network, pool: Vlad, maps: Tensor) -> None:
    vectors = torch.cat([pool(maps[at : at + _BATCH]) for at in range(0, len(maps), _BATCH)])
    wanted = min(network.view_dim, len(vectors) - 1)
    axes, _ = _half_whitening(vectors, wanted)
    network.project.weight[:wanted].copy_(axes.T)  # pyright: ignore[reportIndexIssue, reportArgumentType]


def _half_whitening(rows: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Find principal axes (d, count) of rows (n, d), half whitened, and the mean (d,).

    Each axis is shortened by the root of its deviation.
    """
    mean = rows.mean(0)
    _, deviations, axes = torch.pca_lowrank(rows, q=min(count, *rows.shape), center=True, niter=4)
    deviations = deviations / len(rows) ** 0.5
    axes = axes / (deviations + 0.1 * deviations.mean()).sqrt()
    return torch.nn.functional.pad(axes, (0, count - axes.shape[1])), mean
