"""Read a recipe, every choice of a training, from TOML; an unknown key is answered by the known."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from embedding.checkpoint import current_network_keys
from training.recipes.checks import check_together
from training.recipes.choices import BadRecipe, Recipe
from training.recipes.presets import with_preset

_UNKNOWN = ("unexpected_keyword_argument", "invalid_key")
RECIPES = Path(__file__).parent
_ALLOWED = {
    "bool": "true or false",
    "dataclass": "a table",
    "dict": "a table",
    "float": "a number",
    "int": "a whole number",
    "string": "text",
    "tuple": "a list",
}
"""What may stand where a value of another type stands, by the start of pydantic's error type."""


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
    try:
        recipe = TypeAdapter(Recipe).validate_python(values)
    except ValidationError as error:
        raise BadRecipe(_sentence(error.errors(include_url=False))) from error
    check_together(recipe)
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


def _sentence(problems: Sequence[Mapping[str, Any]]) -> str:
    """Say what pydantic found wrong first: unknown keys, then absent ones, then values."""
    unknown = [one["loc"] for one in problems if one["type"] in _UNKNOWN]
    if unknown:
        *section, key = min(unknown, key=lambda location: str(location[-1]))
        known = ", ".join(
            each.name for each in dataclasses.fields(cast(Any, _field_at(section).annotation))
        )
        return f"unknown key {str(key)!r} in {_called(section)}; known are {known}"
    absent = [one["loc"] for one in problems if one["type"] == "missing"]
    absent = [location for location in absent if isinstance(location[-1], str)]
    if absent:
        *section, _ = absent[0]
        names = [str(key) for *where, key in absent if where == section]
        return f"{_called(section)} lacks {', '.join(names)}"
    return _value_sentence(problems[0])


def _value_sentence(problem: Mapping[str, Any]) -> str:
    """Say of one value where it stands, what it is and what is allowed there."""
    kind, location, value = problem["type"], problem["loc"], problem["input"]
    field = _field_at(location)
    # One of several numbers goes by the name of all; one of several tables has a number.
    is_of_numbers = isinstance(location[-1], int) and not dataclasses.is_dataclass(field.annotation)
    named = location[:-1] if is_of_numbers else location
    where = ".".join(map(str, named))
    if kind in ("greater_than_equal", "less_than_equal"):
        low, high = (_bound(field, name) for name in ("ge", "le"))
        return f"{where} = {value}; allowed are {low:,} to {high:,}"
    if kind == "literal_error":
        return (
            f"{where} = {value!r}; allowed are {', '.join(map(repr, get_args(field.annotation)))}"
        )
    if kind in ("missing", "too_long"):
        count = len(get_args(_field_at(named).annotation))
        return f"{where} = {value!r}; allowed are {count} numbers"
    allowed = _ALLOWED.get(kind.partition("_")[0])
    return f"{where} = {value!r}: " + (f"allowed is {allowed}" if allowed else problem["msg"])


def _bound(field: FieldInfo, name: str) -> float:
    return next(getattr(each, name) for each in field.metadata if hasattr(each, name))


def _called(section: Sequence[int | str]) -> str:
    return f"[{'.'.join(map(str, section))}]" if section else "the recipe"


def _field_at(location: Sequence[int | str]) -> FieldInfo:
    """The type of what stands at a location in a recipe, with a number's bounds."""
    field = FieldInfo.from_annotation(Recipe)
    for part in location:
        if get_origin(field.annotation) is dict:
            break  # a key of it: pydantic names it further
        if isinstance(part, int):
            hint = get_args(field.annotation)[0]
        else:
            hint = get_type_hints(field.annotation, include_extras=True)[part]
        field = FieldInfo.from_annotation(hint)
    return field
