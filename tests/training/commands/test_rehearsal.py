"""training/commands/rehearsal.py: what is typed before a run, and what is said back."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from training.commands import train
from training.rehearsal import overfit

FAST = (
    "--set",
    "network.backbone=test_resnet",
    "--set",
    "network.embedding_dim=16",
    "--set",
    "batches.individuals=6",
)


def invoke(*arguments: object) -> Result:
    app = typer.Typer()
    train.register(app)
    return CliRunner().invoke(app, [str(each) for each in arguments], terminal_width=200)


@pytest.fixture
def labels(whale_folder: Path) -> tuple[object, ...]:
    return ("--csv", whale_folder / "labels.csv", "--photos", whale_folder, *FAST)


def test_overfit_says_yes_or_no_with_its_exit_code(labels: tuple[object, ...]) -> None:
    yes = invoke("train", "tiny", *labels, "--overfit", 8, "--set", "optimiser.rate=0.003")
    assert yes.exit_code == 0, yes.output
    assert (
        "yes: memorised 8 photos of " in yes.output
        and "top-1 among them 1.000 (8 of 8;" in yes.output
    )


def test_overfit_that_says_no_exits_with_1(
    labels: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = overfit.overfit
    monkeypatch.setattr(
        overfit, "overfit", lambda *given, **cache: kept(*given, **cache, most_steps=10)
    )
    no = invoke(
        "train", "tiny", *labels, "--overfit", 50, "--set", "optimiser.rate=0.0", "--set", "seed=1"
    )
    assert no.exit_code == 1, no.output
    assert (
        "no: not memorised 44 photos of " in no.output
        and "44 photos instead of 50" in no.output
        and "1. the loss hardly fell" in no.output
    )


def test_a_sheet_is_drawn(labels: tuple[object, ...], tmp_path: Path) -> None:
    done = invoke("train", "tiny", *labels, "--show-augmentation", tmp_path / "sheet.png")
    assert done.exit_code == 0, done.output
    assert "each as it is and in seven draws" in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "give --out"),
        (
            ("--overfit", "8", "--find-rate", "a.png"),
            "--overfit and --find-rate exclude each other",
        ),
        (("--overfit", "8", "--out", "run"), "--overfit and --out exclude each other"),
        (("--find-rate", "rates"), "a file that ends in .png"),
        (("--show-augmentation", "sheet.jpg"), "a file that ends in .png"),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_read(
    options: tuple[str, ...], said: str
) -> None:
    refused = invoke("train", "tiny", "--photos", "nowhere", *options)
    assert refused.exit_code == 2
    assert said in " ".join(refused.output.replace("\u2502", " ").split())
