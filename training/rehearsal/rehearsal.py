"""What is tried before a run is begun: a run on trial, in a folder that goes again."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from index.labels.reader import LabelledPhoto
from training.learning.distributed import enter_world, leave_world
from training.recipes.choices import Recipe
from training.run.preparation import prepare_run
from training.run.run import Run
from training.splits.by_class import split_kinds
from training.splits.protocol import make_split
from training.splits.recipe_split import recipe_split


@contextmanager
def rehearsal(
    recipe: Recipe, photos: Sequence[LabelledPhoto], *, cache: Path | None = None
) -> Generator[Run]:
    """Prepare a run as `train` would, and leave nothing of it but decoded photos in `cache`, where
    one is given.

    The locator isn't trained: photos that have no box are taken as the first weights' locator, or
    nobody, crops them.
    """
    if recipe.compute.threads:
        torch.set_num_threads(recipe.compute.threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    on_trial = dataclasses.replace(recipe, locator=dataclasses.replace(recipe.locator, epochs=0))
    by_name = sorted(photos, key=lambda photo: photo.name)
    world = enter_world(recipe.compute.device)
    try:
        with tempfile.TemporaryDirectory(prefix="flukeprint-") as folder:
            yield prepare_run(
                on_trial, by_name, [], Path(folder) / "run", cache or Path(folder), world
            )
    finally:
        leave_world()


def learned_from(recipe: Recipe, photos: Sequence[LabelledPhoto]) -> list[LabelledPhoto]:
    """The photos, by name, that `train` would not hold out."""
    by_name = sorted(photos, key=lambda photo: photo.name)
    if recipe.data.task == "classes":
        parts = split_kinds(by_name, recipe.data)
        return [photo for photo in by_name if parts[photo.name] != "test"]
    given = recipe_split(recipe.data, by_name)
    if given is not None:
        return given.learnt_from
    if not recipe.data.hold_out_test:
        return by_name
    split = make_split(by_name, recipe.data.split_seed)
    return [photo for photo in by_name if split.roles[photo.name] == "fit"]
