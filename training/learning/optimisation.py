"""Optimisers, learning-rate schedules and the moving average of weights."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from embedding.networks.network import Network
from training.learning.resume import Position
from training.recipes.choices import OptimiserChoices, ScheduleChoices

_GROUP_RATE = "flukeprint_rate"
_OF_BACKBONE = "flukeprint_backbone"
_HEAD_DECAY = "flukeprint_head_decay"


def build_optimiser(
    network: Network,
    losses: nn.Module,
    choices: OptimiserChoices,
    *,
    has_frozen_epochs: bool = False,
) -> torch.optim.Optimizer:
    """Build the optimiser: weights, scales and biases without decay, class weights.

    The backbone has groups of its own where its rate is another's at any time.
    """
    has_own_groups = has_frozen_epochs or choices.backbone_rate_factor != 1.0
    backbone = [*cast(nn.Module, network.backbone).parameters()] if has_own_groups else []
    of_backbone = {id(weight) for weight in backbone}
    others = [weight for weight in network.parameters() if id(weight) not in of_backbone]
    decayed = [p for p in others if p.ndim > 1]
    plain = [p for p in others if p.ndim <= 1]
    head = [p for p in losses.parameters() if p.ndim > 1]
    head_plain = [p for p in losses.parameters() if p.ndim <= 1]
    groups: list[dict[str, Any]] = [
        {"params": decayed, _GROUP_RATE: choices.rate},
        {"params": plain, _GROUP_RATE: choices.rate, "weight_decay": 0.0},
        {
            "params": head,
            _GROUP_RATE: choices.rate * choices.head_rate_factor,
            _HEAD_DECAY: choices.weight_decay,
        },
        {
            "params": head_plain,
            _GROUP_RATE: choices.rate * choices.head_rate_factor,
            "weight_decay": 0.0,
        },
        *_backbone_groups(backbone, choices.rate * choices.backbone_rate_factor),
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


def _backbone_groups(weights: list[nn.Parameter], rate: float) -> list[dict[str, Any]]:
    options: dict[str, Any] = {_GROUP_RATE: rate, _OF_BACKBONE: True}
    return [
        {"params": [p for p in weights if p.ndim > 1], **options},
        {"params": [p for p in weights if p.ndim <= 1], **options, "weight_decay": 0.0},
    ]


def set_rate(optimiser: torch.optim.Optimizer, factor: float, backbone_factor: float = 1.0) -> None:
    """Set every group's rate to its base rate times `factor`.

    The backbone's is also multiplied by `backbone_factor`.
    """
    for group in optimiser.param_groups:
        group["lr"] = (
            group[_GROUP_RATE] * factor * (backbone_factor if _OF_BACKBONE in group else 1.0)
        )


def set_class_weight_decay(optimiser: torch.optim.Optimizer, *, is_enabled: bool) -> None:
    """Switch weight decay of the loss's class weights on or off.

    Without decay a class that no step knows stays unchanged.

    Adam divides decay by what little gradient there is, so that unknown classes would move as fast
    as known ones.
    """
    for group in optimiser.param_groups:
        if _HEAD_DECAY in group:
            group["weight_decay"] = group[_HEAD_DECAY] if is_enabled else 0.0


def reset_moments(optimiser: torch.optim.Optimizer, weights: Iterable[nn.Parameter]) -> None:
    """Reset the optimiser's moments of these weights, and their correction for few steps."""
    for weight in weights:
        optimiser.state.pop(weight, None)


def rate_factor(choices: ScheduleChoices, position: Position, steps_per_epoch: int) -> float:
    """Compute the rate at a position, as a share of the recipe's.

    A pure function, so that --resume needs no schedule state.
    """
    done = position.epoch + position.step / steps_per_epoch
    warm = (
        min(1.0, (done + 1 / steps_per_epoch) / choices.warmup_epochs)
        if choices.warmup_epochs > 0
        else 1.0
    )
    if choices.kind == "cosine":
        falling = 0.5 * (
            1.0 + math.cos(math.pi * min(1.0, done / (choices.epochs - choices.swa_epochs)))
        )
        end = choices.swa_rate_factor if choices.swa_epochs else 0.0
        return warm * (end + (1.0 - end) * falling)
    if choices.kind == "plateau":
        return warm * position.rate_factor
    return warm


def backbone_factor(choices: ScheduleChoices, position: Position, steps_per_epoch: int) -> float:
    """Compute the rate's share for a backbone that is frozen at first.

    Nothing while frozen; then it climbs as at the run's start.
    """
    if position.epoch < choices.freeze_epochs:
        return 0.0
    if not choices.freeze_epochs or choices.warmup_epochs <= 0:
        return 1.0
    done = position.epoch - choices.freeze_epochs + (position.step + 1) / steps_per_epoch
    return min(1.0, done / choices.warmup_epochs)


def reset_plateau(position: Position) -> None:
    """Reset the plateau's patience and rate factor for a new phase; the best score stays."""
    position.stale_validations, position.rate_factor = 0, 1.0


def record_validation(choices: ScheduleChoices, position: Position, score: float) -> bool:
    """Record a validation score in the position; True where it is the best so far."""
    if score > position.best:
        position.best, position.best_epoch, position.stale_validations = score, position.epoch, 0
        return True
    position.stale_validations += 1
    if (
        choices.kind == "plateau"
        and position.stale_validations % (choices.plateau_patience + 1) == 0
    ):
        position.rate_factor *= choices.plateau_factor
    return False


def is_stale(choices: ScheduleChoices, position: Position) -> bool:
    """Tell whether early stopping is chosen and due."""
    epochs_since = position.stale_validations * choices.validate_every_epochs
    return choices.early_stop_epochs > 0 and epochs_since >= choices.early_stop_epochs


def moving_average(network: Network, decay: float) -> AveragedModel:
    """Average weights and batch statistics exponentially, forgetting the start quickly."""

    def average(averaged: Tensor, current: Tensor, count: int | Tensor) -> Tensor:
        if not averaged.is_floating_point():
            return current
        # On the device throughout: reading `count` here would halt a GPU once for every tensor.
        steps = torch.as_tensor(count, dtype=averaged.dtype)
        old_share = ((1.0 + steps) / (10.0 + steps)).clamp(max=decay)
        return averaged.lerp(current, 1.0 - old_share)

    return AveragedModel(network, avg_fn=average, use_buffers=True)


def plain_average(network: Network) -> AveragedModel:
    """Average weights plainly; batch statistics are the last ones, to be computed anew."""
    return AveragedModel(network)
