"""A recipe: every choice of a training, as TOML.

Unknown keys are errors that list the known ones.
"""

from __future__ import annotations

import dataclasses
import tomllib
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from embedding.checkpoint import current_network_keys
from embedding.errors import FlukeprintError
from embedding.photos.photo import Box
from training.recipes.choices import (
    AugmentationChoices,
    BatchChoices,
    ComputeChoices,
    DataChoices,
    DistillationChoices,
    FirstStageChoices,
    InputChoices,
    LocatorChoices,
    LossChoices,
    NetworkChoices,
    OptimiserChoices,
    Recipe,
    ScheduleChoices,
)
from training.recipes.presets import with_preset
from training.recipes.ranges import LOSS_RANGES, RANGES, first_outside

# Whoever asks for a recipe asks here for its choices too.
__all__ = [
    "AugmentationChoices",
    "BadRecipe",
    "BatchChoices",
    "ComputeChoices",
    "DataChoices",
    "DistillationChoices",
    "FirstStageChoices",
    "InputChoices",
    "LocatorChoices",
    "LossChoices",
    "NetworkChoices",
    "OptimiserChoices",
    "Recipe",
    "ScheduleChoices",
    "boxes_of",
    "read_recipe",
    "recipe_from_dict",
    "shipped_recipes",
]

CLASS_KINDS = ("arcface", "subcenter_arcface", "focal", "softmax")
RECIPES = Path(__file__).parent


class BadRecipe(FlukeprintError):
    """A recipe that is absent, not TOML, or holds an unknown key or a value out of range."""


def shipped_recipes() -> list[str]:
    """Name the recipes that come with flukeprint."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def read_recipe(source: str, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe by shipped name or TOML path, with `section.key=value` overrides (values in
    TOML's notation).
    """
    path = RECIPES / f"{source}.toml" if source in shipped_recipes() else Path(source)
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise BadRecipe(
            f"no recipe {source!r}: give a TOML file, or one of the shipped: "
            f"{', '.join(shipped_recipes())}"
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadRecipe(f"the recipe {source} can't be read: {error}") from error
    values.setdefault("name", path.stem)
    values = current_keys(values)
    # A preset first: it takes the place of the file's own strengths, and other overrides change
    # single ones of it.
    for override in sorted(overrides, key=lambda override: not _is_preset(override)):
        if _is_preset(override):
            values["augmentation"] = {}
        _override(values, override)
        values = current_keys(values)  # one after the other: the last that is given counts
    return recipe_from_dict(values)


def recipe_from_dict(values: Mapping[str, Any]) -> Recipe:
    """Check and freeze plain values.

    Raises BadRecipe naming the key, what was given and what is allowed.
    """
    values = current_keys(values)
    augmentation: Any = values.get("augmentation")
    if isinstance(augmentation, dict):
        values = {**values, "augmentation": with_preset(cast("dict[str, Any]", augmentation))}
    recipe = cast(Recipe, _build(Recipe, dict(values), ""))
    _check_ranges(recipe)
    return recipe


def current_keys(values: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's plain values by today's keys: some had other names in earlier versions."""
    network: Any = values.get("network")
    if isinstance(network, dict):
        return {**values, "network": current_network_keys(cast("dict[str, Any]", network))}
    return dict(values)


def _is_preset(override: str) -> bool:
    return override.partition("=")[0].strip() == "augmentation.preset"


def _override(values: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    if not separator or not key.strip():
        raise BadRecipe(
            f"--set {override!r} is not of the form section.key=value, for instance "
            "schedule.epochs=3"
        )
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text  # a bare word is a string: --set network.weights=random
    at: Any = values
    *sections, last = key.strip().split(".")
    try:
        for section in sections:
            # A number picks one of a list's members: loss.0.weight=2.
            at = at[int(section)] if section.isdigit() else at.setdefault(section, {})
        at[int(last) if last.isdigit() else last] = value
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise BadRecipe(
            f"--set {override!r} leads nowhere in the recipe; allowed are key=value, "
            "section.key=value and, for its "
            f"{len(values.get('loss', ()))} losses, loss.0.key=value and so on"
        ) from error


def _build(kind: Any, value: Any, where: str) -> Any:
    """Turn a plain value into what the annotation `kind` says; the recursion over a recipe's
    dataclasses.
    """
    if dataclasses.is_dataclass(kind):
        return _build_section(cast(type, kind), value, where)
    origin, args = get_origin(kind), get_args(kind)
    if origin is Literal:
        if value not in args:
            raise BadRecipe(
                f"{where} = {value!r}; allowed are {', '.join(repr(choice) for choice in args)}"
            )
        return value
    if origin is tuple:
        return _build_tuple(args, value, where)
    if origin in (Union, types.UnionType):
        raise TypeError(f"{where}: recipes hold no optional keys")
    if origin is dict:
        return dict(_typed(value, dict, where))
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return _typed(value, kind, where)


def _build_section(kind: type, value: Any, where: str) -> Any:
    section = _typed(value, dict, where or "the recipe")
    hints = get_type_hints(kind)
    unknown = sorted(map(str, set(section) - set(hints)))
    if unknown:
        raise BadRecipe(
            f"unknown key {unknown[0]!r} in {f'[{where}]' if where else 'the recipe'}; known "
            f"are {', '.join(hints)}"
        )
    required = [f.name for f in dataclasses.fields(kind) if _is_required(f)]
    missing = [name for name in required if name not in section]
    if missing:
        raise BadRecipe(f"{f'[{where}]' if where else 'the recipe'} lacks {', '.join(missing)}")
    prefix = f"{where}." if where else ""
    return kind(
        **{name: _build(hints[name], given, prefix + name) for name, given in section.items()}
    )


def _is_required(entry: dataclasses.Field[Any]) -> bool:
    return entry.default is dataclasses.MISSING and entry.default_factory is dataclasses.MISSING


def _build_tuple(args: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    members = list(_typed(value, (list, tuple), where))
    if args[-1] is Ellipsis:
        return tuple(_build(args[0], member, f"{where}.{at}") for at, member in enumerate(members))
    if len(members) != len(args):
        raise BadRecipe(f"{where} = {value!r}; allowed are {len(args)} numbers")
    return tuple(_build(kind, member, where) for kind, member in zip(args, members, strict=True))


def _typed(value: Any, kind: Any, where: str) -> Any:
    # True is an int to Python; in a recipe it is a slip.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        wanted = {
            int: "whole number",
            float: "number",
            str: "text",
            bool: "true or false",
            dict: "table",
        }
        raise BadRecipe(f"{where} = {value!r}: allowed is a {wanted.get(kind, 'list')}")
    return value


def _check_ranges(recipe: Recipe) -> None:
    plain = recipe.to_dict()
    complaint = first_outside(plain, RANGES)
    for at, term in enumerate(plain["loss"]):
        complaint = complaint or first_outside(term, LOSS_RANGES, f"loss.{at}.")
    if complaint:
        raise BadRecipe(complaint)
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
