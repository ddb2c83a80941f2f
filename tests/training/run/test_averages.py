"""training/run/phases.py: the mean of the last epochs' weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from embedding.checkpoint import load_weights
from index.labels.reader import LabelledPhoto
from training.recipes.choices import Recipe
from training.run import loop, phases
from training.run.loop import train
from training.run.run import Run, RunOptions

Fast = Callable[..., Recipe]
Train = Callable[..., Path]

ALIGNED = ("network.aligner=random", "network.aligned_px=[64,32]")


@pytest.fixture
def run(whales: list[LabelledPhoto], pixel_cache: Path, fast: Fast) -> Train:
    def _run(out: Path, *overrides: str, **options: Any) -> Path:
        return train(
            fast("data.validation_share=0", *overrides),
            whales,
            out,
            RunOptions(cache=pixel_cache, **options),
        )

    return _run


def test_the_plain_mean_of_the_last_epochs_is_kept(
    run: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[torch.Tensor] = []

    def _take_into_average(given: Run) -> None:
        ends.append(given.network.project.weight.detach().clone())
        phases.take_into_average(given)

    monkeypatch.setattr(loop, "take_into_average", _take_into_average)
    best = run(
        tmp_path / "run",
        "schedule.epochs=4",
        "schedule.swa_epochs=2",
        "schedule.swa_rate_factor=1.0",
    )
    found = load_weights(best)["project.weight"]
    torch.testing.assert_close(found, ((ends[2] + ends[3]) / 2).half().float(), atol=2e-4, rtol=0)
    assert not torch.allclose(ends[2], ends[3], atol=1e-3)


def test_batch_statistics_of_the_mean_are_renewed(
    run: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("schedule.epochs=3", "schedule.swa_epochs=1")
    renewed = load_weights(run(tmp_path / "a", *options))
    monkeypatch.setattr(loop, "renew_batch_statistics", lambda _: None)
    left = load_weights(run(tmp_path / "b", *options))
    torch.testing.assert_close(renewed["project.weight"], left["project.weight"])
    assert not torch.allclose(renewed["neck.running_mean"], left["neck.running_mean"], atol=1e-3)


def test_an_aligner_stays_as_it_is_whatever_is_averaged(run: Train, tmp_path: Path) -> None:
    begun = load_weights(run(tmp_path / "a", "schedule.epochs=0", *ALIGNED))
    averaged = load_weights(
        run(tmp_path / "b", "schedule.epochs=2", "schedule.swa_epochs=1", *ALIGNED)
    )
    kept = [name for name in begun if name.startswith("aligner.")]
    assert len(kept) > 50
    assert all(torch.equal(begun[name], averaged[name]) for name in kept)
    assert not torch.equal(begun["project.weight"], averaged["project.weight"])
