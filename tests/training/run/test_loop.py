"""training/run/loop.py: the same seed, the same checkpoint; stopped anywhere, resumed to the same;
refusals that help.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from embedding.checkpoint import fingerprint_of, load_weights, read_header
from embedding.embedder import Embedder
from index.labels.reader import LabelledPhoto
from tests.training.run.conftest import EVERY_STEP, Fast, Train, metrics_of, scripted_scores
from training.learning.first_weights import start_network
from training.learning.losses import WeightedLosses
from training.run.loop import train
from training.run.run import BadRun, RunOptions
from training.splits.protocol import make_split, read_split


def test_a_run_leaves_what_its_folder_promises(
    run: Train, fast: Fast, whales: list[LabelledPhoto], tmp_path: Path
) -> None:
    best = run(tmp_path / "run")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "best.safetensors",
        "curves.png",
        "metrics.csv",
        "recipe.json",
        "run.json",
        "split.csv",
    ]
    assert best == tmp_path / "run" / "best.safetensors"
    assert json.loads((tmp_path / "run" / "recipe.json").read_text()) == json.loads(
        json.dumps(fast().to_dict())
    )
    assert read_split(tmp_path / "run" / "split.csv", whales) == make_split(whales, 0)
    rows = metrics_of(tmp_path / "run")
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert all(
        0 <= float(row[name]) <= 1 for row in rows for name in ("score", "known_map5", "auroc")
    )


def test_the_checkpoint_is_ready_for_use_and_tells_how_it_was_made(
    run: Train, tmp_path: Path
) -> None:
    best = run(tmp_path / "run")
    header = read_header(best)
    assert header.network["backbone"] == "test_resnet" and header.preprocessing.width_px == 32
    assert header.card["recipe"]["batches"]["individuals"] == 6
    assert header.card["validation"]["score"] == max(
        float(row["score"]) for row in metrics_of(tmp_path / "run")
    )
    vectors = Embedder.load(best, device="cpu").embed([Image.new("RGB", (40, 30), (9, 90, 200))])
    assert vectors.shape == (1, 16) and abs(float(np.linalg.norm(vectors)) - 1) < 1e-5


def test_training_teaches(run: Train, tmp_path: Path) -> None:
    run(tmp_path / "run", "schedule.epochs=6", "optimiser.rate=0.003")
    losses = [float(row["loss"]) for row in metrics_of(tmp_path / "run")]
    assert losses[-1] < 0.7 * losses[0]


def test_two_runs_of_one_seed_give_one_fingerprint(
    run: Train, whales: list[LabelledPhoto], tmp_path: Path
) -> None:
    first = fingerprint_of(run(tmp_path / "a"))
    torch.rand(7)  # whatever was drawn before
    assert fingerprint_of(run(tmp_path / "b", photos=whales[::-1])) == first
    assert metrics_of(tmp_path / "a") == metrics_of(tmp_path / "b")
    assert fingerprint_of(run(tmp_path / "c", "seed=1")) != first


def test_the_shipped_tiny_recipe_is_deterministic_too(
    whales: list[LabelledPhoto], pixel_cache: Path, tmp_path: Path
) -> None:
    from training.recipes.reading import read_recipe

    tiny = read_recipe("tiny", ["schedule.epochs=1"])
    found = {
        fingerprint_of(train(tiny, whales, tmp_path / name, RunOptions(cache=pixel_cache)))
        for name in "ab"
    }
    assert len(found) == 1


def test_no_epochs_write_the_first_weights(run: Train, fast: Fast, tmp_path: Path) -> None:
    best = run(tmp_path / "run", "schedule.epochs=0", "loss=[]", "seed=5")
    torch.manual_seed(5)
    wanted = start_network(fast("schedule.epochs=0").network).state_dict()
    found = load_weights(best)
    assert set(found) == set(wanted)
    for name, value in found.items():
        torch.testing.assert_close(
            value, wanted[name].half().float() if wanted[name].is_floating_point() else value
        )


def test_early_stopping_keeps_the_best_epoch(
    run: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted_scores(monkeypatch, 0.1, 0.5, 0.4, 0.3, 0.9)
    best = run(tmp_path / "run", "schedule.epochs=9", "schedule.early_stop_epochs=2")
    assert [row["score"] for row in metrics_of(tmp_path / "run")] == ["0.1", "0.5", "0.4", "0.3"]
    assert read_header(best).card["validation"]["epoch"] == 2
    assert not (tmp_path / "run" / "resume.safetensors").exists()


def test_a_plateau_lowers_the_rate(
    run: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted_scores(monkeypatch, 0.5, 0.4, 0.3, 0.6)
    plateau = (
        "schedule.kind=plateau",
        "schedule.plateau_patience=0",
        "schedule.plateau_factor=0.1",
    )
    run(tmp_path / "run", "schedule.epochs=4", "schedule.warmup_epochs=0", *plateau)
    rates = [float(row["rate"]) for row in metrics_of(tmp_path / "run")]
    assert rates == pytest.approx([1e-3, 1e-3, 1e-4, 1e-5])


def test_epochs_between_validations_have_no_metrics_and_the_last_has(
    run: Train, tmp_path: Path
) -> None:
    run(tmp_path / "run", "schedule.epochs=3", "schedule.validate_every_epochs=2")
    assert [bool(row["score"]) for row in metrics_of(tmp_path / "run")] == [False, True, True]


@pytest.mark.parametrize(
    "overrides",
    [
        (
            "loss.0.kind=multi_similarity",
            "optimiser.kind=adam",
            "batches.flips_as_individuals=false",
        ),
        ("loss.0.kind=triplet", "loss.0.mining=semihard", "batches.new_whales=individuals"),
        (
            "input.fit=pad",
            "augmentation.erase_share=0.5",
            "augmentation.blur_share=0.5",
            "batches.new_whales=unused",
        ),
        (
            "network.embedding_dim=0",
            "network.pooling=average",
            "optimiser.clip_norm=0",
            "loss.0.dynamic_margin=true",
        ),
        ("batches.individuals=1", "batches.photos_each=2", "data.validation_share=0"),
        ("batches.photos_each=1", "loss.0.kind=triplet"),  # no positive pair ever
        (
            "network.pooling=vlad",
            "network.stride=8",
            "network.mirror=vertical",
            "network.clusters=8",
        ),
        (
            "network.pooling=vlad",
            "network.stride=8",
            "network.clusters=8",
            "network.mirror_fusion=separate",
        ),
        ("network.mirror_fusion=separate",),
    ],
)
def test_every_choice_trains(overrides: tuple[str, ...], run: Train, tmp_path: Path) -> None:
    assert run(tmp_path / "run", "schedule.epochs=1", *overrides).exists()
    assert np.isfinite(float(metrics_of(tmp_path / "run")[0]["loss"]))


def test_a_loss_that_is_no_number_ends_the_run_with_advice(
    run: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward, calls = WeightedLosses.forward, 0

    def _forward(self: Any, embeddings: torch.Tensor, identities: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return forward(self, embeddings, identities) * (float("nan") if calls == 6 else 1.0)

    monkeypatch.setattr(WeightedLosses, "forward", _forward)
    with pytest.raises(
        BadRun, match=r"the loss became nan in epoch 2, step 2; lower optimiser\.rate"
    ):
        run(tmp_path / "run")


def test_tensorboard_gets_the_metrics_where_it_is_asked_for(run: Train, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    run(tmp_path / "run", "schedule.epochs=1", boards=("tensorboard",))
    assert list((tmp_path / "run" / "tensorboard").glob("events*"))


def test_a_device_that_is_not_there_is_refused(run: Train, tmp_path: Path) -> None:
    from training.recipes.choices import BadRecipe

    with pytest.raises(
        BadRecipe, match=r"compute\.device = 'abacus': .*Allowed are \"auto\", \"cpu\" and \"cuda\""
    ):
        run(tmp_path / "run", "compute.device=abacus")


def test_a_teacher_s_loss_is_part_of_every_step(run: Train, tmp_path: Path) -> None:
    teacher = run(tmp_path / "teacher", *EVERY_STEP, "seed=5")
    # No other term, so that the loss is the teacher's alone, and in proportion to its weight at the
    # first step.
    taught = (
        *EVERY_STEP,
        "loss=[{kind='triplet',weight=0.0}]",
        "schedule.epochs=1",
        "optimiser.rate=0.0",
    )
    losses = {
        weight: float(metrics_of(run_folder)[0]["loss"])
        for weight in (1.0, 3.0)
        for run_folder in [tmp_path / f"{weight}"]
        if run(
            run_folder, *taught, f"distillation.teacher={teacher}", f"distillation.weight={weight}"
        )
    }
    assert losses[1.0] > 0
    assert losses[3.0] == pytest.approx(3 * losses[1.0], rel=1e-5)
