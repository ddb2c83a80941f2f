"""training/recipes/presets.py: strengths that go together, single ones changed, and the command
line before the file.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from training.recipes.choices import AugmentationChoices, BadRecipe
from training.recipes.presets import PRESETS, with_preset
from training.recipes.reading import read_recipe, recipe_from_dict

STRENGTHS = (
    "rotation_degrees",
    "shift",
    "shear_degrees",
    "brightness",
    "contrast",
    "saturation",
    "hue",
    "gray_share",
)


def of(preset: str, *overrides: str) -> AugmentationChoices:
    return read_recipe("tiny", [f"augmentation.preset={preset}", *overrides]).augmentation


def test_nothing_is_changed_by_none() -> None:
    none = of("none")
    assert [getattr(none, name) for name in STRENGTHS] == [0.0] * len(STRENGTHS)
    assert (none.zoom, none.flip_share, none.blur_share, none.erase_share) == (
        (1.0, 1.0),
        0.0,
        0.0,
        0.0,
    )


def test_presets_are_in_the_order_of_their_names() -> None:
    none, light, standard, strong = (of(name) for name in ("none", "light", "standard", "strong"))
    for name in STRENGTHS:
        values = [getattr(each, name) for each in (none, light, standard, strong)]
        assert values == sorted(values), name
        assert values[3] > values[0]
    assert none.zoom[0] > light.zoom[0] > standard.zoom[0] > strong.zoom[0]


def test_standard_is_what_a_recipe_without_a_preset_has() -> None:
    assert of("standard") == read_recipe("tiny").augmentation == AugmentationChoices()


def test_a_key_that_a_recipe_names_itself_stays() -> None:
    assert with_preset({"preset": "none", "hue": 0.1})["hue"] == 0.1
    assert of("light", "augmentation.hue=0.1") == dataclasses.replace(of("light"), hue=0.1)


def test_a_preset_from_the_command_line_takes_the_place_of_the_file_s_strengths(
    tmp_path: Path,
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        "[network]\nbackbone='x'\n[[loss]]\nkind='arcface'\n[augmentation]\ngray_share=0.7\n"
    )
    assert read_recipe(str(path)).augmentation.gray_share == 0.7
    for overrides in (
        ["augmentation.preset=none", "augmentation.hue=0.2"],
        ["augmentation.hue=0.2", "augmentation.preset=none"],
    ):
        read = read_recipe(str(path), overrides).augmentation
        assert (read.gray_share, read.hue) == (0.0, 0.2)


def test_a_preset_survives_recipe_json() -> None:
    strong = read_recipe("tiny", ["augmentation.preset=strong", "augmentation.hue=0.0"])
    assert recipe_from_dict(strong.to_dict()) == strong


@pytest.mark.parametrize("preset", ["strongest", "3", "[]"])
def test_an_unknown_preset_is_refused_with_those_there_are(preset: str) -> None:
    with pytest.raises(
        BadRecipe,
        match=r"augmentation\.preset = .*; allowed are 'none', 'light', 'standard', 'strong'",
    ):
        of(preset)
    assert set(PRESETS) == {"none", "light", "standard", "strong"}
