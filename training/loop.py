"""The training loop: read in one sitting, deterministic by seed, resumable at any kill."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file as load_tensors  # pyright: ignore[reportUnknownVariableType]
from safetensors.torch import save as save_tensors
from torch import nn
from torch.optim.swa_utils import AveragedModel

from embedding.checkpoint import LOCATOR_PREFIX, CheckpointHeader, save_checkpoint, write_atomically
from embedding.embedder import Embedder
from embedding.errors import FlukeprintError
from embedding.locator import Locator
from embedding.network import Network
from embedding.preprocessing import Preprocessing
from index.labels import LabelledPhoto
from index.progress import progress
from training.augmentation import Augmentation
from training.batches import Batches, Rows
from training.cache import PixelArray, cached_pixels
from training.curves import draw_curves, metrics_csv
from training.evaluation import embed_rows, validation_metrics
from training.locating import FEWEST_BOXES, train_locator
from training.losses import WeightedLosses
from training.optimisation import (
    build_optimiser,
    is_stale,
    moving_average,
    note_validation,
    rate_factor,
    set_rate,
)
from training.recipe import Recipe
from training.splits import Split, make_split, write_split
from training.start import start_network
from training.state import Position, load_state, save_state
from training.world import World, enter_world, leave_world

BEST = "best.safetensors"
STATE = "resume.safetensors"
Standing = Literal["new", "begun", "finished"]
_SAID = {"new": "nothing to continue yet, so the run begins", "begun": "continuing", "finished": "the run is finished"}


class BadRun(FlukeprintError):
    """A run folder that holds another run, or data that leaves nothing to learn from."""


@dataclass(slots=True)
class Run:
    """One training in progress."""

    recipe: Recipe
    photos: list[LabelledPhoto]
    out: Path
    world: World
    preprocessing: Preprocessing
    pixels: PixelArray  # (n, h, w, 3), rows as `photos`
    split: Split  # what the loop may look at: fit, and the validation queries
    batches: Batches
    rows: NDArray[np.int64]  # fit rows of `pixels`, which the batches count in
    network: Network
    average: AveragedModel
    losses: WeightedLosses
    optimiser: torch.optim.Optimizer
    augmentation: Augmentation
    locator: Locator | None
    locator_overlap: float  # mean IoU on boxes that the locator didn't learn from
    digest: str  # of the recipe and the photos: what a resume file must have been made with
    position: Position = field(default_factory=Position)

    @property
    def modules(self) -> dict[str, nn.Module]:
        return {"network": self.network, "average": self.average, "losses": self.losses}

    @property
    def state_path(self) -> Path:
        return self.out / STATE


def train(
    recipe: Recipe,
    photos: Sequence[LabelledPhoto],
    out: Path,
    *,
    cache: Path,
    resume: bool = False,
    tensorboard: bool = False,
) -> Path:
    """Train by a recipe and return the best checkpoint's path.

    `out` gets recipe.json, split.csv, metrics.csv, curves.png, best.safetensors, and resume.safetensors while the
    run is unfinished. With `resume` a run that was stopped at any moment goes on, one stopped before its first step
    begins, and a finished one is left as it is. Raises BadRun for an `out` in use, BadState for a run of another
    recipe or other photos, and what recipe, cache and start raise.
    """
    if recipe.compute.threads:
        torch.set_num_threads(recipe.compute.threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    world = enter_world(recipe.compute.device)
    try:
        standing = _standing(recipe, out, resume, world)
        if standing != "finished":
            run = _prepare(recipe, sorted(photos, key=lambda photo: photo.name), out, cache, world)
            if standing == "begun":
                run.position = load_state(run.state_path, run.modules, run.optimiser, run.digest)
            elif world.is_first:
                _save(run)
            _run_epochs(run, tensorboard)
    finally:
        leave_world()
    return out / BEST


def _standing(recipe: Recipe, out: Path, resume: bool, world: World) -> Standing:
    """How far the run in `out` has come. Rank 0 looks, and all go by what it saw."""
    standings: tuple[Standing, ...] = ("new", "begun", "finished")
    found = "new"
    if world.is_first and resume:
        if (out / STATE).exists():
            found = "begun"
        elif (out / BEST).exists():
            if (out / "recipe.json").read_bytes() != _json(recipe.to_dict()):
                raise BadRun(
                    f"{out} holds a finished run of another recipe (or other --set values); give another --out"
                )
            found = "finished"
        print(f"{out}: {_SAID[found]}", file=sys.stderr)
    elif world.is_first and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadRun(f"{out} is not empty; give --resume to continue the run there, or another --out")
    return standings[int(world.agree(standings.index(found)))]


def _prepare(recipe: Recipe, photos: list[LabelledPhoto], out: Path, cache: Path, world: World) -> Run:
    split = make_split(photos, recipe.data.split_seed) if recipe.data.hold_out_test else None
    learnt_from = photos if split is None else [p for p in photos if split.roles[p.name] == "fit"]
    inner = _inner_split(recipe, learnt_from)
    choices = recipe.input
    preprocessing = Preprocessing(
        choices.width_px, choices.height_px, choices.mean, choices.std, choices.crop, choices.fit
    )
    pixels = _pixels(learnt_from, preprocessing, cache, world)
    is_fit = np.array([inner.roles[photo.name] == "fit" for photo in learnt_from])
    rows = np.flatnonzero(is_fit)
    batches = Batches([learnt_from[row].individual for row in rows], recipe.batches, recipe.seed)
    if batches.individual_count < 2:
        raise BadRun(f"{batches.individual_count} individuals are left to learn from; at least 2 are needed")
    if batches.size < 2 * world.size:
        raise BadRun(
            f"batches of {batches.size} photos leave less than 2 to each of {world.size} processes; raise "
            "batches.individuals or batches.photos_each"
        )
    locator, overlap = _locator(recipe, [learnt_from[row] for row in rows], out, cache, world)
    torch.manual_seed(recipe.seed)
    network = start_network(recipe.network).to(world.device)
    if recipe.compute.channels_last:
        network = network.to(memory_format=torch.channels_last)
    losses = WeightedLosses(
        recipe.loss,
        dimension=network.dimension,
        photos_of_identity=batches.photos_of_identity,
        twin_shift=batches.individual_count if recipe.batches.flips_as_individuals else 0,
    ).to(world.device)
    if world.is_first and not (out / STATE).exists():
        write_atomically(out / "recipe.json", _json(recipe.to_dict()))
        write_split(split or Split({photo.name: "fit" for photo in photos}), out / "split.csv")
    return Run(
        recipe=recipe,
        photos=learnt_from,
        out=out,
        world=world,
        preprocessing=preprocessing,
        pixels=pixels,
        split=inner,
        batches=batches,
        rows=rows,
        network=network,
        average=moving_average(network, recipe.compute.ema_decay),
        losses=losses,
        optimiser=build_optimiser(network, losses, recipe.optimiser),
        augmentation=Augmentation(recipe.augmentation, preprocessing),
        locator=locator,
        locator_overlap=overlap,
        digest=_digest(recipe, photos),
    )


def _digest(recipe: Recipe, photos: list[LabelledPhoto]) -> str:
    content = hashlib.sha256(recipe.digest.encode())
    for photo in photos:
        content.update(f"{photo.name}|{photo.individual}|{photo.box}\n".encode())
    return content.hexdigest()


def _inner_split(recipe: Recipe, photos: list[LabelledPhoto]) -> Split:
    """Split what may be learned from once more, by the same rules, for choosing the best epoch."""
    if recipe.data.validation_share == 0:
        return Split({photo.name: "fit" for photo in photos})
    split = make_split(photos, recipe.data.split_seed + 1, recipe.data.validation_share)
    disjoint = Counter(photo.individual for photo in photos if split.roles[photo.name] == "disjoint")
    if recipe.schedule.epochs and not split.names("known_query") and max(disjoint.values()) < 2:
        raise BadRun(
            "no photo is left to choose the best epoch by: too few individuals have several photos. Give "
            "--set data.validation_share=0 to keep the last epoch, or a greater share"
        )
    return split


def _pixels(photos: list[LabelledPhoto], preprocessing: Preprocessing, cache: Path, world: World) -> PixelArray:
    """Rank 0 decodes, then all map the same file."""
    if world.is_first:
        cached_pixels(photos, preprocessing, cache)
    world.wait()
    return cached_pixels(photos, preprocessing, cache)


def _locator(
    recipe: Recipe, photos: list[LabelledPhoto], out: Path, cache: Path, world: World
) -> tuple[Locator | None, float]:
    """Train the locator, where the recipe wants one, or take the one that an earlier part of the run left."""
    if not recipe.locator.epochs or not world.is_first:
        return None, 0.0
    boxes = sum(photo.box is not None for photo in photos)
    if boxes < FEWEST_BOXES:
        print(
            f"note: {boxes} of {len(photos)} photos come with a box, too few to train the locator ({FEWEST_BOXES}); "
            "photos without a box are taken whole",
            file=sys.stderr,
        )
        return None, 0.0
    path = out / "locator.safetensors"
    if path.exists():
        with_overlap = load_tensors(path)
        overlap = float(with_overlap.pop("overlap"))
        locator = Locator()
        locator.load_state_dict(with_overlap)
        return locator.eval(), overlap
    locator, overlap = train_locator(photos, recipe.locator, recipe.seed, cache)
    write_atomically(path, save_tensors({**locator.state_dict(), "overlap": torch.tensor(overlap)}))
    return locator, overlap


def _run_epochs(run: Run, tensorboard: bool) -> None:
    schedule, position = run.recipe.schedule, run.position
    if run.world.is_first and schedule.epochs == 0:
        _save_best(run, {})
    wrapped = run.world.wrap(run.network)
    while position.epoch < schedule.epochs and not is_stale(schedule, position):
        started = time.monotonic()
        loss = _epoch(run, wrapped, started)
        position.seconds += time.monotonic() - started
        row = {"epoch": position.epoch + 1, "loss": loss, "rate": run.optimiser.param_groups[0]["lr"]}
        is_last = position.epoch + 1 == schedule.epochs
        if (position.epoch + 1) % schedule.validate_every_epochs == 0 or is_last:
            _validate(run, row)
        position.history.append({**row, "seconds": round(position.seconds, 1)})
        position.epoch, position.step, position.loss_sum = position.epoch + 1, 0, 0.0
        if run.world.is_first:
            _report(run, tensorboard)
            _save(run)
        run.world.wait()
    if run.world.is_first:
        for left in (run.state_path, *run.out.glob(".*.tmp")):  # a kill while writing leaves the latter
            left.unlink(missing_ok=True)
    run.world.wait()


def _save(run: Run) -> None:
    save_state(run.state_path, run.position, run.modules, run.optimiser, run.digest)


def _epoch(run: Run, wrapped: nn.Module, started: float) -> float:
    """Take the epoch's remaining steps; returns the mean loss over all of them."""
    position, every = run.position, run.recipe.schedule.save_every_steps
    description = f"epoch {position.epoch + 1}/{run.recipe.schedule.epochs}"
    wrapped.train()
    with progress(run.batches.steps - position.step, description) as advance:
        for rows in run.batches.epoch(position.epoch, position.step):
            position.loss_sum += _step(run, wrapped, rows)
            position.step += 1
            advance(1)
            if position.step % every == 0 and position.step < run.batches.steps and run.world.is_first:
                kept = position.seconds
                position.seconds += time.monotonic() - started
                _save(run)
                position.seconds = kept
    return position.loss_sum / run.batches.steps


def _step(run: Run, wrapped: nn.Module, rows: Rows) -> float:
    """One batch: forward, backward, update. All randomness hangs on (seed, epoch, step, rank)."""
    position, compute, world = run.position, run.recipe.compute, run.world
    set_rate(run.optimiser, rate_factor(run.recipe.schedule, position, run.batches.steps))
    seed = np.random.SeedSequence([run.recipe.seed, position.epoch, position.step, world.rank])
    torch.manual_seed(int(seed.generate_state(1)[0]))
    mine = rows[world.part(len(rows))]
    pixels = torch.from_numpy(np.ascontiguousarray(run.pixels[run.rows[mine.photos]])).to(world.device)
    images = run.augmentation(pixels, torch.from_numpy(mine.is_mirrored).to(world.device))
    with torch.autocast(world.device.type, torch.bfloat16, enabled=compute.precision == "bf16"):
        embeddings = wrapped(images)
    embeddings = world.gather(embeddings.float())
    identities = world.gather(torch.from_numpy(mine.identities).to(world.device).float()).long()
    loss = run.losses(embeddings, identities)
    run.optimiser.zero_grad()
    loss.backward()
    if run.recipe.optimiser.clip_norm:
        nn.utils.clip_grad_norm_(run.network.parameters(), run.recipe.optimiser.clip_norm)
    run.optimiser.step()
    run.average.update_parameters(run.network)
    value = float(loss.detach())
    if not np.isfinite(value):
        raise BadRun(
            f"the loss became {value} in epoch {position.epoch + 1}, step {position.step + 1}; lower optimiser.rate, "
            'or set compute.precision = "float32"'
        )
    return value


def _validate(run: Run, row: dict[str, float]) -> None:
    """Score the averaged network on the validation queries; keep its checkpoint when it is the best so far."""
    score = 0.0
    if run.world.is_first:
        if run.recipe.data.validation_share:
            # A copy: an embedder changes its network's mode and order of memory, which a run must keep.
            network = copy.deepcopy(averaged_network(run))
            embedder = Embedder(network, run.preprocessing, "", device=str(run.world.device))
            metrics = validation_metrics(embed_rows(embedder, run.pixels), run.photos, run.split)
            row.update(metrics)
            score = metrics["score"]
        else:
            score = float(run.position.epoch)  # nothing to choose by: the latest is the best
    score = run.world.agree(score)
    if note_validation(run.recipe.schedule, run.position, score) and run.world.is_first:
        _save_best(run, row)


def averaged_network(run: Run) -> Network:
    """The moving average's network (the plain one where the recipe wants no average)."""
    chosen = run.average.module if run.recipe.compute.ema_decay and run.recipe.schedule.epochs else run.network
    assert isinstance(chosen, Network)
    return chosen


def _save_best(run: Run, metrics: dict[str, float]) -> None:
    card: dict[str, Any] = {
        "name": run.recipe.name,
        "recipe": _without_folders(run.recipe),
        "photos": len(run.rows),
        "individuals": run.batches.individual_count,
        "validation": {name: round(value, 6) for name, value in metrics.items()},
    }
    network = averaged_network(run)
    weights = dict(network.state_dict())
    if run.locator is not None:
        weights.update({LOCATOR_PREFIX + name: value for name, value in run.locator.state_dict().items()})
        card["locator_overlap"] = round(run.locator_overlap, 4)
    header = CheckpointHeader(network.config.to_dict(), run.preprocessing, card, run.locator is not None)
    save_checkpoint(run.out / BEST, weights, header)


def _without_folders(recipe: Recipe) -> dict[str, Any]:
    """The recipe as a checkpoint tells it: a weights file by its name, as a folder is nobody else's business."""
    network = dataclasses.replace(recipe.network, weights=Path(recipe.network.weights).name)
    return dataclasses.replace(recipe, network=network).to_dict()


def _report(run: Run, tensorboard: bool) -> None:
    """Leave what a person looks at: metrics.csv and curves.png, whole after every epoch."""
    write_atomically(run.out / "metrics.csv", metrics_csv(run.position.history).encode())
    draw_curves(run.position.history, run.out / "curves.png", run.recipe.name)
    if tensorboard:
        from training.board import add_row

        add_row(run.out / "tensorboard", run.position.history[-1])


def _json(values: object) -> bytes:
    import json

    return (json.dumps(values, indent=2, sort_keys=True) + "\n").encode()
