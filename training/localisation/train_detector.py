"""Training the detector on scenes that are drawn as it learns; it goes on after an interruption."""

from __future__ import annotations

import copy
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import generalized_box_iou_loss

from embedding.checkpoint import write_atomically
from embedding.networks.detection.detector import CELLS, Detector
from embedding.networks.fused_batch_norm import fuse_batch_norms
from index.progress import progress
from training.localisation.scenes import Scene, SceneComposer

_SPREAD = 0.54  # how much of a box its cells' scores are spread over (arXiv:1909.00700)
_LEAST_SHARE = 0.1  # cells with less of an animal's score don't learn its box
_BOX_WEIGHT = 5.0
_HEAD_FACTOR = 3.0  # times the rate for the layers that no ImageNet has seen
_WARM_SHARE = 0.05
_SAVED_EVERY = 100


@dataclass(frozen=True, slots=True)
class DetectorSteps:
    """How long, how fast and in batches of how many scenes the detector learns."""

    steps: int
    batch: int = 20
    rate: float = 1e-3
    seed: int = 0


def train_detector(
    detector: Detector,
    composer: SceneComposer,
    choices: DetectorSteps,
    state: Path,
) -> Detector:
    """Train a detector on scenes of the composer; returns it in evaluation mode.

    Where `state` is there, it goes on from it, and the outcome is the same on a CPU. The file is
    written every so many steps; the caller removes it.
    """
    optimiser = _optimiser(detector, choices.rate)
    begun = _read_state(state, detector, optimiser)
    rates = [group["lr"] for group in _optimiser(detector, choices.rate).param_groups]
    front = _begin(detector)
    with progress(choices.steps, "training the detector") as advance:
        advance(begun)
        for step in range(begun, choices.steps):
            factor = _rate_factor(step / choices.steps)
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            rng = np.random.default_rng([choices.seed, step])
            loss = misfit(detector, front, [composer.scene(rng) for _ in range(choices.batch)])
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(detector.parameters(), 10.0)
            optimiser.step()
            advance(1)
            if (step + 1) % _SAVED_EVERY == 0 or step + 1 == choices.steps:
                _write_state(state, detector, optimiser, step + 1)
    return detector.eval()


def misfit(detector: Detector, front: nn.Module, scenes: Sequence[Scene]) -> Tensor:
    """The loss of a batch: a focal loss of the scores, and the boxes' generalised overlap.

    `front` makes the fine maps.
    """
    pixels = np.stack([scene.pixels for scene in scenes])
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255.0
    with torch.no_grad():
        fine = front(images * 2 - 1)
    logits, boxes = detector.found_in(fine)
    wanted = [targets(scene) for scene in scenes]
    scores = torch.stack([one.scores for one in wanted])
    weights = torch.stack([one.weights for one in wanted])
    places = torch.stack([one.boxes for one in wanted])
    found = torch.sigmoid(logits)
    is_middle = scores == 1
    of_middles = (1 - found).square() * functional.logsigmoid(logits)
    of_others = (1 - scores) ** 4 * found.square() * functional.logsigmoid(-logits)
    animals = max(1, int(is_middle.sum()))
    misplaced = -torch.where(is_middle, of_middles, of_others).sum() / animals
    is_learned = weights > 0
    apart = generalized_box_iou_loss(boxes[is_learned], places[is_learned])
    return misplaced + _BOX_WEIGHT * (apart * weights[is_learned]).sum() / animals


@dataclass(frozen=True, slots=True)
class Targets:
    """What each cell of a scene should say: scores (c,), boxes (c, 4), how much each box counts."""

    scores: Tensor
    boxes: Tensor
    weights: Tensor


def targets(scene: Scene) -> Targets:
    """A score of 1 in the cell of each animal's middle, falling off around it."""
    places = (np.arange(CELLS) + 0.5) / CELLS
    scores = np.zeros((CELLS, CELLS), np.float32)
    boxes = np.zeros((CELLS, CELLS, 4), np.float32)
    weights = np.zeros((CELLS, CELLS), np.float32)
    sizes = (scene.boxes[:, 2:] - scene.boxes[:, :2]).prod(1)
    for box in scene.boxes[np.argsort(-sizes)]:  # of two animals the smaller one has the cell
        across, down = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        column, row = (min(int(at * CELLS), CELLS - 1) for at in (across, down))
        wide, high = (
            max(_SPREAD * side / 6, 0.4 / CELLS) for side in (box[2] - box[0], box[3] - box[1])
        )
        share = np.exp(
            -np.square((places[None, :] - places[column]) / wide) / 2
            - np.square((places[:, None] - places[row]) / high) / 2
        ).astype(np.float32)
        is_own = (share >= _LEAST_SHARE) & (share >= scores)
        scores = np.maximum(scores, share)
        scores[row, column] = 1
        boxes[is_own] = box
        weights[is_own] = share[is_own] / share[is_own].sum()
    return Targets(
        *(
            torch.from_numpy(one.reshape(CELLS**2, *one.shape[2:]))
            for one in (scores, boxes, weights)
        )
    )


def _begin(detector: Detector) -> nn.Module:
    """Put all into training mode but the fine layers, which see edges and stay as they are.

    Returns those with their batch norms fused: they take half the time of a step.
    """
    detector.train().to(memory_format=torch.channels_last)
    detector.fine.eval().requires_grad_(False)
    front = copy.deepcopy(detector.fine)
    noise = torch.rand(1, 3, detector.px, detector.px, generator=torch.Generator().manual_seed(0))
    fuse_batch_norms(front, noise.to(memory_format=torch.channels_last))
    return front


def _optimiser(detector: Detector, rate: float) -> torch.optim.Optimizer:
    trunk = [*detector.middle.parameters(), *detector.coarse.parameters()]
    known = {id(each) for each in [*trunk, *detector.fine.parameters()]}
    head = [each for each in detector.parameters() if id(each) not in known]
    return torch.optim.AdamW(
        [{"params": trunk, "lr": rate}, {"params": head, "lr": rate * _HEAD_FACTOR}],
        weight_decay=0.02,
    )


def _rate_factor(share: float) -> float:
    """Up over the first steps, then down to nothing as a cosine."""
    if share < _WARM_SHARE:
        return 0.05 + 0.95 * share / _WARM_SHARE
    return 0.5 + 0.5 * float(np.cos(np.pi * (share - _WARM_SHARE) / (1 - _WARM_SHARE)))


def _read_state(path: Path, detector: Detector, optimiser: torch.optim.Optimizer) -> int:
    """Load what was learned so far; returns how many steps that took."""
    if not path.exists():
        return 0
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    detector.load_state_dict(state["detector"])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["step"])


def _write_state(
    path: Path, detector: Detector, optimiser: torch.optim.Optimizer, step: int
) -> None:
    content = io.BytesIO()
    torch.save(
        {"detector": detector.state_dict(), "optimiser": optimiser.state_dict(), "step": step},
        content,
    )
    write_atomically(path, content.getvalue())
