"""One step of learning: a batch forward, backward, and the weights moved."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from training.learning.batches import Batch
from training.run.run import Run


def seed_step(run: Run, step: int) -> None:
    """Let all that is drawn next hang on (seed, epoch, step, rank) alone."""
    seed = np.random.SeedSequence([run.recipe.seed, run.position.epoch, step, run.world.rank])
    torch.manual_seed(int(seed.generate_state(1)[0]))


def images_of(run: Run, rows: Batch) -> Tensor:
    """The photos of a batch, changed at random and mirrored where asked: (n, 3, h, w) float32 on
    the device.
    """
    device = run.world.device
    pixels = torch.from_numpy(np.ascontiguousarray(run.pixels[run.rows[rows.photos]])).to(device)
    return run.augmentation(pixels, torch.from_numpy(rows.is_mirrored).to(device))


def take_step(run: Run, wrapped: nn.Module, rows: Batch) -> float:
    """Learn from one batch, at the rates that the optimiser has; returns the loss, which may be no
    number.
    """
    compute, world = run.recipe.compute, run.world
    seed_step(run, run.position.step)
    mine = rows[world.part(len(rows))]
    images = images_of(run, mine)
    with torch.autocast(world.device.type, torch.bfloat16, enabled=compute.precision == "bf16"):
        embeddings = wrapped(images)
        shown = run.teacher.embed(images) if run.teacher is not None else None
    embeddings = world.gather(embeddings.float())
    identities = world.gather(torch.from_numpy(mine.identities).to(world.device).float()).long()
    loss = run.losses(embeddings, identities)
    if run.teacher is not None and shown is not None:
        loss = loss + run.teacher.loss(embeddings, world.gather(shown.float()))
    run.optimiser.zero_grad()
    loss.backward()
    if run.recipe.optimiser.clip_norm:
        nn.utils.clip_grad_norm_(run.network.parameters(), run.recipe.optimiser.clip_norm)
    run.optimiser.step()
    run.average.update_parameters(run.network)
    return float(loss.detach())
