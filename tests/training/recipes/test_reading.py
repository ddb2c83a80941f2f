"""training/recipes/reading.py: TOML to frozen choices; whatever is misspelt or out of place is said
plainly.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from training.recipes.choices import BadRecipe, Recipe
from training.recipes.reading import read_recipe, recipe_from_dict, shipped_recipes

LEAST: dict[str, Any] = {
    "name": "least",
    "network": {"backbone": "resnet10t"},
    "loss": [{"kind": "arcface"}],
}


def test_every_shipped_recipe_is_read() -> None:
    assert {"tiny", "humpback-100px", "imagenet-baseline"} <= set(shipped_recipes())
    for name in shipped_recipes():
        assert read_recipe(name).name == name


def test_a_file_s_values_are_taken_and_the_rest_is_default(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        '[network]\nbackbone = "resnet18"\nweights = "random"\n'
        "[augmentation]\nzoom = [0.5, 2]\n[[loss]]\nkind = 'triplet'\nmargin = 1\n[[loss]]\n"
        "kind = 'arcface'\n"
    )
    recipe = read_recipe(str(tmp_path / "mine.toml"))
    assert (recipe.name, recipe.network.backbone, recipe.network.weights) == (
        "mine",
        "resnet18",
        "random",
    )
    assert recipe.augmentation.zoom == (0.5, 2.0)
    assert [term.kind for term in recipe.loss] == ["triplet", "arcface"]
    assert recipe.loss[0].margin == 1.0 and isinstance(recipe.loss[0].margin, float)
    assert recipe.schedule == recipe_from_dict(LEAST).schedule


def test_choices_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        read_recipe("tiny").schedule.epochs = 3  # type: ignore[misc]


def test_a_recipe_survives_its_dictionary_and_its_digest_tells_recipes_apart() -> None:
    tiny = read_recipe("tiny")
    assert recipe_from_dict(tiny.to_dict()) == tiny
    assert recipe_from_dict(tiny.to_dict()).digest == tiny.digest
    assert read_recipe("tiny", ["optimiser.rate=0.0011"]).digest != tiny.digest


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"optimizer": {}},
            r"unknown key 'optimizer' in the recipe; known are name, network, loss, .*optimiser",
        ),
        (
            {"network": {"backbone": "x", "dim": 3}},
            r"unknown key 'dim' in \[network\]; known are .*embedding_dim",
        ),
        (
            {"loss": [{"kind": "arcface"}, {"kind": "triplet", "margn": 1}]},
            r"'margn' in \[loss\.1\]; known are kind, ",
        ),
        ({"network": {"weights": "random"}}, r"\[network\] lacks backbone"),
        ({"loss": [{}]}, r"\[loss\.0\] lacks kind"),
        ({"loss": {"kind": "arcface"}}, r"loss = .*allowed is a list"),
        ({"loss": []}, r"names no \[\[loss\]\]"),
        (
            {"loss": [{"kind": "hinge"}]},
            r"loss\.0\.kind = 'hinge'; allowed are 'arcface', 'subcenter_arcface'",
        ),
        ({"schedule": {"epochs": "many"}}, r"schedule\.epochs = 'many': allowed is a whole number"),
        ({"schedule": {"epochs": 1.5}}, r"schedule\.epochs = 1\.5: allowed is a whole number"),
        ({"schedule": {"epochs": True}}, r"schedule\.epochs = True: allowed is a whole number"),
        (
            {"batches": {"flips_as_individuals": 1}},
            r"flips_as_individuals = 1: allowed is true or false",
        ),
        ({"batches": {"oversampling": True}}, r"oversampling = True: allowed is a number"),
        (
            {"augmentation": {"zoom": [1.0]}},
            r"augmentation\.zoom = \[1\.0\]; allowed are 2 numbers",
        ),
        ({"augmentation": {"zoom": 1.0}}, r"augmentation\.zoom = 1\.0: allowed is a list"),
        ({"schedule": 3}, r"schedule = 3: allowed is a table"),
        (
            {"network": {"backbone": "x", "backbone_options": 1}},
            r"backbone_options = 1: allowed is a table",
        ),
    ],
)
def test_what_is_misspelt_is_named_with_what_is_allowed(values: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRecipe, match=said):
        recipe_from_dict({**LEAST, **values})


@pytest.mark.parametrize(
    "override",
    [
        "network.dropout=1.0",
        "network.embedding_dim=-1",
        "input.width_px=4",
        "input.std=[0.5, 0.0, 0.5]",
        "batches.individuals=0",
        "batches.photos_each=0",
        "batches.new_whale_share=0.95",
        "batches.oversampling=1.5",
        "data.validation_share=0.6",
        "data.split_seed=-1",
        "seed=-1",
        "schedule.epochs=-1",
        "schedule.warmup_epochs=-0.5",
        "schedule.plateau_patience=-1",
        "schedule.save_every_steps=0",
        "schedule.validate_every_epochs=0",
        "compute.ema_decay=1.0",
        "compute.threads=-2",
        "optimiser.rate=nan",
        "optimiser.rate=inf",
        "optimiser.momentum=1.0",
        "augmentation.hue=0.6",
        "augmentation.zoom=[0.0, 1.0]",
        "augmentation.erase_share=1.1",
        "locator.batch=1",
        "loss.0.weight=-1",
        "loss.0.scale=0",
        "loss.0.margin_degrees=181",
        "loss.0.sub_centers=0",
    ],
)
def test_a_number_out_of_range_is_refused_with_the_range(override: str) -> None:
    key = override.partition("=")[0].replace(".", r"\.")
    with pytest.raises(BadRecipe, match=rf"^{key} = .*; allowed are [\d.,]+ to [\d.,]+$"):
        read_recipe("tiny", [override])


@pytest.mark.parametrize(
    ("override", "read"),
    [
        ("schedule.epochs=7", lambda recipe: recipe.schedule.epochs == 7),
        (" schedule.epochs = 7", lambda recipe: recipe.schedule.epochs == 7),
        ("loss.0.weight=2", lambda recipe: recipe.loss[0].weight == 2.0),
        ("network.weights=random", lambda recipe: recipe.network.weights == "random"),
        ('network.weights="a b=c.pth"', lambda recipe: recipe.network.weights == "a b=c.pth"),
        (
            "network.weights=folder/file.pth",
            lambda recipe: recipe.network.weights == "folder/file.pth",
        ),
        (
            "network.backbone_options.output_stride=16",
            lambda r: r.network.backbone_options == {"output_stride": 16},
        ),
        ("augmentation.zoom=[0.9, 1.1]", lambda recipe: recipe.augmentation.zoom == (0.9, 1.1)),
        (
            "batches.flips_as_individuals=false",
            lambda recipe: recipe.batches.flips_as_individuals is False,
        ),
        ("locator.epochs=3", lambda recipe: recipe.locator.epochs == 3),
        ("seed=11", lambda recipe: recipe.seed == 11),
    ],
)
def test_an_override_changes_one_choice(override: str, read: Callable[[Recipe], bool]) -> None:
    assert read(read_recipe("tiny", [override]))


def test_the_last_of_two_overrides_counts() -> None:
    assert read_recipe("tiny", ["seed=1", "seed=2"]).seed == 2


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("foo", "'foo' is not of the form section.key=value"),
        ("=3", "'=3' is not of the form"),
        ("", "'' is not of the form"),
        ("name.x=1", r"'name\.x=1' leads nowhere .* its 1 losses, loss\.0\.key=value"),
        ("name.x.y=1", "leads nowhere"),
        ("schedule.epochs.x=1", "leads nowhere"),
        ("loss.9.weight=1", "leads nowhere"),
        ("loss.weight=1", "leads nowhere"),
        ("loss.first.weight=1", "leads nowhere"),
        ("schedule.0.epochs=1", "leads nowhere"),
        ("loss.0=3", r"loss\.0 = 3: allowed is a table"),
        ("schedule.epoch=1", r"unknown key 'epoch' in \[schedule\]; known are epochs"),
        ("shedule.epochs=1", "unknown key 'shedule' in the recipe"),
        ("schedule..epochs=1", r"unknown key '' in \[schedule\]"),
        ("0=1", "unknown key '0' in the recipe"),
        ("schedule.epochs=", "allowed is a whole number"),
        ("seed=2018-06-01", "allowed is a whole number"),
        ("network.backbone_options.0=1", r"backbone_options\.0.* = 0: allowed is text"),
    ],
)
def test_an_override_that_leads_nowhere_is_refused(override: str, said: str) -> None:
    with pytest.raises(BadRecipe, match=said):
        read_recipe("tiny", [override])


def test_an_absent_recipe_is_refused_with_the_shipped_ones() -> None:
    with pytest.raises(
        BadRecipe, match=r"no recipe 'tyni': give a TOML file, or one of the shipped: .*tiny"
    ):
        read_recipe("tyni")


@pytest.mark.parametrize("content", [b"epochs = = 3", b"\xff\xfe\x00"])
def test_a_file_that_is_not_toml_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_bytes(content)
    with pytest.raises(BadRecipe, match=r"r\.toml can't be read"):
        read_recipe(str(tmp_path / "r.toml"))
    with pytest.raises(BadRecipe, match="can't be read"):
        read_recipe(str(tmp_path))


def test_a_recipe_s_earlier_keys_are_read_still(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[network]\nbackbone='x'\nsides='apart'\n[[loss]]\nkind='arcface'\n")
    now = read_recipe(str(path))
    assert now.network.mirror_fusion == "separate"
    assert read_recipe(str(path), ["network.sides=added"]).network.mirror_fusion == "sum"
    assert read_recipe(str(path), ["network.mirror_fusion=sum"]).network.mirror_fusion == "sum"
    read = [
        read_recipe("tiny", [f"network.{override}"])
        for override in ("sides=apart", "mirror_fusion=separate")
    ]
    assert read[0] == read[1]
    with pytest.raises(BadRecipe, match=r"mirror_fusion = 'both'; allowed are 'sum', 'separate'"):
        read_recipe("tiny", ["network.sides=both"])
