"""One step of learning: a batch forward, backward, and the weights moved."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from training.learning.batches import Batch
from training.run.run import Run

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.SyncBatchNorm)


def seed_step(run: Run, step: int, *part: int, rank: int = 0) -> None:
    """Let all that is drawn next hang on (seed, epoch, step, rank) alone, and on a step's part."""
    seed = np.random.SeedSequence([run.recipe.seed, run.position.epoch, step, rank, *part])
    torch.manual_seed(int(seed.generate_state(1)[0]))


def images_of(run: Run, rows: Batch, part: slice | None = None) -> Tensor:
    """The photos of a batch, or of this process's part of it, changed at random and mirrored where
    asked: (n, 3, h, w) float32 on the device.
    """
    device, mine = run.world.device, rows if part is None else rows[part]
    pixels = torch.from_numpy(np.ascontiguousarray(run.pixels[run.rows[mine.photos]])).to(device)
    return run.augmentation(pixels, torch.from_numpy(mine.is_mirrored).to(device), part)


def autocast(run: Run) -> torch.autocast:
    """The context in which the network runs at the recipe's precision."""
    precision = run.recipe.compute.precision
    kind = torch.float16 if precision == "fp16" else torch.bfloat16
    return torch.autocast(run.world.device.type, kind, enabled=precision != "float32")


def take_step(run: Run, wrapped: nn.Module, rows: Batch) -> float:
    """Learn from one batch, at the rates that the optimiser has; returns the loss, which may be no
    number.
    """
    world, scaler = run.world, run.scaler
    part = world.part(len(rows))
    seed_step(run, run.position.step)
    images = images_of(run, rows, part)
    if world.rank:  # photos change alike in whichever process; what a network drops out differs
        seed_step(run, run.position.step, rank=world.rank)
    parts = _parts(images, run.recipe.compute.micro_batch)
    own = _embed(run, wrapped, images) if len(parts) == 1 else _embed_parts(run, parts)
    with torch.no_grad(), autocast(run):
        shown = run.teacher.embed(images) if run.teacher is not None else None
    embeddings = world.gather(own.float())
    identities = world.gather(torch.from_numpy(rows[part].identities).to(world.device))
    loss = run.losses(embeddings, identities)
    if run.teacher is not None and shown is not None:
        loss = loss + run.teacher.loss(embeddings, world.gather(shown.float()))
    run.optimiser.zero_grad()
    scaler.scale(loss).backward()
    if len(parts) > 1:
        assert own.grad is not None
        _learn_parts(run, wrapped, parts, own.grad)
    if run.recipe.optimiser.clip_norm:
        scaler.unscale_(run.optimiser)
        nn.utils.clip_grad_norm_(run.network.parameters(), run.recipe.optimiser.clip_norm)
    scaler.step(run.optimiser)
    scaler.update()
    run.average.update_parameters(run.network)
    return float(loss.detach())


def _parts(images: Tensor, micro_batch: int) -> Sequence[Tensor]:
    """The images in equal parts of at most so many, none of one image: a batch has statistics."""
    return images.tensor_split(-(-len(images) // micro_batch) if micro_batch else 1)


def _embed(run: Run, network: nn.Module, images: Tensor) -> Tensor:
    with autocast(run):
        return network(images)


@torch.no_grad()
def _embed_parts(run: Run, parts: Sequence[Tensor]) -> Tensor:
    """The embeddings of a batch whose activations don't fit: a leaf, which gets their gradient.

    Batch statistics are noted by the pass that learns, not by this one.
    """
    norms = [module for module in run.network.modules() if isinstance(module, NORMS)]
    momenta = [module.momentum for module in norms]
    for module in norms:
        module.momentum = 0.0
    embeddings: list[Tensor] = []
    for at, part in enumerate(parts):
        _seed_part(run, at)
        embeddings.append(_embed(run, run.network, part))
    for module, momentum in zip(norms, momenta, strict=True):
        module.momentum = momentum
    return torch.cat(embeddings).requires_grad_()


def _learn_parts(run: Run, wrapped: nn.Module, parts: Sequence[Tensor], gradient: Tensor) -> None:
    """Pass the parts through the network again, each with its rows of the embeddings' gradient."""
    first = 0
    for at, part in enumerate(parts):
        _seed_part(run, at)
        embeddings = _embed(run, wrapped, part)
        embeddings.backward(gradient[first : first + len(part)].to(embeddings.dtype))
        first += len(part)


def _seed_part(run: Run, part: int) -> None:
    """Let both passes of a part draw alike: what is dropped, and how far placements are off."""
    seed_step(run, run.position.step, part + 1, rank=run.world.rank)
