"""training/learning/optimisation.py: rates, plateaus, early stopping and averages at known
points.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from embedding.networks.network import Network, NetworkConfig
from training.learning.optimisation import (
    backbone_factor,
    build_optimiser,
    is_stale,
    moving_average,
    plain_average,
    rate_factor,
    record_validation,
    reset_plateau,
    set_rate,
)
from training.learning.resume import Position
from training.recipes.choices import OptimiserChoices, ScheduleChoices

TINY = NetworkConfig("test_resnet", embedding_dim=4)


def factor(epoch: int, step: int = 0, **choices: Any) -> float:
    return rate_factor(
        ScheduleChoices(**choices), Position(epoch=epoch, step=step, rate_factor=0.09), 10
    )


def test_the_warm_up_climbs_to_the_whole_rate_step_by_step() -> None:
    plain = {"kind": "constant", "warmup_epochs": 2.0}
    assert [factor(0, step, **plain) for step in (0, 1, 9)] == pytest.approx([0.05, 0.1, 0.5])
    assert [factor(1, 9, **plain), factor(2, 0, **plain), factor(99, 0, **plain)] == [1.0, 1.0, 1.0]
    assert factor(0, 0, kind="constant", warmup_epochs=0.0) == 1.0


def test_the_cosine_falls_from_one_to_zero() -> None:
    chosen = {"kind": "cosine", "epochs": 8, "warmup_epochs": 0.0}
    found = [factor(epoch, **chosen) for epoch in (0, 2, 4, 6, 8)]
    assert found == pytest.approx(
        [1.0, (1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2, 0.0]
    )
    assert factor(3, 5, **chosen) == pytest.approx(0.5 * (1 + math.cos(math.pi * 3.5 / 8)))
    # The warm-up multiplies: half way up at the second of ten steps of .4 epochs.
    assert factor(0, 1, kind="cosine", epochs=8, warmup_epochs=0.4) == pytest.approx(
        0.5 * 0.5 * (1 + math.cos(math.pi * 0.1 / 8))
    )


def test_the_plateau_rate_is_what_validations_have_made_of_it() -> None:
    assert factor(5, kind="plateau", warmup_epochs=0.0) == 0.09


def scores(choices: ScheduleChoices, *values: float) -> Position:
    position = Position()
    for epoch, value in enumerate(values):
        position.epoch = epoch
        record_validation(choices, position, value)
    return position


def test_the_best_score_is_kept_with_its_epoch() -> None:
    choices = ScheduleChoices()
    position = Position(epoch=4)
    assert record_validation(choices, position, 0.0)  # any score beats none
    position.epoch = 5
    assert record_validation(choices, position, 0.5)
    position.epoch = 6
    assert not record_validation(choices, position, 0.5)  # no better, so the earlier stays
    assert (position.best, position.best_epoch, position.stale_validations) == (0.5, 5, 1)
    assert position.rate_factor == 1.0


def test_a_plateau_reduces_the_rate_after_its_patience_again_and_again() -> None:
    choices = ScheduleChoices(kind="plateau", plateau_patience=1, plateau_factor=0.5)
    stale = [scores(choices, 0.9, *[0.1] * count).rate_factor for count in range(6)]
    assert stale == [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    assert (
        scores(choices, 0.1, 0.05, 0.2, 0.1).rate_factor == 1.0
    )  # a better score begins the patience anew
    assert scores(ScheduleChoices(kind="cosine", plateau_patience=0), 0.9, 0.1).rate_factor == 1.0


def test_the_plateau_reduces_when_torch_s_own_does() -> None:
    values = [0.5, 0.4, 0.6, 0.6, 0.6, 0.5, 0.5, 0.5, 0.7, 0.1, 0.1, 0.1, 0.1]
    weight = nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([weight], lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimiser, "max", factor=0.3, patience=2, threshold=0
    )
    choices = ScheduleChoices(kind="plateau", plateau_patience=2, plateau_factor=0.3)
    for count, value in enumerate(values, start=1):
        theirs.step(value)
        assert scores(choices, *values[:count]).rate_factor == pytest.approx(
            optimiser.param_groups[0]["lr"]
        )


def test_early_stopping_counts_epochs_since_the_best() -> None:
    choices = ScheduleChoices(early_stop_epochs=4, validate_every_epochs=2)
    assert not is_stale(choices, scores(choices, 0.5, 0.4))
    assert is_stale(choices, scores(choices, 0.5, 0.4, 0.4))
    assert not is_stale(choices, scores(choices, 0.5, 0.4, 0.6))
    assert not is_stale(ScheduleChoices(early_stop_epochs=0), scores(choices, 0.5, *[0.1] * 50))


@pytest.mark.parametrize(
    ("kind", "built"),
    [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)],
)
def test_every_weight_is_in_one_group_with_its_rate_and_decay(kind: Any, built: type) -> None:
    network, head = Network(TINY), nn.Linear(4, 9, bias=False)
    choices = OptimiserChoices(kind=kind, rate=0.01, head_rate_factor=3.0, weight_decay=0.05)
    optimiser = build_optimiser(network, head, choices)
    assert type(optimiser) is built
    decayed, plain, of_head = optimiser.param_groups
    assert (decayed["weight_decay"], plain["weight_decay"], of_head["weight_decay"]) == (
        0.05,
        0.0,
        0.05,
    )
    assert all(p.ndim > 1 for p in decayed["params"]) and all(p.ndim <= 1 for p in plain["params"])
    assert of_head["params"] == [head.weight]
    assert len(decayed["params"]) + len(plain["params"]) == len(list(network.parameters()))
    set_rate(optimiser, 0.5)
    assert [group["lr"] for group in optimiser.param_groups] == pytest.approx([0.005, 0.005, 0.015])
    set_rate(optimiser, 0.5)  # of the base rate, not of the last one
    assert optimiser.param_groups[0]["lr"] == pytest.approx(0.005)


def test_a_backbone_of_another_rate_has_groups_of_its_own() -> None:
    network = Network(TINY)
    choices = OptimiserChoices(rate=0.01, backbone_rate_factor=0.1)
    optimiser = build_optimiser(network, nn.Linear(4, 9, bias=False), choices)
    set_rate(optimiser, 0.5, 0.2)
    assert [group["lr"] for group in optimiser.param_groups] == pytest.approx(
        [5e-3, 5e-3, 2.5e-2, 1e-4, 1e-4]
    )
    own = [weight for group in optimiser.param_groups[3:] for weight in group["params"]]
    assert {id(weight) for weight in own} == {
        id(weight) for weight in network.backbone.parameters()
    }
    every = [id(weight) for group in optimiser.param_groups for weight in group["params"]]
    assert len(every) == len(set(every)) == len(list(network.parameters())) + 1
    assert (
        len(
            build_optimiser(
                network, nn.Identity(), OptimiserChoices(), has_frozen_epochs=True
            ).param_groups
        )
        == 4
    )


def test_a_backbone_that_was_frozen_begins_as_the_run_began() -> None:
    choices = ScheduleChoices(freeze_epochs=3, warmup_epochs=2.0)
    found = [
        backbone_factor(choices, Position(epoch=epoch, step=step), 10)
        for epoch, step in ((0, 9), (2, 9), (3, 0))
    ]
    assert found == pytest.approx([0.0, 0.0, 0.05])
    assert backbone_factor(choices, Position(epoch=4, step=9), 10) == 1.0
    assert backbone_factor(ScheduleChoices(), Position(), 10) == 1.0
    assert (
        backbone_factor(ScheduleChoices(freeze_epochs=1, warmup_epochs=0.0), Position(epoch=1), 10)
        == 1.0
    )


def test_the_cosine_ends_where_weights_begin_to_be_averaged() -> None:
    chosen = {
        "kind": "cosine",
        "epochs": 10,
        "swa_epochs": 2,
        "swa_rate_factor": 0.2,
        "warmup_epochs": 0.0,
    }
    assert [factor(epoch, **chosen) for epoch in (0, 4, 8, 9)] == pytest.approx(
        [1.0, 0.6, 0.2, 0.2]
    )


def test_the_plain_average_is_the_mean_and_has_the_last_statistics() -> None:
    network = Network(TINY)
    average = plain_average(network)
    for value in (1.0, 2.0, 6.0):
        with torch.no_grad():
            network.neck.weight.fill_(value)
            network.neck.running_mean.fill_(value)
        average.update_parameters(network)
    assert average.module.neck.weight.tolist() == pytest.approx([3.0] * 4)
    assert average.module.neck.running_mean.tolist() == [6.0] * 4


def test_patience_that_begins_anew_leaves_the_best() -> None:
    position = Position(best=0.7, best_epoch=3, stale_validations=4, rate_factor=0.1)
    reset_plateau(position)
    assert position == Position(best=0.7, best_epoch=3)


def test_a_loss_without_weights_has_no_group_and_sgd_needs_no_momentum() -> None:
    optimiser = build_optimiser(
        Network(TINY), nn.Identity(), OptimiserChoices(kind="sgd", momentum=0.0)
    )
    assert len(optimiser.param_groups) == 2 and not optimiser.param_groups[0]["nesterov"]


def test_the_average_follows_quickly_at_first_and_slowly_later() -> None:
    network = Network(TINY)
    average = moving_average(network, 0.5)
    watched = [
        network.neck.weight,
        network.neck.running_mean,
        network.neck.num_batches_tracked,
    ]  # a buffer too
    averaged = average.module.neck
    wanted = 0.0
    for count, value in enumerate([3.0, 5.0, 11.0, 2.0, 8.0, 1.0, 7.0, 4.0, 9.0, 6.0]):
        with torch.no_grad():
            for each in watched:
                each.fill_(int(value))
        average.update_parameters(network)
        kept = min(0.5, (1 + count) / (10 + count)) if count else 0.0  # the first is a plain copy
        wanted = kept * wanted + (1 - kept) * value
        assert averaged.weight[0].item() == pytest.approx(wanted, rel=1e-5)
        assert averaged.running_mean[0].item() == pytest.approx(wanted, rel=1e-5)
        assert averaged.num_batches_tracked.item() == value  # whole numbers aren't averaged


def test_no_decay_is_no_average() -> None:
    network = Network(TINY)
    average = moving_average(network, 0.0)
    for value in (1.0, 2.0, 3.0):
        with torch.no_grad():
            network.neck.weight.fill_(value)
        average.update_parameters(network)
    assert torch.equal(average.module.neck.weight, network.neck.weight)
