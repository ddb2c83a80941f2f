"""Filter runs, such as optimiser.kind=sgd or score>0.4, and sort them by a column."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

from training.tuning.runs.runs import BadRuns, RunFolder, flatten

_FILTER = re.compile(r"\s*([^<>=!]+?)\s*(<=|>=|!=|=|<|>)\s*(.*?)\s*")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


def facts_of_run(run: RunFolder) -> dict[str, Any]:
    """Collect what runs are filtered and sorted by: metrics, recipe keys and run facts."""
    record = run.record
    return {
        **{name: value for name, value in flatten(run.recipe).items() if name != "name"},
        **run.metrics,
        "run": run.path.name,
        "recipe": run.recipe.get("name", ""),
        "digest": run.digest,
        "epochs": len(run.history),
        "best_epoch": run.best_epoch,
        "loss": run.history[-1].get("loss") if run.history else None,
        "seconds": run.seconds,
        "commit": record.commit if record is not None else None,
        "started": record.started if record is not None else None,
        "finished": run.is_finished,
    }


def select_runs(runs: Sequence[RunFolder], filters: Sequence[str], sort: str) -> list[RunFolder]:
    """Select the runs that all filters let through, by the column `sort`.

    The greatest comes first; with `-` before the column, the least.

    Runs without that column come last. Raises BadRuns for a column that no run has.
    """
    facts = {id(run): facts_of_run(run) for run in runs}
    known = {name for each in facts.values() for name in each}
    remaining = list(runs)
    for text in filters:
        name, sign, expected = _parsed(text, known)
        remaining = [run for run in remaining if _passes(facts[id(run)].get(name), sign, expected)]
    column = sort.removeprefix("-")
    if column not in known:
        if column == "score":  # nothing was validated: in the order found
            return remaining
        raise BadRuns(_unknown("--sort", column, known))
    has = [run for run in remaining if facts[id(run)].get(column) is not None]
    has.sort(key=lambda run: _sortable(facts[id(run)][column]), reverse=not sort.startswith("-"))
    return has + [run for run in remaining if facts[id(run)].get(column) is None]


def _parsed(text: str, known: set[str]) -> tuple[str, str, str]:
    matched = _FILTER.fullmatch(text)
    if matched is None:
        raise BadRuns(
            f"--filter {text!r}: give COLUMN=VALUE, or !=, <, <=, >, >=, such as score>0.4 or "
            "recipe=tiny"
        )
    name, sign, expected = matched.groups()
    if name not in known:
        raise BadRuns(_unknown("--filter", name, known))
    return name, sign, expected


def _unknown(option: str, name: str, known: set[str]) -> str:
    short = sorted(each for each in known if "." not in each)
    return (
        f"{option} {name}: no run has that; known are {', '.join(short)}, and the recipe's "
        "keys, as optimiser.rate"
    )


def _passes(found: Any, sign: str, expected: str) -> bool:
    if found is None:
        return sign == "!="
    if sign in ("=", "!="):
        return (_same(found, expected)) == (sign == "=")
    number = _number(expected)
    if number is None:
        return _COMPARE[sign](str(found), expected)
    return isinstance(found, int | float) and _COMPARE[sign](found, number)


def _same(found: Any, expected: str) -> bool:
    if isinstance(found, bool):
        return str(found).lower() == expected.lower()
    number = _number(expected)
    if isinstance(found, int | float) and number is not None:
        return found == number
    # Commits and digests are known by their beginnings.
    return str(found) == expected or (len(expected) >= 6 and str(found).startswith(expected))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _sortable(value: Any) -> tuple[int, float, str]:
    return (1, float(value), "") if isinstance(value, int | float) else (0, 0.0, str(value))
