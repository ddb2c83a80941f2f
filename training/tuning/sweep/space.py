"""What a sweep varies: recipe keys, each with a range or a list of values."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from embedding.errors import FlukeprintError
from training.recipes.choices import BadRecipe
from training.recipes.reading import read_recipe

_RANGE = re.compile(r"(log|uniform|int)\(([^()]*)\)")
_FORMS = (
    "log(LOW,HIGH), uniform(LOW,HIGH), int(LOW,HIGH), int(LOW,HIGH,STEP), or values "
    "divided by |, as in adamw|sgd"
)


class BadSpace(FlukeprintError):
    """A space that can't be read, or that holds values which the recipe doesn't allow."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """One thing that is varied: `keys` of the recipe, which all get the same value.

    `kind` "choice" takes one of `choices` (TOML texts, in the order given); "float", "log" and
    "int" take a number from `low` to `high`, both included, "int" in steps of `step`.
    """

    keys: tuple[str, ...]
    kind: Literal["choice", "float", "log", "int"]
    choices: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0
    step: int = 1

    @property
    def name(self) -> str:
        return ",".join(self.keys)

    @property
    def ends(self) -> tuple[str, ...]:
        """The values at which a slip shows: all choices, or both ends of the range."""
        return self.choices or (self.text(self.low), self.text(self.high))

    @property
    def grid(self) -> tuple[str, ...]:
        """All values as texts. Raises BadSpace where there are infinitely many."""
        if self.kind == "choice":
            return self.choices
        if self.kind == "int":
            return tuple(
                str(value) for value in range(int(self.low), int(self.high) + 1, self.step)
            )
        raise BadSpace(
            f"{self.name} is a range, and a grid needs values: give "
            f"{self.name}={self.low:g}|{self.high:g}, with as "
            "many between as you like, or another --sampler"
        )

    def text(self, value: Any) -> str:
        """A value as a recipe's override has it."""
        if self.kind == "choice":
            return str(value)
        return str(int(value)) if self.kind == "int" else repr(float(value))

    def overrides(self, text: str) -> list[str]:
        """`key=value` for each key, of a value's text."""
        return [f"{key}={text}" for key in self.keys]

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in Dimension.__slots__}


Space = tuple[Dimension, ...]


def read_space(path: Path | None, varied: Sequence[str]) -> Space:
    """Read a TOML file's [space] and `KEY=RANGE` texts, which win over it. Raises BadSpace."""
    found: dict[tuple[str, ...], Dimension] = {}
    file_values: Mapping[str, Any] = {} if path is None else _file(path)
    for keys, value in file_values.items():
        dimension = _of_toml(keys, value)
        found[dimension.keys] = dimension
    for text in varied:
        dimension = _of_text(text)
        found[dimension.keys] = dimension
    if not found:
        raise BadSpace(
            "nothing is varied: give --vary 'optimiser.rate=log(1e-4,1e-2)', once for each "
            "choice, or --space FILE "
            "with a [space]"
        )
    _check_keys([key for dimension in found.values() for key in dimension.keys])
    return tuple(found.values())


def _check_keys(keys: Sequence[str]) -> None:
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise BadSpace(f"{twice[0]} is varied twice, alone and together with others; give it once")
    data_keys = [key for key in keys if key.startswith("data.")]
    if data_keys:
        raise BadSpace(
            f"{data_keys[0]} decides which photos are asked about, and figures of different "
            "questions can't be compared; "
            "vary other sections, and give this one by --set"
        )


def check_space(space: Space, recipe: str, overrides: Sequence[str]) -> None:
    """Try all choices and both ends of ranges on the recipe before a trial. Raises BadSpace."""
    for dimension in space:
        for value in dimension.ends:
            try:
                read_recipe(recipe, [*overrides, *dimension.overrides(value)])
            except BadRecipe as error:
                raise BadSpace(
                    f"{dimension.name} = {value} is not for this recipe: {error}"
                ) from error


def _file(path: Path) -> Mapping[str, Any]:
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSpace(f"the space {path} can't be read: {error}") from error
    space = values.get("space")
    if not isinstance(space, dict) or set(values) != {"space"}:
        raise BadSpace(
            f"{path} holds {sorted(values)}; allowed is one table, [space], with lines as "
            '"seed" = [0, 1]'
        )
    return _flat(cast("dict[str, Any]", space))


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Undo TOML's dotted keys: {"optimiser": {"rate": [..]}} is optimiser.rate."""
    found: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, dict) and "low" not in value:
            found.update(_flat(cast("dict[str, Any]", value), f"{prefix}{name}."))
        else:
            found[prefix + name] = value
    return found


def _of_toml(keys: str, value: Any) -> Dimension:
    if isinstance(value, list):
        return _choice(keys, [_toml_text(one) for one in cast("list[Any]", value)])
    known = {"low", "high", "log", "step"}
    if (
        not isinstance(value, dict)
        or not {"low", "high"} <= set(cast("dict[str, Any]", value)) <= known
    ):
        raise BadSpace(
            f"{keys} = {value}; allowed are a list of values, or {{low = 1e-4, high = 1e-2, log "
            f"= true}}"
        )
    fields = cast("dict[str, Any]", value)
    low, high = fields["low"], fields["high"]
    is_whole = isinstance(low, int) and isinstance(high, int) and not fields.get("log", False)
    kind = "log" if fields.get("log", False) else "int" if is_whole else "uniform"
    return _range(keys, kind, [low, high, *([fields["step"]] if "step" in fields else [])])


def _of_text(text: str) -> Dimension:
    keys, sign, value = text.partition("=")
    if not sign or not keys.strip() or not value.strip():
        raise BadSpace(f"--vary {text!r}: give KEY=VALUES, where VALUES are {_FORMS}")
    matched = _RANGE.fullmatch(value.strip())
    if matched is None:
        return _choice(keys, _listed(value.strip()))
    try:
        numbers = [float(number) for number in matched[2].split(",")]
    except ValueError as error:
        raise BadSpace(
            f"--vary {text!r}: {matched[2]!r} are no numbers; allowed are {_FORMS}"
        ) from error
    return _range(keys, matched[1], numbers)


def _listed(value: str) -> list[str]:
    """The values of `a|b`, or of a TOML list."""
    if value.startswith("["):
        try:
            return [_toml_text(one) for one in tomllib.loads(f"values = {value}")["values"]]
        except tomllib.TOMLDecodeError:
            pass
    return [one.strip() for one in value.split("|")]


def _toml_text(value: Any) -> str:
    """A value in TOML's notation; texts bare, as --set takes them."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(_quoted(one) for one in cast('list[Any]', value))}]"
    if isinstance(value, dict):
        return _quoted(cast("dict[str, Any]", value))
    return str(value)


def _quoted(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value).items()
        return "{" + ", ".join(f"{name} = {_quoted(one)}" for name, one in members) + "}"
    return _toml_text(value)


def _keys(value: str) -> tuple[str, ...]:
    return tuple(key.strip() for key in value.split(",") if key.strip())


def _choice(keys: str, values: Sequence[str]) -> Dimension:
    chosen = tuple(dict.fromkeys(values))
    if len(chosen) < 2 or not all(chosen):
        raise BadSpace(
            f"{keys} has {len(chosen)} value ({', '.join(chosen)}); give two or more, such as "
            f"{_FORMS}"
        )
    return Dimension(_keys(keys), "choice", chosen)


def _range(keys: str, kind: str, numbers: Sequence[Any]) -> Dimension:
    most = 3 if kind == "int" else 2
    if not 2 <= len(numbers) <= most or not all(_is_number(number) for number in numbers):
        raise BadSpace(f"{keys}: {kind} of {list(numbers)}; allowed are {_FORMS}")
    low, high, step = float(numbers[0]), float(numbers[1]), float((*numbers, 1)[2])
    if not low < high or (kind == "log" and low <= 0):
        raise BadSpace(
            f"{keys}: {kind} from {low:g} to {high:g}; the smaller number comes first, above 0 "
            "for log"
        )
    if kind == "int" and not (
        low.is_integer() and high.is_integer() and step.is_integer() and step >= 1
    ):
        raise BadSpace(
            f"{keys}: int of {list(numbers)}; allowed are whole numbers, with a step of 1 or more"
        )
    if kind == "int":
        high -= (high - low) % step  # as Optuna would, but without its warning
    kinds: dict[str, Literal["float", "log", "int"]] = {
        "log": "log",
        "uniform": "float",
        "int": "int",
    }
    return Dimension(_keys(keys), kinds[kind], low=low, high=high, step=int(step))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
