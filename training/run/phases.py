"""What changes with the epoch: the backbone frozen at first, few individuals before all, the last
epochs averaged.
"""

from __future__ import annotations

import torch
from torch import nn

from training.learning.optimisation import reset_moments, set_class_weight_decay
from training.recipes.choices import Recipe, ScheduleChoices
from training.run.run import Run
from training.run.step import NORMS, autocast, images_of, seed_step

_BATCH_STATISTICS = (
    2**20
)  # a step that no epoch has: what batch statistics draw isn't what a step of learning draws


def is_frozen(schedule: ScheduleChoices, epoch: int) -> bool:
    """Whether the backbone stays as it is in this epoch."""
    return epoch < schedule.freeze_epochs


def is_averaged_plainly(schedule: ScheduleChoices, epoch: int) -> bool:
    """Whether this is one of the last epochs, of whose weights the plain mean is taken."""
    return epoch >= schedule.epochs - schedule.swa_epochs


def begins_phase(recipe: Recipe, epoch: int) -> bool:
    """Whether something else begins with this epoch, so that patience must begin anew."""
    return epoch > 0 and epoch in (recipe.schedule.freeze_epochs, recipe.first_stage.epochs)


def is_last_phase(recipe: Recipe, epoch: int) -> bool:
    """Whether all weights learn from all individuals by now: before, no run is stopped early."""
    frozen = recipe.schedule.freeze_epochs
    return epoch >= recipe.first_stage.epochs and (
        epoch >= frozen or frozen >= recipe.schedule.epochs
    )


def enter_epoch(run: Run, wrapped: nn.Module) -> None:
    """Set modes, and what learns, as the epoch at the run's position has it."""
    epoch, is_first_stage = run.position.epoch, run.batches_now is not run.batches
    wrapped.train()
    frozen = is_frozen(run.recipe.schedule, epoch)
    backbone = run.network.backbone
    assert isinstance(backbone, nn.Module)
    backbone.requires_grad_(not frozen)
    if frozen:
        backbone.eval()  # batch statistics stay, and nothing is dropped
    drawn = torch.from_numpy(run.batches_now.is_drawn) if is_first_stage else None
    run.losses.restrict_classes(drawn.to(run.world.device) if drawn is not None else None)
    set_class_weight_decay(run.optimiser, is_enabled=not is_first_stage)
    if epoch == run.recipe.first_stage.epochs > 0 and run.position.step == 0:
        reset_moments(run.optimiser, run.losses.parameters())


def is_wrapped_anew(run: Run) -> bool:
    """Whether what learns is not what learned in the epoch before, which a wrapper for several
    processes must know.
    """
    epoch, schedule = run.position.epoch, run.recipe.schedule
    return epoch > 0 and is_frozen(schedule, epoch) != is_frozen(schedule, epoch - 1)


def take_into_average(run: Run) -> None:
    """Take the weights after one of the last epochs into their plain mean."""
    if run.plain_average is not None and is_averaged_plainly(
        run.recipe.schedule, run.position.epoch
    ):
        run.plain_average.update_parameters(run.network)


def renew_batch_statistics(run: Run) -> None:
    """Take batch statistics for the plain mean, of which no step has any, from an epoch's
    photos.
    """
    if run.plain_average is None or not is_averaged_plainly(
        run.recipe.schedule, run.position.epoch
    ):
        return
    seed_step(run, _BATCH_STATISTICS)
    averaged = run.plain_average.module
    was_training = averaged.training
    averaged.train()
    # Not torch's update_bn: it also forgets the statistics of what stays in evaluation mode, as an
    # aligner does.
    norms = [
        module for module in averaged.modules() if isinstance(module, NORMS) and module.training
    ]
    momenta = {module: module.momentum for module in norms}
    for module in momenta:
        module.reset_running_stats()
        module.momentum = None  # the plain mean over all batches
    with torch.no_grad(), autocast(run):
        for rows in run.batches.epoch(run.position.epoch):
            averaged(images_of(run, rows))
    for module, momentum in momenta.items():
        module.momentum = momentum
    averaged.train(was_training)
