"""training/distributed/ray_cluster.py: a real cluster of two nodes, and what is refused without."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from index.labels.reader import LabelledPhoto
from tests.training.conftest import FAST
from tests.training.distributed.conftest import ROOT, documented, free_port, wait_for
from tests.training.distributed.two_nodes import ENVIRONMENT, running_cluster
from tests.training.run.conftest import metrics_of
from training.recipes.choices import Recipe
from training.run.loop import train
from training.run.run import RunOptions

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="needs Ray (the extra ray)"
)
EPOCHS = 20
LONGER = (f"schedule.epochs={EPOCHS}", "schedule.save_every_steps=1")


def command(on: str, whale_folder: Path, out: Path) -> list[str]:
    """The command of the documents, on a cluster of ours."""
    words = documented(
        "flukeprint train",
        {
            "mine.toml": "tiny",
            "whales.csv": whale_folder / "labels.csv",
            "photos": whale_folder,
            "runs/mine": out,
            "ray://HOST:10001": on,
            "2-8": "1-2",
        },
    )
    overrides = [part for one in (*FAST, *LONGER) for part in ("--set", one)]
    return [sys.executable, "-m", *words, "--no-graphs", *overrides]


def started(words: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        words,
        cwd=ROOT,
        env={**os.environ, **ENVIRONMENT, "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("exchanged", "told"),
    [
        ({"1-2": "2-1"}, "give a number, or the fewest and the most"),
        ({"--processes": "--graphs", "1-2": "--graphs"}, "give both or none"),
    ],
)
def test_half_or_wrong_options_are_refused(
    exchanged: dict[str, str], told: str, whale_folder: Path, tmp_path: Path
) -> None:
    words = command("ray://127.0.0.1:1", whale_folder, tmp_path / "run")
    process = started([exchanged.get(word, word) for word in words])
    answer, errors = process.communicate(timeout=300)
    assert process.returncode == 2 and answer == ""
    assert told in " ".join(errors.replace("│", " ").split())
    assert not (tmp_path / "run").exists()


@needs_ray
def test_a_cluster_that_is_not_there_is_refused(whale_folder: Path, tmp_path: Path) -> None:
    process = started(command(f"ray://127.0.0.1:{free_port()}", whale_folder, tmp_path / "run"))
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 2
    assert errors.startswith("error: no cluster answers at ray://127.0.0.1:")


@needs_ray
@pytest.mark.cluster
def test_ctrl_c_ends_all_a_killed_process_starts_again_and_an_error_comes_once(
    whale_folder: Path,
    whales: list[LabelledPhoto],
    fast: Callable[..., Recipe],
    pixel_cache: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / "run"
    with running_cluster() as cluster:
        words = command(cluster.address, whale_folder, out)
        stopped = started(words)
        wait_for(out / "metrics.csv", stopped)
        stopped.send_signal(signal.SIGINT)
        _, errors = stopped.communicate(timeout=300)
        assert stopped.returncode == 130
        assert errors.count("the same command with --resume continues the run") == 1
        assert errors.count(f"{out}: nothing to continue yet, so the run starts") == 1

        (out / "metrics.csv").unlink()
        words.append("--resume")
        process = started(words)
        wait_for(out / "metrics.csv", process)
        cluster.kill_worker()
        answer, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors[-4000:]
        assert answer.count("best checkpoint: ") == 1
        assert errors.count(f"{out}: continuing") == 2  # after Ctrl-C, and after the kill
        assert errors.count(f"epoch {EPOCHS}/{EPOCHS}: loss") == 1
        assert not (tmp_path / ".run.ray").exists()

        other = started([*words, "--set", "seed=5"])
        _, errors = other.communicate(timeout=600)
        assert other.returncode == 2
        assert errors.count("holds a finished run of another recipe") == 1

    train(fast(*LONGER), whales, tmp_path / "alone", RunOptions(cache=pixel_cache))
    rows = [metrics_of(out), metrics_of(tmp_path / "alone")]
    assert len(rows[0]) == len(rows[1]) == EPOCHS
    for left, right in list(zip(*rows, strict=True))[:8]:  # rounding grows from step to step
        assert float(left["loss"]) == pytest.approx(float(right["loss"]), rel=2e-2)
