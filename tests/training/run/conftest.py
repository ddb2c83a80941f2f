"""Runs of the fast recipe, and ways to stop them."""

from __future__ import annotations

import csv
import pathlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from index.labels.reader import LabelledPhoto
from training.recipes.choices import Recipe
from training.run import loop
from training.run.loop import train
from training.run.run import RunOptions

Fast = Callable[..., Recipe]


Train = Callable[..., Path]


# The last epoch is the best, so that the checkpoint tells of every step; a state after each of
# them.
EVERY_STEP = ("data.validation_share=0", "schedule.save_every_steps=1")


@pytest.fixture
def run(whales: list[LabelledPhoto], pixel_cache: Path, fast: Fast) -> Train:
    """Train the fast recipe with overrides into a folder; returns the checkpoint's path."""

    def _run(
        out: Path,
        *overrides: str,
        photos: Sequence[LabelledPhoto] = whales,
        extra: Sequence[LabelledPhoto] = (),
        **options: Any,
    ) -> Path:
        return train(
            fast(*overrides), photos, out, RunOptions(cache=pixel_cache, **options), extra=extra
        )

    return _run


def metrics_of(out: Path) -> list[dict[str, str]]:
    """metrics.csv without the time that it took."""
    with (out / "metrics.csv").open(newline="") as file:
        return [
            {name: value for name, value in row.items() if name != "seconds"}
            for row in csv.DictReader(file)
        ]


class Killed(BaseException):
    """What no handler of ours catches."""


def stopped_at_write(monkeypatch: pytest.MonkeyPatch, number: int, *, before: bool) -> None:
    """Stop the process's `number`-th atomic write, before or after the file is in its place."""
    replace, count = pathlib.Path.replace, 0

    def _replace(self: Path, target: Path) -> Path:
        nonlocal count
        count += 1
        if count == number and before:
            raise Killed
        done = replace(self, target)
        if count == number:
            raise Killed
        return done

    monkeypatch.setattr(pathlib.Path, "replace", _replace)


@pytest.fixture
def begun(run: Train, tmp_path: Path) -> Path:
    """A run that was stopped in its first epoch."""
    with pytest.MonkeyPatch.context() as patch:
        stopped_at_write(patch, 4, before=False)
        with pytest.raises(Killed):
            run(tmp_path / "begun", *EVERY_STEP)
    assert (tmp_path / "begun" / "resume.safetensors").exists()
    return tmp_path / "begun"


def scripted_scores(monkeypatch: pytest.MonkeyPatch, *scores: float) -> None:
    """Let validations give these scores, one after the other."""
    left = iter(scores)
    monkeypatch.setattr(
        loop, "validation_metrics", lambda *_: {"score": (given := next(left)), "auroc": given}
    )
