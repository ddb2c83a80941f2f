"""training/run/phases.py: what is frozen, who is learned from and what is averaged, epoch by
epoch.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from embedding.checkpoint import fingerprint_of
from index.labels.reader import LabelledPhoto
from training.recipes.choices import BadRecipe, Recipe
from training.recipes.reading import read_recipe
from training.run import loop
from training.run.loop import train
from training.run.phases import begins_phase, is_averaged_plainly, is_frozen, is_last_phase
from training.run.run import Run, RunOptions
from training.run.step import take_step

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


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What each step of a run finds: its epoch, its individuals, the backbone's mode and copies of
    weights.
    """
    found: list[dict[str, Any]] = []

    def _take_step(run: Run, wrapped: torch.nn.Module, rows: Any) -> float:
        backbone: Any = run.network.backbone
        found.append(
            {
                "epoch": run.position.epoch,
                "identities": {int(who) for who in rows.identities if who >= 0},
                "is_training": backbone.training,
                "backbone": {name: value.clone() for name, value in backbone.state_dict().items()},
                "head": run.network.project.weight.detach().clone(),
                "rates": [group["lr"] for group in run.optimiser.param_groups],
                "photos": dict(enumerate(run.batches.photos_of_identity.tolist())),
            }
        )
        return take_step(run, wrapped, rows)

    monkeypatch.setattr(loop, "take_step", _take_step)
    return found


def test_a_frozen_backbone_keeps_weights_and_batch_statistics_and_then_learns(
    run: Train, seen: list[dict[str, Any]], tmp_path: Path
) -> None:
    run(
        tmp_path / "run",
        "schedule.epochs=3",
        "schedule.freeze_epochs=2",
        "schedule.warmup_epochs=0",
    )
    frozen = [step for step in seen if step["epoch"] < 2]
    learning = [step for step in seen if step["epoch"] == 2]
    first = seen[0]["backbone"]
    for step in [*frozen, learning[0]]:  # each is seen before it is taken
        assert all(torch.equal(value, first[name]) for name, value in step["backbone"].items())
    assert not any(step["is_training"] for step in frozen) and all(
        step["is_training"] for step in learning
    )
    assert not torch.equal(frozen[0]["head"], frozen[1]["head"])
    moved = {
        name
        for name, value in learning[1]["backbone"].items()
        if not torch.equal(value, first[name])
    }
    assert any("running_mean" in name for name in moved) and any(
        name.endswith("weight") for name in moved
    )
    assert frozen[0]["rates"][-1] == 0.0 < learning[0]["rates"][-1]


def test_the_first_stage_shows_frequent_individuals_alone(
    run: Train, seen: list[dict[str, Any]], tmp_path: Path
) -> None:
    run(
        tmp_path / "run", "schedule.epochs=4", "first_stage.epochs=2", "first_stage.fewest_photos=4"
    )
    fewest = {
        epoch: min(
            step["photos"][who]
            for step in seen
            if step["epoch"] == epoch
            for who in step["identities"]
        )
        for epoch in range(4)
    }
    assert fewest[0] >= 4 and fewest[1] >= 4 and min(fewest[2], fewest[3]) < 4


@pytest.mark.parametrize("kind", ["adam", "adamw", "sgd"])
def test_class_weights_that_the_first_stage_does_not_know_stay_and_then_begin_as_the_first_steps_do(
    kind: str, run: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[dict[str, Any]] = []

    def _take_step(given: Run, wrapped: torch.nn.Module, rows: Any) -> float:
        (weight, *_) = given.losses.parameters()
        assert given.first_batches is not None
        known = torch.from_numpy(given.first_batches.is_drawn.copy())
        before = weight.detach().clone()
        loss = take_step(given, wrapped, rows)
        by_class = (
            (weight - before).detach()
            if len(known) == len(weight)
            else (weight - before).detach().T
        )
        slot = given.optimiser.state[weight]
        found.append(
            {
                "is_first": given.position.epoch < 2,
                "moved": by_class.abs().amax(1) > 0,
                "known": known,
                "steps": float(slot["step"]) if kind != "sgd" else None,
                "decay": {
                    group["weight_decay"]
                    for group in given.optimiser.param_groups
                    if any(one is weight for one in group["params"])
                },
            }
        )
        return loss

    monkeypatch.setattr(loop, "take_step", _take_step)
    stages = (
        "schedule.epochs=3",
        "first_stage.epochs=2",
        "first_stage.fewest_photos=4",
        "loss=[{kind='arcface'}]",
    )
    run(tmp_path / "run", *stages, f"optimiser.kind={kind}", "optimiser.weight_decay=0.1")
    first = [step for step in found if step["is_first"]]
    then = [step for step in found if not step["is_first"]]
    assert all(
        not step["moved"][~step["known"]].any() and step["moved"][step["known"]].any()
        for step in first
    )
    assert then[0]["moved"].all()
    assert {decay for step in first for decay in step["decay"]} == {0.0}
    assert {decay for step in then for decay in step["decay"]} == {0.1}
    if kind != "sgd":
        assert [step["steps"] for step in found] == [
            *range(1, len(first) + 1),
            *range(1, len(then) + 1),
        ]


@pytest.mark.parametrize("kind", ["adam", "adamw", "sgd"])
def test_a_frozen_backbone_has_no_moments_and_begins_with_none(
    kind: str, run: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[tuple[int, int, set[float]]] = []

    def _take_step(given: Run, wrapped: torch.nn.Module, rows: Any) -> float:
        loss = take_step(given, wrapped, rows)
        backbone: Any = given.network.backbone
        slots = [
            given.optimiser.state[one]
            for one in backbone.parameters()
            if one in given.optimiser.state
        ]
        found.append(
            (given.position.epoch, len(slots), {float(slot.get("step", 0)) for slot in slots})
        )
        return loss

    monkeypatch.setattr(loop, "take_step", _take_step)
    run(
        tmp_path / "run",
        "schedule.epochs=2",
        "schedule.freeze_epochs=1",
        f"optimiser.kind={kind}",
        "optimiser.weight_decay=0.1",
    )
    frozen, learning = ([step for step in found if step[0] == epoch] for epoch in (0, 1))
    assert {count for _, count, _ in frozen} == {0}
    assert all(count > 0 for _, count, _ in learning)
    if kind != "sgd":
        assert [steps for _, _, steps in learning] == [{at} for at in range(1, len(learning) + 1)]


def test_a_stage_without_individuals_is_refused(run: Train, tmp_path: Path) -> None:
    with pytest.raises(
        BadRecipe, match=r"fewest_photos = 50 leaves 0 individuals .*the most photos of one are \d"
    ):
        run(
            tmp_path / "run",
            "schedule.epochs=2",
            "first_stage.epochs=1",
            "first_stage.fewest_photos=50",
        )


def test_a_run_of_all_phases_repeats_itself(run: Train, tmp_path: Path) -> None:
    options = (
        "schedule.epochs=4",
        "schedule.freeze_epochs=1",
        "first_stage.epochs=2",
        "schedule.swa_epochs=1",
    )
    found = {
        fingerprint_of(run(tmp_path / name, *options, "loss.0.class_weights=inverse"))
        for name in "ab"
    }
    assert len(found) == 1


def test_patience_begins_anew_with_a_phase(
    run: Train,
    fast: Fast,
    whales: list[LabelledPhoto],
    pixel_cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left = iter([0.9, 0.1, 0.1, 0.1, 0.1, 0.1])
    monkeypatch.setattr(loop, "validation_metrics", lambda *_: {"score": next(left)})
    overrides = (
        "schedule.epochs=9",
        "schedule.early_stop_epochs=2",
        "first_stage.epochs=4",
        "first_stage.fewest_photos=3",
    )
    train(fast(*overrides), whales, tmp_path / "run", RunOptions(cache=pixel_cache))
    # Stale from the third epoch on, but stopped two epochs after the fifth has begun the second
    # stage.
    assert len((tmp_path / "run" / "metrics.csv").read_text().splitlines()) == 1 + 6


def test_epochs_belong_to_their_phases() -> None:
    recipe = read_recipe(
        "tiny",
        [
            "schedule.epochs=10",
            "schedule.freeze_epochs=2",
            "first_stage.epochs=4",
            "schedule.swa_epochs=3",
        ],
    )
    assert [is_frozen(recipe.schedule, epoch) for epoch in (0, 1, 2)] == [True, True, False]
    assert [is_averaged_plainly(recipe.schedule, epoch) for epoch in (6, 7, 9)] == [
        False,
        True,
        True,
    ]
    assert [epoch for epoch in range(10) if begins_phase(recipe, epoch)] == [2, 4]
    assert [is_last_phase(recipe, epoch) for epoch in (1, 2, 3, 4)] == [False, False, False, True]
    plain = read_recipe("tiny")
    assert not any(
        begins_phase(plain, epoch) or is_frozen(plain.schedule, epoch) for epoch in range(3)
    )
    assert is_last_phase(plain, 0) and not is_averaged_plainly(plain.schedule, 1)
    always = read_recipe("tiny", ["schedule.epochs=3", "schedule.freeze_epochs=3"])
    assert is_last_phase(always, 0)  # or it could never be stopped early
