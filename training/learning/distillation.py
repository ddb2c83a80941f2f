"""Distillation: a trained network shows a smaller one which photos are how alike."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from embedding.checkpoint import DEFAULT_CHECKPOINT, read_header
from embedding.embedder import build_networks
from embedding.explanation.regions import members_of
from embedding.networks.backbone import BadNetwork
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
    """A frozen network, and the loss that draws a student's cosines to its."""

    def __init__(
        self, choices: DistillationChoices, preprocessing: Preprocessing, device: torch.device
    ) -> None:
        """Load the teacher. Raises BadCheckpoint, or BadNetwork where it takes another input than
        the student.
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
        self.looks_twice = any(one.config.odd_dims for one in members_of(network))
        self.weight = choices.weight

    @torch.no_grad()
    def look(self, images: Tensor) -> Tensor:
        """(n, 3, h, w) -> (n, d) what the teacher makes of them: one look, as the student's.

        Two where axes have been chosen for two (`odd_dims`): one alone would count some of them
        twice.
        """
        return (
            self.network.both_views(images) if self.looks_twice else self.network(images)
        ).float()

    def loss(self, embeddings: Tensor, shown: Tensor) -> Tensor:
        """The weighted mean squared difference of the cosines of all pairs: (n, d) and the
        teacher's (n, e).
        """
        own, theirs = functional.normalize(embeddings), functional.normalize(shown)
        return self.weight * functional.mse_loss(own @ own.T, theirs @ theirs.T)
