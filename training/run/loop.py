"""The training loop: read in one sitting, deterministic by seed, resumable at any kill."""

from __future__ import annotations

import copy
import dataclasses
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from torch import nn

from embedding.checkpoint import (
    LOCATOR_PREFIX,
    CheckpointHeader,
    fingerprint_of,
    save_checkpoint,
    with_detector,
    write_atomically,
)
from embedding.embedder import Embedder
from embedding.networks.detection.detector import weights_of
from embedding.networks.malloc import keep_freed_memory
from index.labels.reader import LabelledPhoto
from index.progress import progress
from training.distributed.world import World, enter_world, leave_world, lost_process_errors
from training.evaluation.protocol import embed_rows, validation_metrics
from training.learning.batches import Batch
from training.learning.optimisation import (
    backbone_factor,
    is_stale,
    rate_factor,
    record_validation,
    reset_plateau,
    set_rate,
)
from training.learning.resume import load_state, save_state
from training.plots import draw_curves, metrics_csv
from training.recipes.choices import Recipe
from training.run.boards import Board, BoardSubject, open_boards
from training.run.lock import LOCK, exclusive_folder
from training.run.phases import (
    begins_phase,
    enter_epoch,
    is_last_phase,
    is_wrapped_anew,
    renew_batch_statistics,
    take_into_average,
)
from training.run.preparation import prepare_run
from training.run.record import Recording
from training.run.run import BEST, STATE, BadRun, Run, RunOptions, RunPlace, is_of_recipe
from training.run.step import take_step
from training.run.task import task_of

Standing = Literal["new", "started", "finished"]
_STANDING_TEXT = {
    "new": "nothing to continue yet, so the run starts",
    "started": "continuing",
    "finished": "the run is finished",
}


def train(
    recipe: Recipe,
    photos: Sequence[LabelledPhoto],
    out: Path,
    options: RunOptions,
    *,
    extra: Sequence[LabelledPhoto] = (),
) -> Path:
    """Train by a recipe and return the best checkpoint's path.

    `extra` photos are learned from and never queried. With an individual they are more photos of
    it, unless it is held out; without one they are unlabelled.

    `out` gets recipe.json, split.csv, run.json, metrics.csv, curves.png and best.safetensors, and
    resume.safetensors while the run is unfinished. To resume goes on with a run that was stopped at
    any moment, and leaves a finished one as it is. Raises BadRun for an `out` that holds something
    or where another process trains. Raises BadState for a run of another recipe or other photos,
    and what recipe, cache and first weights raise.
    """
    if recipe.compute.threads:
        torch.set_num_threads(recipe.compute.threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    keep_freed_memory()
    world = enter_world(recipe.compute.device)
    try:
        with lost_process_errors(world):
            _train(
                recipe,
                _by_name(photos),
                _by_name(extra),
                RunPlace(out, options.cache, world),
                options,
            )
    finally:
        leave_world()
    return out / BEST


def _train(
    recipe: Recipe,
    photos: list[LabelledPhoto],
    extra: list[LabelledPhoto],
    place: RunPlace,
    options: RunOptions,
) -> None:
    world, out = place.world, place.out
    standing = _standing(recipe, out, options.resume, world)
    if standing == "finished":
        return
    with exclusive_folder(out) if world.is_first else nullcontext():
        run = prepare_run(recipe, photos, extra, place)
        if standing == "started":
            run.position = load_state(run.state_path, run.modules, run.optimiser, run.digest)
            if run.position.loss_scale:
                run.scaler.load_state_dict(run.position.loss_scale)
            world.wait()  # the first may be about to remove it
        else:
            _save(run)
        run.recording = _recording(run) if world.is_first else None
        with open_boards(options.boards if world.is_first else (), out, _subject(run)) as boards:
            _run_epochs(run, boards)


def _by_name(photos: Sequence[LabelledPhoto]) -> list[LabelledPhoto]:
    return sorted(photos, key=lambda photo: photo.name)


def refuse_occupied(out: Path) -> None:
    """Raise BadRun for a folder in which a new run can't begin."""
    if out.exists() and (not out.is_dir() or any(path.name != LOCK for path in out.iterdir())):
        raise BadRun(
            f"{out} is not empty; give --resume to continue the run there, or another --out"
        )


def _standing(recipe: Recipe, out: Path, resume: bool, world: World) -> Standing:
    """How far the run in `out` has come. Rank 0 finds out, and all processes go by it."""
    standings: tuple[Standing, ...] = ("new", "started", "finished")
    found = "new"
    if world.is_first and resume:
        if (out / STATE).exists():
            found = "started"
        elif (out / BEST).exists():
            if not is_of_recipe(out, recipe):
                raise BadRun(
                    f"{out} holds a finished run of another recipe (or other --set values); "
                    "give another --out"
                )
            found = "finished"
        print(f"{out}: {_STANDING_TEXT[found]}", file=sys.stderr)
    elif world.is_first:
        refuse_occupied(out)
    return standings[int(world.broadcast(standings.index(found)))]


def _run_epochs(run: Run, boards: Sequence[Board]) -> None:
    schedule, position, is_compiled = run.recipe.schedule, run.position, run.recipe.compute.compile
    if run.world.is_first and schedule.epochs == 0:
        _save_best(run, {})
    wrapped: nn.Module | None = None
    while position.epoch < schedule.epochs and not _is_stale(run):
        started = time.monotonic()
        if wrapped is None or is_wrapped_anew(run):
            enter_epoch(run, run.network)  # a wrapper finds at once what learns
            wrapped = run.world.wrap(_compiled(run.network) if is_compiled else run.network)
        loss = _epoch(run, wrapped, started)
        position.seconds += time.monotonic() - started
        take_into_average(run)
        row = {
            "epoch": position.epoch + 1,
            "loss": loss,
            "rate": run.optimiser.param_groups[0]["lr"],
        }
        is_last = position.epoch + 1 == schedule.epochs
        if (position.epoch + 1) % schedule.validate_every_epochs == 0 or is_last:
            _validate(run, row)
        position.history.append({**row, "seconds": round(position.seconds, 1)})
        position.epoch, position.step, position.loss_sum = position.epoch + 1, 0, 0.0
        if begins_phase(run.recipe, position.epoch):
            reset_plateau(position)
        if run.world.is_first:
            if run.recording is not None:
                run.recording.note()
            _report(run, boards)
        _save(run)
        run.world.wait()
    if run.world.is_first:
        if run.recording is not None:
            run.recording.finish(fingerprint_of(run.out / BEST))
        # A kill while writing leaves temporary files.
        for leftover in (run.state_path, *run.out.glob(".*.tmp")):
            leftover.unlink(missing_ok=True)
    run.world.wait()


def _is_stale(run: Run) -> bool:
    """Whether to stop early: never before all that is to learn has begun to."""
    return is_last_phase(run.recipe, run.position.epoch) and is_stale(
        run.recipe.schedule, run.position
    )


def _recording(run: Run) -> Recording:
    return Recording.begin(
        run.out,
        seed=run.recipe.seed,
        recipe=run.recipe.digest,
        photos=run.digest,
        device=str(run.world.device),
        threads=torch.get_num_threads(),
    )


def _compiled(network: nn.Module) -> nn.Module:
    return cast(nn.Module, torch.compile(network))


def _save(run: Run) -> None:
    """Have the first process write the state; others help where they hold parts of it."""
    if not run.world.is_first and not run.has_shards:
        return
    run.position.loss_scale = run.scaler.state_dict()
    path = run.state_path if run.world.is_first else None
    save_state(path, run.position, run.modules, run.optimiser, run.digest)


def _epoch(run: Run, wrapped: nn.Module, started: float) -> float:
    """Take the epoch's remaining steps; returns the mean loss over all of them."""
    position, every, batches = run.position, run.recipe.schedule.save_every_steps, run.batches_now
    description = f"epoch {position.epoch + 1}/{run.recipe.schedule.epochs}"
    enter_epoch(run, wrapped)
    with progress(batches.steps - position.step, description) as advance:
        for rows in batches.epoch(position.epoch, position.step):
            position.loss_sum += _step(run, wrapped, rows)
            position.step += 1
            advance(1)
            if position.step % every == 0 and position.step < batches.steps:
                before = position.seconds
                position.seconds += time.monotonic() - started
                _save(run)
                position.seconds = before
    return position.loss_sum / batches.steps


def _step(run: Run, wrapped: nn.Module, rows: Batch) -> float:
    """Learn from one batch at the rate that the schedule gives it.

    Raises BadRun for a loss that is no number.
    """
    schedule, position, steps = run.recipe.schedule, run.position, run.batches_now.steps
    set_rate(
        run.optimiser,
        rate_factor(schedule, position, steps),
        backbone_factor(schedule, position, steps),
    )
    value = take_step(run, wrapped, rows)
    if not np.isfinite(value):
        raise BadRun(
            f"the loss became {value} in epoch {position.epoch + 1}, step {position.step + 1}; "
            "lower optimiser.rate, "
            'or set compute.precision = "float32"'
        )
    return value


def _validate(run: Run, row: dict[str, float]) -> None:
    """Score the averaged network on the validation queries; keep the best checkpoint so far."""
    score = 0.0
    if run.world.is_first:
        renew_batch_statistics(run)
        if run.recipe.data.validation_share:
            # A copy: an embedder changes its network's mode and order of memory, which a run must
            # keep.
            network = copy.deepcopy(run.averaged_network())
            embedder = Embedder(network, run.preprocessing, "", device=str(run.world.device))
            metrics = validation_metrics(
                embed_rows(embedder, run.pixels[: len(run.photos)]), run.photos, run.split
            )
            row.update(metrics)
            score = metrics["score"]
        else:
            score = float(run.position.epoch)  # nothing to choose by: the latest is the best
    score = run.world.broadcast(score)
    if record_validation(run.recipe.schedule, run.position, score) and run.world.is_first:
        _save_best(run, row)


def _save_best(run: Run, metrics: dict[str, float]) -> None:
    card: dict[str, Any] = {
        "name": run.recipe.name,
        "recipe": _without_folders(run.recipe),
        "photos": len(run.rows),
        "individuals": run.batches.individual_count,
        "validation": {name: round(value, 6) for name, value in metrics.items()},
    }
    network = run.averaged_network()
    weights = dict(network.state_dict())
    if run.locator is not None:
        weights.update(
            {LOCATOR_PREFIX + name: value for name, value in run.locator.state_dict().items()}
        )
        if run.locator_overlap:  # an inherited locator was measured elsewhere
            card["locator_overlap"] = round(run.locator_overlap, 4)
    header = CheckpointHeader(
        network.config.to_dict(), run.preprocessing, card, run.locator is not None
    )
    save_checkpoint(run.out / BEST, weights, header)
    if run.detector is not None:
        steps = {"steps": run.recipe.locator.detector_steps, "seed": run.recipe.seed}
        content = with_detector(run.out / BEST, steps, weights_of(run.detector))
        write_atomically(run.out / BEST, content)


def _without_folders(recipe: Recipe) -> dict[str, Any]:
    """The recipe as a checkpoint holds it: files by their names, as folders are private."""
    weights, aligner = (
        Path(each).name for each in (recipe.network.weights, recipe.network.aligner)
    )
    network = dataclasses.replace(recipe.network, weights=weights, aligner=aligner)
    distillation = dataclasses.replace(
        recipe.distillation, teacher=Path(recipe.distillation.teacher).name
    )
    data = dataclasses.replace(recipe.data, split=Path(recipe.data.split).name)
    return dataclasses.replace(
        recipe, network=network, distillation=distillation, data=data
    ).to_dict()


def _subject(run: Run) -> BoardSubject:
    return BoardSubject(run.recipe.name, run.digest, _without_folders(run.recipe))


def _report(run: Run, boards: Sequence[Board]) -> None:
    """Write what a person reads: metrics.csv and curves.png, whole after every epoch."""
    history, row = run.position.history, run.position.history[-1]
    write_atomically(run.out / "metrics.csv", metrics_csv(history).encode())
    draw_curves(
        history,
        run.out / "curves.png",
        run.recipe.name,
        is_of_classes=task_of(run.recipe).has_classes,
    )
    for board in boards:
        board.add(row)
    print(_line(run, row), file=sys.stderr)


def _line(run: Run, row: Mapping[str, float]) -> str:
    """What the console says of an epoch."""
    position, epochs = run.position, run.recipe.schedule.epochs
    parts = [f"epoch {row['epoch']}/{epochs}: loss {row['loss']:.4f}"]
    if "score" in row:
        best = f"best {position.best:.4f} in epoch {position.best_epoch + 1}"
        parts.append(f"score {row['score']:.4f} ({best})")
    return ", ".join([*parts, f"{row['seconds']:.0f} s so far"])
