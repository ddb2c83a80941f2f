"""What a recipe's choices must be together: each may be allowed, and all of them not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from embedding.photos.photo import Box
from training.recipes.choices import BadRecipe, DataChoices, InputChoices, Recipe

_LEAST_MICRO_BATCH = 4  # so that no part of a batch is one photo, which has no batch statistics
CLASS_KINDS = ("arcface", "subcenter_arcface", "focal", "softmax")


def check_together(recipe: Recipe) -> None:
    """Refuse choices that contradict each other or would teach nothing. Raises BadRecipe."""
    if recipe.augmentation.zoom[0] > recipe.augmentation.zoom[1]:
        raise BadRecipe(
            f"augmentation.zoom = {recipe.augmentation.zoom}; the smaller number comes first"
        )
    shares = recipe.batches.species_shares
    if any(not isinstance(share, int | float) or not 0 <= share <= 1 for share in shares.values()):
        raise BadRecipe(f"batches.species_shares = {shares}; allowed are numbers from 0 to 1")
    if sum(shares.values()) > 1 + 1e-9:
        raise BadRecipe(
            f"batches.species_shares = {shares}, {sum(shares.values()):g} together; allowed is "
            "1 at most"
        )
    boxes_of(recipe.data)
    if recipe.batches.individuals * recipe.batches.photos_each < 2:
        raise BadRecipe(
            "batches.individuals = 1 and batches.photos_each = 1; a batch needs at least 2 photos"
        )
    if 0 < recipe.compute.micro_batch < _LEAST_MICRO_BATCH:
        raise BadRecipe(
            f"compute.micro_batch = {recipe.compute.micro_batch}; allowed are 0 for the whole "
            f"batch, or {_LEAST_MICRO_BATCH} photos and more"
        )
    if recipe.network.aligner:
        _check_aligned(recipe.input)
    _check_losses(recipe)
    _check_phases(recipe)
    if not recipe.loss and recipe.schedule.epochs:
        raise BadRecipe("the recipe names no [[loss]], so there is nothing to train by")


def boxes_of(choices: DataChoices) -> dict[str, Box]:
    """The boxes that a recipe gives to species' photos without one of their own.

    Raises BadRecipe.
    """
    boxes: dict[str, Box] = {}
    for species, given in choices.species_boxes.items():
        sides: list[Any] = (
            list(cast("Sequence[Any]", given)) if isinstance(given, list | tuple) else []
        )
        if len(sides) != 4 or not all(
            isinstance(side, int | float) and 0 <= side <= 1 for side in sides
        ):
            sides = []
        if not sides or not (sides[0] < sides[2] and sides[1] < sides[3]):
            raise BadRecipe(
                f"data.species_boxes.{species} = {given}; allowed are [left, top, right, "
                "bottom] from 0 to 1, left "
                "before right and top above bottom"
            )
        boxes[species] = Box(*(float(side) for side in sides))
    return boxes


def _check_aligned(choices: InputChoices) -> None:
    """Refuse inputs other than those that aligners learn from: whole photos, squashed, in colour,
    about -1 to 1.
    """
    plain = InputChoices()
    for name in ("mean", "std", "fit", "grey"):
        if getattr(choices, name) != getattr(plain, name):
            raise BadRecipe(
                f"input.{name} = {getattr(choices, name)!r} with network.aligner, which learned "
                "from photos with "
                f"{getattr(plain, name)!r}; allowed is that alone"
            )


def _check_losses(recipe: Recipe) -> None:
    """Refuse choices that would teach nothing, or not what they say."""
    for at, term in enumerate(recipe.loss):
        if term.class_weights != "none" and term.kind not in CLASS_KINDS:
            raise BadRecipe(
                f'loss.{at}.class_weights = "{term.class_weights}" of {term.kind}, which has no '
                "classes; allowed is "
                f'"none", or a kind of {", ".join(CLASS_KINDS)}. For rare individuals raise '
                "batches.oversampling"
            )
        if term.memory and term.kind != "multi_similarity":
            raise BadRecipe(
                f"loss.{at}.memory = {term.memory} of {term.kind}; allowed is 0, or kind = "
                '"multi_similarity"'
            )
    if recipe.data.labels == "ignore":
        if not any(term.kind in ("triplet", "multi_similarity") for term in recipe.loss):
            raise BadRecipe(
                'data.labels = "ignore" leaves no classes to learn; give a [[loss]] of kind '
                '"multi_similarity" or '
                '"triplet"'
            )
        if recipe.batches.photos_each < 2:
            raise BadRecipe(
                'data.labels = "ignore" makes a photo its own positive, so batches.photos_each '
                "= 1 leaves none; give 2"
            )


def _check_phases(recipe: Recipe) -> None:
    """Refuse epochs of one kind that leave none to the others."""
    schedule, epochs = recipe.schedule, recipe.schedule.epochs
    if not epochs:
        return
    if recipe.first_stage.epochs >= epochs:
        raise BadRecipe(
            f"first_stage.epochs = {recipe.first_stage.epochs} of schedule.epochs = {epochs} "
            "leaves none to learn from "
            "all individuals; allowed are less"
        )
    if schedule.freeze_epochs > epochs:
        raise BadRecipe(
            f"schedule.freeze_epochs = {schedule.freeze_epochs}; allowed are 0 to {epochs}, "
            "schedule.epochs (which "
            "never lets the backbone learn)"
        )
    before = max(schedule.freeze_epochs, recipe.first_stage.epochs, 1)
    if schedule.swa_epochs > epochs - before:
        raise BadRecipe(
            f"schedule.swa_epochs = {schedule.swa_epochs}; allowed are 0 to {epochs - before}: "
            "of schedule.epochs = "
            f"{epochs} the first {before} are not averaged (schedule.freeze_epochs, "
            "first_stage.epochs, or the first)"
        )
    if schedule.swa_epochs and schedule.early_stop_epochs:
        raise BadRecipe(
            f"schedule.early_stop_epochs = {schedule.early_stop_epochs} may end the run before "
            "schedule.swa_epochs = "
            f"{schedule.swa_epochs} begin; set one of them to 0"
        )
