"""Which photos a run learns from, and by which it chooses its best epoch."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

from embedding.checkpoint import fingerprint_of
from index.labels.reader import LabelledPhoto
from training.distributed.world import World
from training.learning.distillation import teacher_path
from training.learning.first_weights import aligner_path
from training.recipes.choices import Recipe
from training.run.task import task_of
from training.splits.protocol import Split, write_split
from training.splits.recipe_split import RecipeSplit


@dataclass(frozen=True, slots=True)
class SelectedPhotos:
    """The photos of a run: those learned from, those it is steered by, and the extra ones.

    `inner` divides `learnt_from` into fit and validation. `extra` photos are learned from too, and
    have no part in any split. `digest` names the choices and the photos: a run goes on only with
    the same.
    """

    learnt_from: list[LabelledPhoto]
    inner: Split
    extra: list[LabelledPhoto]
    outer: Split
    given: RecipeSplit | None
    digest: str

    @property
    def fit(self) -> list[LabelledPhoto]:
        return [photo for photo in self.learnt_from if self.inner.roles[photo.name] == "fit"]

    def write_split(self, path: Path) -> None:
        """Write who was held out, as `evaluate --split` reads it."""
        if self.given is None:
            write_split(self.outer, path)
        else:
            self.given.copy_to(path)


def select_photos(
    recipe: Recipe, photos: list[LabelledPhoto], extra: list[LabelledPhoto], world: World
) -> SelectedPhotos:
    """Select photos by the recipe's task and split. Raises BadSplit, and BadRun for too few."""
    task = task_of(recipe)
    chosen = task.select(recipe, photos)
    inner = chosen.inner
    if inner is None and recipe.data.validation_share == 0:
        inner = Split({photo.name: "fit" for photo in chosen.learnt_from})
    inner = inner or task.validation(recipe, chosen.learnt_from)
    fit = [photo for photo in chosen.learnt_from if inner.roles[photo.name] == "fit"]
    return SelectedPhotos(
        learnt_from=chosen.learnt_from,
        inner=inner,
        extra=_usable(extra, chosen.photos, fit, world),
        outer=chosen.outer,
        given=chosen.given,
        digest=_digest(recipe, [*chosen.photos, *extra]),
    )


def _usable(
    extra: list[LabelledPhoto], photos: list[LabelledPhoto], fit: list[LabelledPhoto], world: World
) -> list[LabelledPhoto]:
    """Leave out extra photos of individuals that validation or test takes for unknown."""
    held_out = {photo.individual for photo in photos} - {photo.individual for photo in fit} - {None}
    usable = [photo for photo in extra if photo.individual not in held_out]
    if len(usable) < len(extra) and world.is_first:
        print(
            f"note: {len(extra) - len(usable)} of {len(extra)} extra photos are of individuals "
            "that are held out; they are left out too",
            file=sys.stderr,
        )
    return usable


def _digest(recipe: Recipe, photos: list[LabelledPhoto]) -> str:
    """Name the choices, the files that they name, and the photos as they were given.

    Found boxes are no part of it: they may differ in their last bits.
    """
    content = hashlib.sha256(recipe.digest.encode())
    if recipe.distillation.teacher:
        content.update(fingerprint_of(teacher_path(recipe.distillation)).encode())
    aligner = aligner_path(recipe.network)
    if aligner is not None:
        content.update(fingerprint_of(aligner).encode())
    if recipe.data.split:
        content.update(fingerprint_of(Path(recipe.data.split)).encode())
    for photo in photos:
        content.update(f"{photo.name}|{photo.individual}|{photo.species}|{photo.box}\n".encode())
    return content.hexdigest()
