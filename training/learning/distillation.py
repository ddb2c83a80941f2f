"""Distillation: a smaller network learns a trained one's cosines between photos."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from embedding.checkpoint import DEFAULT_CHECKPOINT, read_header
from embedding.eager.stored_networks import build_networks
from embedding.networks.backbone import BadNetwork
from embedding.networks.ensemble import members_of
from embedding.photos.preprocessing import Preprocessing
from training.recipes.choices import DistillationChoices


def teacher_path(choices: DistillationChoices) -> Path:
    """Where the teacher's checkpoint is. Raises BadNetwork when there is none."""
    path = DEFAULT_CHECKPOINT if choices.teacher == "default" else Path(choices.teacher)
    if not path.is_file():
        raise BadNetwork(
            f"distillation.teacher = {choices.teacher!r}: there is no such file. Allowed are "
            '"", "default", or a '
            "checkpoint file"
        )
    return path


class Teacher:
    """A frozen network, and the loss that draws a student's cosines to its own."""

    def __init__(
        self, choices: DistillationChoices, preprocessing: Preprocessing, device: torch.device
    ) -> None:
        """Load the teacher.

        Raises BadCheckpoint, or BadNetwork where its input differs from the student's.
        """
        path = teacher_path(choices)
        header = read_header(path)
        if header.preprocessing != preprocessing:
            raise BadNetwork(
                f"the teacher {path} takes another input than the recipe "
                f"({header.preprocessing} and {preprocessing}): "
                "both look at the same pixels; give the recipe the teacher's [input]"
            )
        network, _ = build_networks(path, header)
        self.network = (
            network.eval().requires_grad_(False).to(device).to(memory_format=torch.channels_last)
        )
        self.uses_both_views = any(one.config.odd_dims for one in members_of(network))
        self.weight = choices.weight

    @torch.no_grad()
    def embed(self, images: Tensor) -> Tensor:
        """Embed images as the student does: (n, 3, h, w) -> (n, d), by one view.

        Two where axes have been chosen for two (`odd_dims`): one alone would count some of them
        twice.
        """
        return (
            self.network.both_views(images) if self.uses_both_views else self.network(images)
        ).float()

    def loss(self, embeddings: Tensor, taught: Tensor) -> Tensor:
        """Compute the weighted mean squared difference of all pairs' cosines.

        The student's embeddings are (n, d), the teacher's (n, e).
        """
        own, theirs = functional.normalize(embeddings), functional.normalize(taught)
        return self.weight * functional.mse_loss(own @ own.T, theirs @ theirs.T)
