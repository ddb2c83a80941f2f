"""training/tuning/sweep/trial.py and trial_process.py: a real training that is stopped as nobody
waits for it any more.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest

from training.recipes.choices import Recipe
from training.recipes.reading import read_recipe
from training.tuning.sweep.trial import read_metrics, recipe_toml, start_trial


def test_a_recipe_is_the_same_read_from_its_toml(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(recipe_toml(recipe := read_recipe("humpback-2019")))
    assert read_recipe(str(tmp_path / "a.toml")) == recipe


def test_what_was_not_measured_is_left_out(tmp_path: Path) -> None:
    assert read_metrics(tmp_path) == []
    (tmp_path / "metrics.csv").write_text("epoch,loss,score\n1,2.5,\n2,1.5,0.25\n")
    assert read_metrics(tmp_path) == [
        {"epoch": 1.0, "loss": 2.5},
        {"epoch": 2.0, "loss": 1.5, "score": 0.25},
    ]


@pytest.mark.slow
def test_a_training_that_nobody_waits_for_stops_and_can_be_resumed(
    whale_folder: Path, fast: Callable[..., Recipe], pixel_cache: Path, tmp_path: Path
) -> None:
    arguments = (
        "--csv",
        str(whale_folder / "labels.csv"),
        "--photos",
        str(whale_folder),
        "--cache",
        str(pixel_cache),
    )
    running = start_trial(
        Mock(), tmp_path / "000", fast("schedule.epochs=5000"), arguments, threads=1
    )
    while not (tmp_path / "000" / "resume.safetensors").exists():
        assert running.process.poll() is None, running.error()
        time.sleep(0.05)
    running.stop()
    assert running.process.returncode == 130
    assert running.error().startswith("stopped; the same command with --resume continues")
    assert (tmp_path / "000" / "resume.safetensors").exists()
    running.give_up()
    assert not (tmp_path / "000" / "resume.safetensors").exists()


def test_a_training_that_cannot_begin_says_why(fast: Callable[..., Recipe], tmp_path: Path) -> None:
    running = start_trial(
        Mock(), tmp_path / "000", fast(), ("--photos", str(tmp_path / "absent")), threads=1
    )
    assert running.process.wait(300) == 2
    assert running.error().startswith("error: ") and "no such folder" in running.error()
    running.stop()
