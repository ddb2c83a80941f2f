"""A run on trial, before the one that counts: in a folder that is removed again."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from index.labels.reader import LabelledPhoto
from training.distributed.world import enter_world, leave_world
from training.recipes.choices import Recipe
from training.run.preparation import prepare_run
from training.run.run import Run, RunPlace
from training.run.task import task_of


@contextmanager
def rehearsal(
    recipe: Recipe, photos: Sequence[LabelledPhoto], *, cache: Path | None = None
) -> Generator[Run]:
    """Prepare a run as `train` would, and leave nothing of it but decoded photos in `cache`.

    The locator isn't trained: photos without a box are cropped by the first weights' locator, or
    taken whole.
    """
    if recipe.compute.threads:
        torch.set_num_threads(recipe.compute.threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    on_trial = dataclasses.replace(recipe, locator=dataclasses.replace(recipe.locator, epochs=0))
    by_name = sorted(photos, key=lambda photo: photo.name)
    world = enter_world(recipe.compute.device)
    try:
        with tempfile.TemporaryDirectory(prefix="flukeprint-") as folder:
            place = RunPlace(Path(folder) / "run", cache or Path(folder), world)
            yield prepare_run(on_trial, by_name, [], place)
    finally:
        leave_world()


def learned_from(recipe: Recipe, photos: Sequence[LabelledPhoto]) -> list[LabelledPhoto]:
    """The photos, by name, that `train` would not hold out."""
    by_name = sorted(photos, key=lambda photo: photo.name)
    return task_of(recipe).select(recipe, by_name).learnt_from
