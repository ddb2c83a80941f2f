"""The runs in folders: what each was made with and came to, and the spread over seeds."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from embedding.checkpoint import BadCheckpoint, fingerprint_of
from embedding.errors import FlukeprintError
from training.recipes.reading import current_keys
from training.run.record import Record, read_record
from training.run.run import BEST, RECIPE, STATE

NO_METRICS = ("epoch", "loss", "rate", "seconds")
"""Columns of metrics.csv that are no validation figures."""


class BadRuns(FlukeprintError):
    """Folders without a run, or with one that can't be read."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run as its folder describes it.

    `history` are the rows of metrics.csv, `metrics` the row of the best epoch without what is no
    metric. `data` is a hash of the photos and their roles. `record` is None for runs made before
    there was a run.json.
    """

    path: Path
    recipe: dict[str, Any]
    digest: str
    data: str
    history: tuple[dict[str, float], ...]
    metrics: dict[str, float]
    best_epoch: int | None
    record: Record | None
    is_finished: bool

    @property
    def seed(self) -> int:
        return int(self.recipe.get("seed", 0))

    @property
    def seconds(self) -> float | None:
        """Wall time where the run has a record; before, the seconds that its steps took."""
        if self.record is not None:
            return self.record.seconds
        return self.history[-1].get("seconds") if self.history else None

    @property
    def digest_without_seed(self) -> str:
        """The same for runs that differ by the seed alone: recipe, photos and their roles."""
        return _digest({**self.recipe, "seed": None}) + self.data

    def fingerprint(self) -> str:
        """The checkpoint's fingerprint, "" where there is none."""
        try:
            return fingerprint_of(self.path / BEST)
        except BadCheckpoint:
            return ""


@dataclass(frozen=True, slots=True)
class Spread:
    """A metric over the seeds of one recipe; `deviation` is the sample's, 0 for one run."""

    mean: float
    deviation: float
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True)
class Seeds:
    """Runs that differ by the seed alone, with each metric's spread."""

    name: str
    digest: str
    seeds: tuple[int, ...]
    spreads: dict[str, Spread]


def find_runs(folders: Sequence[Path]) -> list[RunFolder]:
    """Read every run in or below the folders.

    Raises BadRuns for a folder that is absent or holds none.
    """
    found: dict[Path, RunFolder] = {}
    for folder in folders:
        if not folder.is_dir():
            raise BadRuns(
                f"{folder}: there is no such folder; give runs, or folders that hold some"
            )
        paths = sorted(path.parent for path in folder.rglob(RECIPE))
        if not paths:
            raise BadRuns(
                f"{folder} holds no run ({RECIPE} is in none of its folders); `flukeprint "
                "train` makes one"
            )
        found.update(
            {path.resolve(): read_run(path) for path in paths if path.resolve() not in found}
        )
    return list(found.values())


def read_run(path: Path) -> RunFolder:
    """Read one run's folder. Raises BadRuns."""
    try:
        written = json.loads((path / RECIPE).read_text("utf-8"))
        history = _history(path / "metrics.csv")
    except FileNotFoundError as error:
        raise BadRuns(
            f"{path} is no run: it has no {RECIPE}; give the folder that `flukeprint train "
            "--out` made"
        ) from error
    except (OSError, ValueError) as error:
        raise BadRuns(f"the run {path} can't be read: {error}") from error
    if not isinstance(written, dict):
        raise BadRuns(f"the run {path} can't be read: {RECIPE} holds no table")
    recipe = current_keys(cast("dict[str, Any]", written))
    best, record = _best(history), read_record(path)
    return RunFolder(
        path=path,
        recipe=recipe,
        digest=_digest(recipe),
        data=_hash(path / "split.csv"),
        history=tuple(history),
        metrics={}
        if best is None
        else {name: best[name] for name in best if name not in NO_METRICS},
        best_epoch=None if best is None else int(best["epoch"]),
        record=record,
        is_finished=_is_finished(path, record),
    )


def _is_finished(path: Path, record: Record | None) -> bool:
    if record is not None:
        return bool(record.finished)
    return (path / BEST).exists() and not (path / STATE).exists()


def over_seeds(runs: Sequence[RunFolder]) -> list[Seeds]:
    """Summarise finished runs that differ by the seed alone, where there are several."""
    groups: defaultdict[str, list[RunFolder]] = defaultdict(list)
    for run in runs:
        if run.is_finished and run.metrics:
            groups[run.digest_without_seed].append(run)
    found: list[Seeds] = []
    for group in groups.values():
        of_seed = {run.seed: run for run in group}  # the same seed again is no further sample
        if len(of_seed) > 1:
            first = group[0]
            names = [
                name
                for name in first.metrics
                if all(name in run.metrics for run in of_seed.values())
            ]
            spreads = {
                name: spread([run.metrics[name] for run in of_seed.values()]) for name in names
            }
            found.append(
                Seeds(
                    str(first.recipe.get("name", "")), first.digest, tuple(sorted(of_seed)), spreads
                )
            )
    return found


def spread(values: Sequence[float]) -> Spread:
    """Mean, sample deviation and ends."""
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return Spread(statistics.fmean(values), deviation, min(values), max(values))


def flatten(choices: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested choices as section.key: {"loss": [{"kind": "arcface"}]} is loss.0.kind."""
    found: dict[str, Any] = {}
    for name, value in choices.items():
        if isinstance(value, dict) and value:
            found.update(flatten(cast("dict[str, Any]", value), f"{prefix}{name}."))
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            members = cast("list[Any]", value)
            found.update(
                flatten({str(at): member for at, member in enumerate(members)}, f"{prefix}{name}.")
            )
        else:
            found[prefix + name] = value
    return found


def _history(path: Path) -> list[dict[str, float]]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [
            {name: float(value) for name, value in row.items() if value}
            for row in csv.DictReader(file)
        ]


def _best(history: Sequence[dict[str, float]]) -> dict[str, float] | None:
    """Find the checkpoint's row: the first with the highest score, else the last."""
    scored = [row for row in history if not math.isnan(row.get("score", math.nan))]
    return (
        max(scored, key=lambda row: row["score"]) if scored else (history[-1] if history else None)
    )


def _digest(recipe: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
