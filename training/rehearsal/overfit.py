"""Can the model memorise a few photos? One that can't has a fault that no long training heals."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from index.labels.reader import LabelledPhoto
from index.progress import progress
from training.learning.optimisation import set_rate
from training.recipes.choices import AugmentationChoices, BadRecipe, FirstStageChoices, Recipe
from training.recipes.presets import PRESETS
from training.rehearsal.rehearsal import learned_from, rehearsal
from training.run.run import BadRun, Run
from training.run.step import take_step

MEMORISED = 0.99
FEWEST, MOST = 4, 2000
_MOST_STEPS = 400
_CHECK_EVERY_STEPS = 10
_WARMUP_STEPS = 10
_EACH = 4  # photos of one individual before the next one's turn


@dataclass(frozen=True, slots=True)
class Mistake:
    """A photo whose nearest other is somebody else's."""

    photo: LabelledPhoto
    nearest: LabelledPhoto


@dataclass(frozen=True, slots=True)
class Memorised:
    """What became of an attempt to memorise `photos`.

    `top1` is the share of them whose nearest other is of the same individual, as a checkpoint would
    see them, `top1_before` the same of the first weights, `top1_by_batch` with a batch's own
    statistics in batch norms. Losses are means of the first and the last steps; `is_finite` says
    that no loss became infinite or no number.
    """

    photos: tuple[LabelledPhoto, ...]
    individuals: int
    steps: int
    seconds: float
    top1_before: float
    top1: float
    top1_by_batch: float
    loss_first: float
    loss_last: float
    is_finite: bool
    mistakes: tuple[Mistake, ...]

    @property
    def is_yes(self) -> bool:
        return self.top1 >= MEMORISED and self.is_finite and self.loss_last <= self.loss_first


def overfit(
    recipe: Recipe,
    photos: Sequence[LabelledPhoto],
    count: int,
    *,
    most_steps: int = _MOST_STEPS,
    cache: Path | None = None,
) -> Memorised:
    """Learn `count` photos, nothing changed at random, until they are memorised or `most_steps` are
    over.

    `cache`: decoded photos, or a pack; without it they are decoded, and forgotten.

    Raises BadRecipe for a count out of range, BadRun where too few individuals have two photos.
    """
    if not FEWEST <= count <= MOST:
        raise BadRecipe(f"--overfit {count}; allowed are {FEWEST} to {MOST:,} photos")
    chosen = chosen_photos(learned_from(recipe, photos), count, recipe.seed)
    with rehearsal(with_full_batches(bare(recipe), chosen), chosen, cache=cache) as run:
        return _memorise(run, most_steps)


def chosen_photos(photos: Sequence[LabelledPhoto], count: int, seed: int) -> list[LabelledPhoto]:
    """Choose photos of individuals that have two or more, four of each in turn, until there are
    `count`.
    """
    of_individual: dict[str, list[LabelledPhoto]] = {}
    for photo in sorted(photos, key=lambda photo: photo.name):
        if photo.individual is not None:
            of_individual.setdefault(photo.individual, []).append(photo)
    rng = np.random.default_rng([seed, count])
    repeated = [
        of_individual[name] for name in sorted(of_individual) if len(of_individual[name]) > 1
    ]
    waiting: list[list[LabelledPhoto]] = [
        _shuffled(members, rng) for members in _shuffled(repeated, rng)
    ]
    if len(waiting) < 2:
        raise BadRun(
            f"{len(waiting)} individuals have two photos or more to learn from; --overfit needs "
            "2, as a photo is "
            "recognised by another one of its individual"
        )
    each = min(_EACH, max(2, count // 2))
    chosen: list[LabelledPhoto] = []
    before = -1
    while before < len(chosen) < count:
        before = len(chosen)
        for members in waiting:
            taken = members[: min(each, count - len(chosen))]
            if len(taken) == 1 and not any(
                photo.individual == taken[0].individual for photo in chosen
            ):
                continue  # nothing to recognise it by
            chosen += taken
            del members[: len(taken)]
    return chosen


def _shuffled(values: list[Any], rng: np.random.Generator) -> list[Any]:
    order: list[int] = rng.permutation(len(values)).tolist()
    return [values[at] for at in order]


def bare(recipe: Recipe) -> Recipe:
    """The recipe without all that makes memorising hard: no changed photos, no dropout, no decay,
    no new whales.
    """
    replace = dataclasses.replace
    return replace(
        recipe,
        network=replace(recipe.network, dropout=0.0, drop_path=0.0, aligner_jitter=0.0),
        data=replace(
            recipe.data,
            task="individuals",
            validation_share=0.0,
            hold_out_test=False,
            split="",
            labels="use",
        ),
        distillation=replace(recipe.distillation, teacher=""),
        batches=replace(
            recipe.batches,
            new_whales="unused",
            oversampling=1.0,
            flips_as_individuals=False,
            species_shares={},
        ),
        augmentation=AugmentationChoices(
            preset="none", group=recipe.augmentation.group, **PRESETS["none"]
        ),
        loss=tuple(replace(term, memory=0, class_weights="none") for term in recipe.loss),
        optimiser=replace(recipe.optimiser, weight_decay=0.0),
        schedule=replace(recipe.schedule, epochs=1, freeze_epochs=0, swa_epochs=0),
        compute=replace(recipe.compute, ema_decay=0.0),
        first_stage=FirstStageChoices(),
    )


def with_full_batches(recipe: Recipe, chosen: Sequence[LabelledPhoto]) -> Recipe:
    """More photos of each where individuals are few: all that are chosen, or as many as the
    recipe's batch has.
    """
    batches, individuals = recipe.batches, len({photo.individual for photo in chosen})
    drawn = min(individuals, batches.individuals)
    room = -(-batches.individuals * batches.photos_each // drawn)
    each = max(2, batches.photos_each, min(room, -(-len(chosen) // individuals)))
    return dataclasses.replace(recipe, batches=dataclasses.replace(batches, photos_each=each))


def _memorise(run: Run, most_steps: int) -> Memorised:
    began = time.monotonic()
    losses: list[float] = []
    before = top1 = _top1(run)[0]
    settling = 0  # checks at which all was learned, but batch norms lagged behind
    with progress(most_steps, f"memorising {len(run.photos)} photos") as advance:
        # First weights that are right by themselves must learn a little too: what is asked is
        # whether they can.
        while not losses or (
            len(losses) < most_steps and top1 < MEMORISED and np.isfinite(losses).all()
        ):
            for _ in range(_CHECK_EVERY_STEPS):
                losses.append(_learn(run, len(losses), 0.5**settling))
                advance(1)
            top1 = _top1(run)[0]
            settling += _top1(run, by_batch=True)[0] >= MEMORISED
    top1, mistakes = _top1(run)
    return Memorised(
        photos=tuple(run.photos),
        individuals=run.batches.individual_count,
        steps=len(losses),
        seconds=time.monotonic() - began,
        top1_before=before,
        top1=top1,
        top1_by_batch=_top1(run, by_batch=True)[0],
        loss_first=float(np.mean(losses[:_CHECK_EVERY_STEPS])) if losses else 0.0,
        loss_last=float(np.mean(losses[-_CHECK_EVERY_STEPS:])) if losses else 0.0,
        is_finite=bool(np.isfinite(losses).all()),
        mistakes=tuple(mistakes),
    )


def _learn(run: Run, step: int, factor: float) -> float:
    """Take a step, warmed up, at `factor` of the rate: it falls once all is learned, as a schedule
    lets it.
    """
    run.position.epoch, run.position.step = divmod(step, run.batches.steps)
    run.network.train()
    set_rate(run.optimiser, factor * min(1.0, (step + 1) / _WARMUP_STEPS))
    rows = next(run.batches.epoch(run.position.epoch, run.position.step))
    return take_step(run, run.network, rows)


def _top1(run: Run, *, by_batch: bool = False) -> tuple[float, list[Mistake]]:
    """Which photos have somebody else's as their nearest other; by a copy's batch statistics where
    asked.
    """
    vectors = nn.functional.normalize(_embed(run, by_batch=by_batch))
    nearest = cast("list[int]", (vectors @ vectors.T).fill_diagonal_(-2.0).argmax(1).tolist())
    mistakes = [
        Mistake(photo, run.photos[at])
        for photo, at in zip(run.photos, nearest, strict=True)
        if photo.individual != run.photos[at].individual
    ]
    return 1.0 - len(mistakes) / len(run.photos), mistakes


def _embed(run: Run, *, by_batch: bool) -> torch.Tensor:
    network = run.network
    kept = {
        name: value.clone() for name, value in network.named_buffers()
    }  # as train mode moves batch statistics
    network.train(by_batch)
    parts: list[torch.Tensor] = []
    with torch.no_grad():
        for start in range(0, len(run.photos), run.batches.size):
            photos = np.arange(start, min(start + run.batches.size, len(run.photos)))
            plain = run.pixels[photos]
            pixels = torch.from_numpy(np.ascontiguousarray(plain)).to(run.world.device)
            images = run.augmentation(
                pixels, torch.zeros(len(photos), dtype=torch.bool, device=run.world.device)
            )
            parts.append(network(images).float())
        for name, value in network.named_buffers():
            value.copy_(kept[name])
    return torch.cat(parts)
