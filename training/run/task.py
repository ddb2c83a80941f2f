"""What labels are, individuals or classes, and all that differs between them in a training."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from index.labels.reader import LabelledPhoto
from training.recipes.choices import Recipe
from training.run.run import BadRun
from training.splits.by_class import split_kinds, validation_of_kinds
from training.splits.protocol import Split, make_split
from training.splits.recipe_split import RecipeSplit, recipe_split


@dataclass(frozen=True, slots=True)
class Selection:
    """Which photos a run knows of, which of them it learns from, and what split.csv says of them.

    `inner` divides `learnt_from` into fit and validation; None leaves that to the caller. `given`
    is the split file that the recipe names.
    """

    photos: list[LabelledPhoto]
    learnt_from: list[LabelledPhoto]
    outer: Split
    inner: Split | None = None
    given: RecipeSplit | None = None


class Task(Protocol):
    """What the labels are."""

    has_classes: bool
    """Labels are classes, which the checkpoint will answer with; else they are individuals."""

    def prepare(
        self, recipe: Recipe, photos: Sequence[LabelledPhoto]
    ) -> tuple[Recipe, list[LabelledPhoto]]:
        """The recipe and the labelled photos as this task learns them."""
        ...

    def select(self, recipe: Recipe, photos: Sequence[LabelledPhoto]) -> Selection:
        """Choose who is learned from, by the recipe's split. Raises BadSplit."""
        ...

    def validation(self, recipe: Recipe, photos: list[LabelledPhoto]) -> Split:
        """Divide photos that may be learned from into fit and validation. Raises BadRun."""
        ...


class IndividualsTask:
    """Labels are individuals. The split is the protocol's or a file's, test photos held out."""

    has_classes = False

    def prepare(
        self, recipe: Recipe, photos: Sequence[LabelledPhoto]
    ) -> tuple[Recipe, list[LabelledPhoto]]:
        return recipe, list(photos)

    def select(self, recipe: Recipe, photos: Sequence[LabelledPhoto]) -> Selection:
        known = list(photos)
        given = recipe_split(recipe.data, known)
        if given is not None:
            return Selection(known, given.learnt_from, _all_fit(known), given.inner, given)
        if not recipe.data.hold_out_test:
            return Selection(known, known, _all_fit(known))
        outer = make_split(known, recipe.data.split_seed)
        return Selection(
            known, [photo for photo in known if outer.roles[photo.name] == "fit"], outer
        )

    def validation(self, recipe: Recipe, photos: list[LabelledPhoto]) -> Split:
        split = make_split(photos, recipe.data.split_seed + 1, recipe.data.validation_share)
        disjoint = Counter(
            photo.individual for photo in photos if split.roles[photo.name] == "disjoint"
        )
        if recipe.schedule.epochs and not split.names("known_query") and max(disjoint.values()) < 2:
            raise BadRun(
                "no photo is left to choose the best epoch by: too few individuals have several "
                "photos. Give --set data.validation_share=0 to keep the last epoch, or a greater "
                "share"
            )
        return split


class ClassesTask:
    """Labels are classes. Test photos of each are held out, which a report asks about at the end.

    Photos of new_whale have no class, and are left out.
    """

    has_classes = True

    def prepare(
        self, recipe: Recipe, photos: Sequence[LabelledPhoto]
    ) -> tuple[Recipe, list[LabelledPhoto]]:
        labelled = [photo for photo in photos if photo.individual is not None]
        return with_full_batches(recipe, len({photo.individual for photo in labelled})), labelled

    def select(self, recipe: Recipe, photos: Sequence[LabelledPhoto]) -> Selection:
        parts = split_kinds(photos, recipe.data)
        learnt_from = [photo for photo in photos if parts[photo.name] != "test"]
        return Selection(learnt_from, learnt_from, _all_fit(learnt_from))

    def validation(self, recipe: Recipe, photos: list[LabelledPhoto]) -> Split:
        return validation_of_kinds(photos, recipe.data)


def task_of(recipe: Recipe) -> Task:
    """The task that a recipe names."""
    return ClassesTask() if recipe.data.task == "classes" else IndividualsTask()


def with_full_batches(recipe: Recipe, classes: int) -> Recipe:
    """Where classes are few, give each several photos in a batch, so that it stays as large."""
    batches = recipe.batches
    each = -(
        -batches.individuals * batches.photos_each // max(1, min(classes, batches.individuals))
    )
    return dataclasses.replace(recipe, batches=dataclasses.replace(batches, photos_each=each))


def _all_fit(photos: Sequence[LabelledPhoto]) -> Split:
    return Split({photo.name: "fit" for photo in photos})
