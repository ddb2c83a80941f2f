"""A checkpoint's networks computed by PyTorch, on a CPU or a GPU."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from embedding.networks.detection.detector import Detector
from embedding.networks.ensemble import Ensemble, members_of
from embedding.networks.fused_batch_norm import fuse_batch_norms
from embedding.networks.locator import AnyLocator, mean_box
from embedding.networks.malloc import keep_freed_memory
from embedding.networks.network import Network
from embedding.photos.preprocessing import Preprocessing
from embedding.runtime import Floats, MemberViews, Pixels, View, has_one_map

_PROBE_PX = 64  # any size that a backbone takes shows which of its layers reads which
_AFTER_MAPS = ("pool.", "project.", "neck.")


class EagerRuntime:
    """Networks in evaluation mode on a device (None: the GPU where there is one)."""

    name = "torch"

    def __init__(
        self,
        network: Network | Ensemble,
        preprocessing: Preprocessing,
        *,
        locator: AnyLocator | None = None,
        detector: Detector | None = None,
        device: str | None = None,
    ) -> None:
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        if self.device.type == "cpu":
            keep_freed_memory()
        self.network = network.eval().to(self.device).to(memory_format=torch.channels_last)
        self.locator = locator.eval().to(self.device) if locator is not None else None
        self.detector = detector.eval().to(self.device) if detector is not None else None
        self.preprocessing = preprocessing
        self.dimension = network.dimension
        self.batch_size = 256 if self.device.type == "cuda" else 16

    @property
    def parts(self) -> tuple[slice, ...]:
        """See `embedding.runtime.Runtime`."""
        ends = np.cumsum([0, *(member.dimension for member in members_of(self.network))]).tolist()
        return tuple(slice(*both) for both in pairwise(ends))

    @property
    def locator_px(self) -> int | None:
        """See `embedding.runtime.Runtime`."""
        return None if self.locator is None else self.locator.px

    @property
    def detector_px(self) -> int | None:
        """See `embedding.runtime.Runtime`."""
        return None if self.detector is None else self.detector.px

    @property
    def has_heat(self) -> bool:
        """See `embedding.runtime.Runtime`."""
        return all(has_one_map(member.config) for member in members_of(self.network))

    def fuse_batch_norms(self) -> EagerRuntime:
        """Fuse the networks' batch norms: they answer sooner, and can't be trained any more.

        See embedding.networks.fused_batch_norm.
        """
        locators = [each for each in (self.locator, self.detector) if each is not None]
        for network, px in [
            *((each, _PROBE_PX) for each in members_of(self.network)),
            *((each, each.px) for each in locators),
        ]:
            noise = torch.rand(1, 3, px, px, generator=torch.Generator().manual_seed(0))
            fuse_batch_norms(network, noise.to(self.device, memory_format=torch.channels_last))
        return self

    @torch.inference_mode()
    def boxes(self, pixels: Pixels) -> Floats:
        """See `embedding.runtime.Runtime`."""
        assert self.locator is not None
        images = torch.from_numpy(pixels).to(self.device).permute(0, 3, 1, 2).float() / 255.0
        return mean_box(self.locator, images).cpu().numpy()

    @torch.inference_mode()
    def cells(self, pixels: Pixels) -> Floats:
        """See `embedding.runtime.Runtime`."""
        assert self.detector is not None
        images = torch.from_numpy(pixels).to(self.device).permute(0, 3, 1, 2).float() / 255.0
        return self.detector(images).cpu().numpy()

    @torch.inference_mode()
    def embed(self, pixels: Pixels) -> Floats:
        """See `embedding.runtime.Runtime`."""
        embeddings = self.network.both_views(self._normalised(pixels))
        return functional.normalize(embeddings.float()).cpu().numpy()

    @torch.inference_mode()
    def views(self, pixels: Pixels) -> list[MemberViews]:
        """See `embedding.runtime.Runtime`."""
        images = self._normalised(pixels)
        if isinstance(self.network, Network):
            return [_views_of(self.network, images, None)]
        lengths = self.network.shares(images).sqrt()  # (n, m)
        return [
            _views_of(member, self.network.input_of(images, at), lengths[:, at])
            for at, member in enumerate(self.network.networks)
            if bool(lengths[:, at].any())  # else it has no part in any of the photos
        ]

    @torch.inference_mode()
    def member_views(self, pixels: Pixels) -> list[Floats]:
        """(n, h, w, 3) -> each member's view (n, view_dim), whatever its shares; of unit length
        where there are several.
        """
        images = self._normalised(pixels)
        if isinstance(self.network, Network):
            return [self.network(images).cpu().numpy()]
        return [
            self.network.member_view(images, at).cpu().numpy()
            for at in range(len(self.network.networks))
        ]

    def _normalised(self, pixels: NDArray[np.uint8]) -> Tensor:
        return normalised(torch.from_numpy(pixels).to(self.device), self.preprocessing)


def normalised(pixels: Tensor, preprocessing: Preprocessing) -> Tensor:
    """(n, h, w, 3) uint8 -> (n, 3, h, w) float32 channels_last with the preprocessing's mean and
    deviation.
    """
    mean = torch.tensor(preprocessing.mean, device=pixels.device)
    std = torch.tensor(preprocessing.std, device=pixels.device)
    # The permuted view of (n, h, w, 3) already lies in memory as channels_last.
    return ((pixels.float() / 255.0 - mean) / std).permute(0, 3, 1, 2)


@torch.inference_mode()
def _views_of(network: Network, images: Tensor, lengths: Tensor | None) -> MemberViews:
    tensors = {
        name: value.float().cpu().numpy()
        for name, value in network.state_dict().items()
        if name.startswith(_AFTER_MAPS)
    }
    return MemberViews(
        network.config,
        tensors,
        _view(network, images),
        _view(network, images.flip(network.mirror_axis)),
        None if lengths is None else lengths.cpu().numpy(),
    )


def _view(network: Network, images: Tensor) -> View:
    placements = network.placements(images)
    return View(
        network.feature_maps(images).float().cpu().numpy(),
        None if placements is None else placements.cpu().numpy(),
    )
