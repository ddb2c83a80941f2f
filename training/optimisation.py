"""Optimisers, learning-rate schedules and the moving average of weights."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from embedding.network import Network
from training.recipe import OptimiserChoices, ScheduleChoices
from training.state import Position

_GROUP_RATE = "flukeprint_rate"


def build_optimiser(network: Network, losses: nn.Module, choices: OptimiserChoices) -> torch.optim.Optimizer:
    """One group for weights, one without decay for scales and biases, one for the loss's class weights."""
    decayed = [p for p in network.parameters() if p.ndim > 1]
    plain = [p for p in network.parameters() if p.ndim <= 1]
    head = [p for p in losses.parameters() if p.ndim > 1]
    head_plain = [p for p in losses.parameters() if p.ndim <= 1]
    groups: list[dict[str, Any]] = [
        {"params": decayed, _GROUP_RATE: choices.rate},
        {"params": plain, _GROUP_RATE: choices.rate, "weight_decay": 0.0},
        {"params": head, _GROUP_RATE: choices.rate * choices.head_rate_factor},
        {"params": head_plain, _GROUP_RATE: choices.rate * choices.head_rate_factor, "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if choices.kind == "sgd":
        return torch.optim.SGD(
            groups,
            lr=choices.rate,
            momentum=choices.momentum,
            weight_decay=choices.weight_decay,
            nesterov=choices.momentum > 0,
        )
    kind = torch.optim.AdamW if choices.kind == "adamw" else torch.optim.Adam
    return kind(groups, lr=choices.rate, weight_decay=choices.weight_decay)


def set_rate(optimiser: torch.optim.Optimizer, factor: float) -> None:
    """Set every group's rate to its own base rate times `factor`."""
    for group in optimiser.param_groups:
        group["lr"] = group[_GROUP_RATE] * factor


def rate_factor(choices: ScheduleChoices, position: Position, steps_per_epoch: int) -> float:
    """The rate at a position, as a share of the recipe's: a pure function, so that --resume needs no schedule state."""
    done = position.epoch + position.step / steps_per_epoch
    warm = min(1.0, (done + 1 / steps_per_epoch) / choices.warmup_epochs) if choices.warmup_epochs > 0 else 1.0
    if choices.kind == "cosine":
        return warm * 0.5 * (1.0 + math.cos(math.pi * min(1.0, done / choices.epochs)))
    if choices.kind == "plateau":
        return warm * position.rate_factor
    return warm


def note_validation(choices: ScheduleChoices, position: Position, score: float) -> bool:
    """Take a validation score into the position; True when it is the best so far."""
    if score > position.best:
        position.best, position.best_epoch, position.stale_validations = score, position.epoch, 0
        return True
    position.stale_validations += 1
    if choices.kind == "plateau" and position.stale_validations % (choices.plateau_patience + 1) == 0:
        position.rate_factor *= choices.plateau_factor
    return False


def is_stale(choices: ScheduleChoices, position: Position) -> bool:
    """Whether early stopping is wanted and due."""
    epochs_since = position.stale_validations * choices.validate_every_epochs
    return choices.early_stop_epochs > 0 and epochs_since >= choices.early_stop_epochs


def moving_average(network: Network, decay: float) -> AveragedModel:
    """An exponential moving average of weights and batch statistics, quick to forget its beginning."""

    def average(averaged: Tensor, current: Tensor, count: int | Tensor) -> Tensor:
        if not averaged.is_floating_point():
            return current
        # On the device throughout: reading `count` here would halt a GPU once for every tensor.
        steps = torch.as_tensor(count, dtype=averaged.dtype)
        kept = ((1.0 + steps) / (10.0 + steps)).clamp(max=decay)
        return averaged.lerp(current, 1.0 - kept)

    return AveragedModel(network, avg_fn=average, use_buffers=True)
