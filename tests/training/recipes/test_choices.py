"""training/recipes/choices.py: what a digest tells apart, and what it leaves as it was."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from training.recipes.choices import (
    FirstStageChoices,
    LossChoices,
    NetworkChoices,
    Recipe,
    ScheduleChoices,
    Share,
)
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


def numbers_without_bounds(section: Any, prefix: str = "") -> list[str]:
    """Dotted names of a section's numbers, lists of numbers included, that may be anything."""
    found: list[str] = []
    for name, hint in get_type_hints(section, include_extras=True).items():
        field = FieldInfo.from_annotation(hint)
        if get_origin(field.annotation) is tuple:
            field = FieldInfo.from_annotation(get_args(field.annotation)[0])
        if dataclasses.is_dataclass(field.annotation):
            found += numbers_without_bounds(field.annotation, f"{prefix}{name}.")
        has_bounds = {"ge", "le"} <= {bound for each in field.metadata for bound in dir(each)}
        if field.annotation in (int, float) and not has_bounds:
            found.append(prefix + name)
    return found


def test_every_number_has_bounds() -> None:
    @dataclasses.dataclass
    class Section:
        share: Share
        pair: tuple[Share, float]
        free: int

    assert numbers_without_bounds(Section) == ["free"]
    assert numbers_without_bounds(Recipe) == []


def test_a_number_is_no_text_and_no_truth() -> None:
    for value in ("3", True, 1.5):
        with pytest.raises(ValidationError):
            ScheduleChoices(epochs=value)  # type: ignore[arg-type]
    assert isinstance(ScheduleChoices(warmup_epochs=2).warmup_epochs, float)


def test_a_recipe_is_built_of_its_sections_too() -> None:
    built = Recipe(
        name="least",
        network=NetworkChoices(backbone="resnet10t"),
        loss=(LossChoices(kind="arcface"),),
    )
    assert built == recipe_from_dict(LEAST)
