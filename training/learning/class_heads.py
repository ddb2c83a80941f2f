"""Heads of the losses that know classes: ArcFace, focal and softmax."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_metric_learning import losses
from torch import Tensor, nn
from torchvision.ops import sigmoid_focal_loss

_RADIANS_PER_DEGREE = np.pi / 180.0


def dynamic_margins_degrees(photos_of_identity: NDArray[np.int64]) -> NDArray[np.float32]:
    """Margins that shrink as an identity has more photos n: .27 n^-.364 + .05 radians.

    Source: first place of Happywhale 2022, after Ha et al. 2020 (Google Landmark Recognition).
    """
    radians = 0.27 * np.maximum(photos_of_identity, 1).astype(np.float64) ** -0.364 + 0.05
    return (radians / _RADIANS_PER_DEGREE).astype(np.float32)


def arcface_cosines(cosines: Tensor, margins: Tensor) -> Tensor:
    """The cosines (n,) of angles that are wider by margins (n,) in radians."""
    angles = torch.acos(cosines.clamp(-1 + 1e-6, 1 - 1e-6))  # acos has no gradient at its ends
    # Past 180 degrees the cosine would rise again; the library's own straight line keeps it
    # falling.
    return torch.where(
        angles + margins <= torch.pi,
        torch.cos(angles + margins),
        cosines - margins * torch.sin(margins),
    )


class ClassHead:
    """Mixed into heads with classes: class weights, and the classes not yet known."""

    class_weights: Tensor  # (c,)
    unknown: Tensor | None  # (c,) bool

    def set_class_weights(self, weights: NDArray[np.float32]) -> None:
        # Left out of the state: recipe and photos give them again.
        cast(Any, self).register_buffer(
            "class_weights", torch.from_numpy(weights), persistent=False
        )
        self.unknown = None

    def cosines_of_known(self, cosines: Tensor) -> Tensor:
        """Set the cosines (n, c) of classes not yet known to -1, so that they are no rivals."""
        return cosines if self.unknown is None else cosines.masked_fill(self.unknown, -1.0)


class _IdentityMargins(ClassHead):
    """Mixed into the library's ArcFace losses: a margin an identity, and no mirror twin as rival.

    The mirror image of a fluke is another identity that shares all its pigment. A softmax
    that separates the two would work against the very features that both are known by.
    """

    def prepare(self, margins_degrees: Tensor, twin_shift: int) -> None:
        cast(Any, self).register_buffer(
            "margins", margins_degrees * _RADIANS_PER_DEGREE, persistent=False
        )
        self.twin_shift = twin_shift
        self.labels: Tensor | None = None

    def compute_loss(self, embeddings: Tensor, labels: Tensor, *others: Any) -> Any:
        self.labels = labels
        self.margin = cast(Any, self).margins[labels]
        terms = cast(Any, super()).compute_loss(embeddings, labels, *others)
        terms["loss"]["losses"] = terms["loss"]["losses"] * self.class_weights[labels]
        return terms

    def get_cosine(self, embeddings: Tensor) -> Tensor:
        cosine = self.cosines_of_known(cast(Any, super()).get_cosine(embeddings))
        if not self.twin_shift or self.labels is None:
            return cosine
        twins = (self.labels + self.twin_shift) % (2 * self.twin_shift)
        return cosine.scatter(1, twins[:, None], -1.0)

    def modify_cosine_of_target_classes(self, cosine: Tensor) -> Tensor:
        return arcface_cosines(cosine, self.margin)


class ArcFaceHead(_IdentityMargins, cast(Any, losses.ArcFaceLoss)):
    pass


class SubCenterArcFaceHead(_IdentityMargins, cast(Any, losses.SubCenterArcFaceLoss)):
    pass


def twins_of(identities: Tensor, twin_shift: int) -> Tensor:
    """The mirror twin of each identity (n,): training.learning.batches.Rows numbers them.

    `twin_shift` 0: there are none.
    """
    twins = (identities + twin_shift) % (2 * twin_shift) if twin_shift else identities
    return torch.where(identities >= 0, twins, -1 - ((-1 - identities) ^ 1))


class FocalHead(ClassHead, nn.Module):
    """A sigmoid for each identity over scaled cosines, with focal loss over hard negatives.

    Unlike a softmax it may say "none of them": a new whale has the target 0 everywhere. The mirror
    twin is neither. Focal loss: Lin et al. 2017, gamma 2, summed over identities and divided by
    photos.
    """

    def __init__(
        self, count: int, dimension: int, *, scale: float, hardest: int, twin_shift: int
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.normal_(torch.empty(count, dimension)))
        # At the start nobody is recognised: a cosine of one half is a probability of one half.
        self.bias = nn.Parameter(torch.tensor(-0.5 * scale))
        self.scale, self.hardest, self.twin_shift = scale, hardest, twin_shift

    def forward(self, embeddings: Tensor, identities: Tensor) -> Tensor:
        cosines = nn.functional.normalize(embeddings) @ nn.functional.normalize(self.weight).T
        logits = self.scale * cosines + self.bias  # (n, identities)
        numbers = torch.arange(len(self.weight), device=logits.device)
        is_own = numbers == identities[:, None]
        twins = twins_of(identities, self.twin_shift)[:, None]
        is_rival = ~is_own & ((numbers != twins) | (twins == identities[:, None]))
        is_rival = is_rival if self.unknown is None else is_rival & ~self.unknown
        rivals = logits.detach().masked_fill(~is_rival, -torch.inf)
        is_hard = torch.zeros_like(is_own).scatter(
            1, rivals.topk(min(self.hardest, len(numbers))).indices, value=True
        )
        focal = sigmoid_focal_loss(logits, is_own.float(), alpha=-1, gamma=2)
        of_photos = (focal * (is_own | (is_hard & is_rival))).sum(1)
        weights = torch.where(
            identities >= 0, self.class_weights[identities.clamp(min=0)], 1.0
        )  # new whales count 1
        return (weights * of_photos).sum() / len(embeddings)


class SoftmaxHead(ClassHead, nn.Module):
    """A softmax over scaled cosines with smoothed labels (Szegedy et al. 2016)."""

    def __init__(self, count: int, dimension: int, *, scale: float, smoothing: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.normal_(torch.empty(count, dimension)))
        self.scale, self.smoothing = scale, smoothing

    def forward(self, embeddings: Tensor, identities: Tensor) -> Tensor:
        cosines = nn.functional.normalize(embeddings) @ nn.functional.normalize(self.weight).T
        logits, numbers = self.scale * cosines, identities
        if self.unknown is not None:  # left out: smoothing would give them a share of the truth
            logits, numbers = (
                logits[:, ~self.unknown],
                (torch.cumsum(~self.unknown, 0) - 1)[identities],
            )
        of_photos = nn.functional.cross_entropy(
            logits, numbers, label_smoothing=self.smoothing, reduction="none"
        )
        return (of_photos * self.class_weights[identities]).mean()
