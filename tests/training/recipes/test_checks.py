"""training/recipes/checks.py: choices that are allowed one by one, and not together."""

from __future__ import annotations

import math
from typing import Any

import pytest

from embedding.photos.photo import Box
from training.recipes.checks import boxes_of
from training.recipes.choices import BadRecipe
from training.recipes.reading import read_recipe, recipe_from_dict

LEAST: dict[str, Any] = {
    "name": "least",
    "network": {"backbone": "resnet10t"},
    "loss": [{"kind": "arcface"}],
}


def test_numbers_that_only_together_make_no_sense_are_refused() -> None:
    with pytest.raises(BadRecipe, match="a batch needs at least 2 photos"):
        read_recipe("tiny", ["batches.individuals=1", "batches.photos_each=1"])
    with pytest.raises(BadRecipe, match="the smaller number comes first"):
        read_recipe("tiny", ["augmentation.zoom=[1.2, 0.8]"])


def test_no_loss_is_needed_where_nothing_is_trained() -> None:
    recipe = recipe_from_dict({**LEAST, "loss": [], "schedule": {"epochs": 0}})
    assert recipe.loss == () and not math.isnan(recipe.optimiser.rate)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ("loss=[{kind='triplet',memory=5}]", r"loss\.0\.memory = 5 of triplet"),
        ("data.labels=ignore", "leaves no classes to learn"),
        (
            "batches.photos_each=1",
            "a photo its own positive, so batches.photos_each = 1 leaves none",
        ),
    ],
)
def test_choices_that_would_teach_nothing_are_refused(changed: str, said: str) -> None:
    pair = (
        ()
        if changed == "data.labels=ignore"
        else ("data.labels=ignore", "loss=[{kind='multi_similarity'}]")
    )
    with pytest.raises(BadRecipe, match=said):
        read_recipe("tiny", [*pair, changed])


@pytest.mark.parametrize(
    ("shares", "said"),
    [("{a=0.7,b=0.4}", "1.1 together; allowed is 1 at most"), ("{a='x'}", "numbers from 0 to 1")],
)
def test_species_shares_are_shares(shares: str, said: str) -> None:
    with pytest.raises(BadRecipe, match=said):
        read_recipe("tiny", [f"batches.species_shares={shares}"])
    assert read_recipe("tiny", ["batches.species_shares={a=0.7}"]).batches.species_shares == {
        "a": 0.7
    }


@pytest.mark.parametrize(
    "box", ["[0.1,0.1,0.9]", "[0.9,0.1,0.1,0.9]", "[0.1,0.1,0.9,1.5]", "'left'"]
)
def test_species_boxes_are_boxes(box: str) -> None:
    with pytest.raises(
        BadRecipe,
        match=r"data.species_boxes.a = .*; allowed are \[left, top, right, bottom\] from 0 to 1",
    ):
        read_recipe("tiny", [f"data.species_boxes={{a={box}}}"])


def test_species_boxes_are_read() -> None:
    recipe = read_recipe("tiny", ["data.species_boxes={a=[0,0.2,1,0.8]}"])
    assert boxes_of(recipe.data) == {"a": Box(0.0, 0.2, 1.0, 0.8)}


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (("first_stage.epochs=2",), r"first_stage\.epochs = 2 of schedule\.epochs = 2 leaves none"),
        (("schedule.freeze_epochs=3",), r"freeze_epochs = 3; allowed are 0 to 2"),
        (("schedule.swa_epochs=2",), r"swa_epochs = 2; allowed are 0 to 1"),
        (("schedule.swa_epochs=1", "schedule.early_stop_epochs=1"), r"set one of them to 0"),
        (
            ("loss.0.kind=triplet", "loss.0.class_weights=inverse"),
            r"of triplet, which has no classes",
        ),
    ],
)
def test_phases_that_leave_each_other_no_epoch_are_refused(
    overrides: tuple[str, ...], said: str
) -> None:
    with pytest.raises(BadRecipe, match=said):
        read_recipe("tiny", overrides)
