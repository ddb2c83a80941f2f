"""training/recipes/choices.py: what a digest tells apart, and what it leaves as it was."""

from __future__ import annotations

import dataclasses
from typing import Any

from training.recipes.choices import FirstStageChoices, LossChoices, NetworkChoices, Recipe
from training.recipes.reading import recipe_from_dict

LEAST: dict[str, Any] = {
    "name": "least",
    "network": {"backbone": "resnet10t"},
    "loss": [{"kind": "arcface"}],
}


def test_a_run_begun_before_there_were_later_choices_is_still_of_its_recipe() -> None:
    # The digest of the version that knew none of them.
    assert (
        recipe_from_dict(LEAST).digest
        == "c34c865eec6fbdc0244c2727073cdf7edc2c17d3f292263ad308355b4845d5f9"
    )


def test_a_run_begun_with_an_earlier_key_is_still_of_its_recipe() -> None:
    # The digest of the version that called it sides = "apart".
    network = {"backbone": "resnet10t", "mirror_fusion": "separate"}
    assert (
        recipe_from_dict({**LEAST, "network": network}).digest
        == "a2a87926e3a68da31173bb61286afb57f355d7d9667da0d138a6f420bafe4e99"
    )


def test_a_later_choice_that_is_made_is_told() -> None:
    least = recipe_from_dict(LEAST)
    loss = LossChoices(kind="arcface", class_weights="inverse")
    changed = [
        dataclasses.replace(least, loss=(loss,)),
        dataclasses.replace(least, first_stage=FirstStageChoices(epochs=1)),
        dataclasses.replace(least, schedule=dataclasses.replace(least.schedule, freeze_epochs=1)),
        dataclasses.replace(
            least, augmentation=dataclasses.replace(least.augmentation, flip_share=0.4)
        ),
    ]
    assert len({least.digest, *(recipe.digest for recipe in changed)}) == 5


def test_a_recipe_is_built_of_its_sections_too() -> None:
    built = Recipe(
        name="least",
        network=NetworkChoices(backbone="resnet10t"),
        loss=(LossChoices(kind="arcface"),),
    )
    assert built == recipe_from_dict(LEAST)
