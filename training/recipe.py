"""A recipe: every choice of a training, as TOML. Unknown keys are errors that list the known ones."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tomllib
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from embedding.errors import FlukeprintError
from embedding.network import Branches, Mirror, Pooling
from embedding.photo import Box
from training.ranges import LOSS_RANGES, RANGES, first_outside

RECIPES = Path(__file__).parent / "recipes"


class BadRecipe(FlukeprintError):
    """A recipe that is absent, not TOML, or holds an unknown key or a value out of range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkChoices:
    """`weights`: "pretrained" (timm downloads them), "default" (flukeprint's own checkpoint), "random", or a file.

    The rest is embedding.network.NetworkConfig's: `clusters` and `cell_dim` are for pooling "vlad".
    """

    backbone: str
    weights: str = "pretrained"
    embedding_dim: int = 256
    pooling: Pooling = "gem"
    stages: int = 1
    branches: Branches = "whole"
    neck: bool = True
    stride: int = 0
    mirror: Mirror = "horizontal"
    clusters: int = 64
    cell_dim: int = 48
    dropout: float = 0.0
    drop_path: float = 0.0
    backbone_options: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class InputChoices:
    """The network's input; see embedding.preprocessing.Preprocessing."""

    width_px: int = 224
    height_px: int = 224
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    crop: Literal["none", "box"] = "none"
    fit: Literal["squash", "pad"] = "squash"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocatorChoices:
    """The small network that finds the fluke in photos without a box; `epochs` 0 trains none.

    Wanted with input.crop = "box", so that queries, which come without a box, are cropped as the photos learned from.
    """

    epochs: int = 0
    rate: float = 0.003
    batch: int = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class DataChoices:
    """`validation_share` of the fit part steers the run; with 0 everything is learned from and nothing is chosen by.

    `labels` "ignore" learns without individuals: every photo is its own positive, all others are negatives (the
    self-supervised warm-up; validation goes by the labels still). `species_boxes` are where the animal is in every
    photo of a species that has no box of its own, as left, top, right, bottom in 0..1: for crops aligned alike.
    """

    split_seed: int = 0
    validation_share: float = 0.1
    hold_out_test: bool = True
    labels: Literal["use", "ignore"] = "use"
    species_boxes: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillationChoices:
    """Learn from a teacher too: the batch's cosines are drawn to the teacher's (Tung and Mori 2019, on cosines).

    `teacher`: a checkpoint file, "default" for the shipped one, or "" for none. `weight` multiplies the mean squared
    difference of the cosines.
    """

    teacher: str = ""
    weight: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchChoices:
    """P x K batches: `individuals` times `photos_each`, of which a share are new_whale photos.

    `oversampling` 0 draws individuals in proportion to their photos, 1 all alike; between them n^(1 - oversampling).
    `new_whales`: "negatives" (only pushed away from), "individuals" (each photo its own identity), or "unused".
    `unlabelled_share` of the individuals are single unlabelled photos, where some are given. `species_shares` says how
    large a share of the other individuals drawn is of a species; species that it doesn't name divide the rest.
    """

    individuals: int = 16
    photos_each: int = 4
    new_whale_share: float = 0.25
    new_whales: Literal["negatives", "individuals", "unused"] = "negatives"
    unlabelled_share: float = 0.25
    oversampling: float = 0.5
    flips_as_individuals: bool = True
    species_shares: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class LossChoices:
    """One term of the loss.

    arcface, subcenter_arcface: `scale`, and `margin_degrees` for all or, with `dynamic_margin`, per individual of
    n photos .27 n^-.364 + .05 radians (Happywhale 2022's first place). triplet: `margin` in distance and `mining`,
    where "easy" takes each photo's nearest positive and hardest negative (Xuan et al. 2020), for animals whose photos
    show two sides. multi_similarity: alpha 2, beta 50, base .5 (Wang et al. 2019); `memory` compares its batch with
    that many embeddings of the batches before as well (cross-batch memory, Wang et al. 2020). focal: a sigmoid for
    every identity instead of a softmax over all, so that a new whale is a negative of each; the `hardest` negatives of
    every photo count (humpback 2019's winners).
    """

    kind: Literal["arcface", "subcenter_arcface", "triplet", "multi_similarity", "focal"]
    weight: float = 1.0
    scale: float = 30.0
    margin_degrees: float = 28.6
    dynamic_margin: bool = False
    sub_centers: int = 2
    margin: float = 0.3
    mining: Literal["hard", "semihard", "all", "easy"] = "hard"
    memory: int = 0
    hardest: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentationChoices:
    """Strengths of torchvision v2's transforms; `group` photos of a batch share one draw (speed on a CPU)."""

    rotation_degrees: float = 15.0
    shift: float = 0.1
    zoom: tuple[float, float] = (0.85, 1.15)
    shear_degrees: float = 8.0
    brightness: float = 0.3
    contrast: float = 0.3
    saturation: float = 0.3
    hue: float = 0.02
    gray_share: float = 0.2
    blur_share: float = 0.0
    erase_share: float = 0.0
    group: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimiserChoices:
    """`head_rate_factor` multiplies the rate of the loss's class weights, which start from noise."""

    kind: Literal["adam", "adamw", "sgd"] = "adamw"
    rate: float = 1e-3
    head_rate_factor: float = 5.0
    weight_decay: float = 0.01
    momentum: float = 0.9
    clip_norm: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleChoices:
    """`early_stop_epochs` 0 never stops early; plateau counts validations without improvement."""

    epochs: int = 40
    kind: Literal["cosine", "plateau", "constant"] = "cosine"
    warmup_epochs: float = 1.0
    plateau_patience: int = 3
    plateau_factor: float = 0.3
    early_stop_epochs: int = 0
    validate_every_epochs: int = 1
    save_every_steps: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeChoices:
    """`threads` 0 leaves PyTorch's own number. bf16 runs the network (never the losses) under autocast."""

    device: str = "auto"
    precision: Literal["float32", "bf16"] = "float32"
    channels_last: bool = True
    ema_decay: float = 0.998
    threads: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides a training's result, given the photographs."""

    name: str
    network: NetworkChoices
    loss: tuple[LossChoices, ...]
    seed: int = 0
    input: InputChoices = InputChoices()
    locator: LocatorChoices = LocatorChoices()
    data: DataChoices = DataChoices()
    distillation: DistillationChoices = DistillationChoices()
    batches: BatchChoices = BatchChoices()
    augmentation: AugmentationChoices = AugmentationChoices()
    optimiser: OptimiserChoices = OptimiserChoices()
    schedule: ScheduleChoices = ScheduleChoices()
    compute: ComputeChoices = ComputeChoices()

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @property
    def digest(self) -> str:
        """SHA-256 of the choices: what --resume compares."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()


def shipped_recipes() -> list[str]:
    """Name the recipes that come with flukeprint."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def read_recipe(source: str, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe by shipped name or TOML path, with `section.key=value` overrides (values in TOML's notation)."""
    path = RECIPES / f"{source}.toml" if source in shipped_recipes() else Path(source)
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise BadRecipe(
            f"no recipe {source!r}: give a TOML file, or one of the shipped: {', '.join(shipped_recipes())}"
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadRecipe(f"the recipe {source} can't be read: {error}") from error
    values.setdefault("name", path.stem)
    for override in overrides:
        _override(values, override)
    return recipe_from_dict(values)


def recipe_from_dict(values: Mapping[str, Any]) -> Recipe:
    """Check and freeze plain values. Raises BadRecipe naming the key, what was given and what is allowed."""
    recipe = cast(Recipe, _build(Recipe, dict(values), ""))
    _check_ranges(recipe)
    return recipe


def _override(values: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    if not separator or not key.strip():
        raise BadRecipe(f"--set {override!r} is not of the form section.key=value, for instance schedule.epochs=3")
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
            f"--set {override!r} leads nowhere in the recipe; allowed are key=value, section.key=value and, for its "
            f"{len(values.get('loss', ()))} losses, loss.0.key=value and so on"
        ) from error


def _build(kind: Any, value: Any, where: str) -> Any:
    """Turn a plain value into what the annotation `kind` says; the recursion over a recipe's dataclasses."""
    if dataclasses.is_dataclass(kind):
        return _build_section(cast(type, kind), value, where)
    origin, args = get_origin(kind), get_args(kind)
    if origin is Literal:
        if value not in args:
            raise BadRecipe(f"{where} = {value!r}; allowed are {', '.join(repr(choice) for choice in args)}")
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
            f"unknown key {unknown[0]!r} in {f'[{where}]' if where else 'the recipe'}; known are {', '.join(hints)}"
        )
    required = [f.name for f in dataclasses.fields(kind) if _is_required(f)]
    missing = [name for name in required if name not in section]
    if missing:
        raise BadRecipe(f"{f'[{where}]' if where else 'the recipe'} lacks {', '.join(missing)}")
    prefix = f"{where}." if where else ""
    return kind(**{name: _build(hints[name], given, prefix + name) for name, given in section.items()})


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
        wanted = {int: "whole number", float: "number", str: "text", bool: "true or false", dict: "table"}
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
        raise BadRecipe(f"augmentation.zoom = {recipe.augmentation.zoom}; the smaller number comes first")
    shares = recipe.batches.species_shares
    if any(not isinstance(share, int | float) or not 0 <= share <= 1 for share in shares.values()):
        raise BadRecipe(f"batches.species_shares = {shares}; allowed are numbers from 0 to 1")
    if sum(shares.values()) > 1 + 1e-9:
        raise BadRecipe(f"batches.species_shares = {shares}, {sum(shares.values()):g} together; allowed is 1 at most")
    boxes_of(recipe.data)
    if recipe.batches.individuals * recipe.batches.photos_each < 2:
        raise BadRecipe("batches.individuals = 1 and batches.photos_each = 1; a batch needs at least 2 photos")
    _check_losses(recipe)
    if not recipe.loss and recipe.schedule.epochs:
        raise BadRecipe("the recipe names no [[loss]], so there is nothing to train by")


def boxes_of(choices: DataChoices) -> dict[str, Box]:
    """The boxes that a recipe gives to species' photos without one of their own. Raises BadRecipe."""
    boxes: dict[str, Box] = {}
    for species, given in choices.species_boxes.items():
        sides: list[Any] = list(cast("Sequence[Any]", given)) if isinstance(given, list | tuple) else []
        if len(sides) != 4 or not all(isinstance(side, int | float) and 0 <= side <= 1 for side in sides):
            sides = []
        if not sides or not (sides[0] < sides[2] and sides[1] < sides[3]):
            raise BadRecipe(
                f"data.species_boxes.{species} = {given}; allowed are [left, top, right, bottom] from 0 to 1, left "
                "before right and top above bottom"
            )
        boxes[species] = Box(*(float(side) for side in sides))
    return boxes


def _check_losses(recipe: Recipe) -> None:
    """Refuse choices that would teach nothing, or not what they say."""
    for at, term in enumerate(recipe.loss):
        if term.memory and term.kind != "multi_similarity":
            raise BadRecipe(
                f'loss.{at}.memory = {term.memory} of {term.kind}; allowed is 0, or kind = "multi_similarity"'
            )
    if recipe.data.labels == "ignore":
        if not any(term.kind in ("triplet", "multi_similarity") for term in recipe.loss):
            raise BadRecipe(
                'data.labels = "ignore" leaves no classes to learn; give a [[loss]] of kind "multi_similarity" or '
                '"triplet"'
            )
        if recipe.batches.photos_each < 2:
            raise BadRecipe(
                'data.labels = "ignore" makes a photo its own positive, so batches.photos_each = 1 leaves none; give 2'
            )
