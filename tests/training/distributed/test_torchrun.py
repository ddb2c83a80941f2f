"""`torchrun ... flukeprint train`: one voice, one end for all, and on after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from index.labels.reader import LabelledPhoto
from tests.training.classification.conftest import QUICK, kind_folder
from tests.training.conftest import FAST
from tests.training.distributed.conftest import documented, free_port, started, wait_for
from tests.training.run.conftest import metrics_of
from training.recipes.choices import Recipe
from training.run.loop import train
from training.run.run import RunOptions

__all__ = ["kind_folder"]
EPOCHS = 8
LONGER = (f"schedule.epochs={EPOCHS}", "schedule.save_every_steps=1")

pytestmark = pytest.mark.cluster


def overriding(*overrides: str) -> list[str]:
    return [part for override in overrides for part in ("--set", override)]


def workers_of(launcher: subprocess.Popen[str]) -> dict[int, int]:
    """The processes that a torchrun started: their pids by rank."""
    found: dict[int, int] = {}
    children = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split()
    for pid in children:
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        ranks = [each.removeprefix(b"RANK=") for each in environment if each.startswith(b"RANK=")]
        found.update({int(rank): int(pid) for rank in ranks})
    return found


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_ctrl_c_ends_all_and_a_killed_process_starts_again(
    whale_folder: Path,
    whales: list[LabelledPhoto],
    fast: Callable[..., Recipe],
    pixel_cache: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / "run"
    words = documented(
        "torchrun --nproc-per-node",
        {
            "4": 2,
            "mine.toml": "tiny",
            "whales.csv": whale_folder / "labels.csv",
            "photos": whale_folder,
            "runs/mine": out,
        },
    )
    words += ["--cache", str(pixel_cache), "--no-graphs", *overriding(*FAST, *LONGER)]
    stopped = started(words)
    wait_for(out / "metrics.csv", stopped)
    workers = workers_of(stopped)
    assert sorted(workers) == [0, 1]
    stopped.send_signal(signal.SIGINT)
    _, errors = stopped.communicate(timeout=300)
    assert stopped.returncode != 0
    assert [pid for pid in workers.values() if is_alive(pid)] == []
    assert errors.count("the same command with --resume continues the run") == 1

    (out / "metrics.csv").unlink()
    continued = started(words)
    wait_for(out / "metrics.csv", continued)
    os.kill(workers_of(continued)[1], signal.SIGKILL)
    answer, errors = continued.communicate(timeout=300)
    assert continued.returncode == 0, errors[-4000:]
    assert answer.count("best checkpoint: ") == 1
    assert errors.count(f"epoch {EPOCHS}/{EPOCHS}: loss") == 1
    assert errors.count(f"{out}: continuing") == 2  # after Ctrl-C, and after the kill

    train(fast(*LONGER), whales, tmp_path / "alone", RunOptions(cache=pixel_cache))
    rows = [metrics_of(out), metrics_of(tmp_path / "alone")]
    assert len(rows[0]) == len(rows[1]) == EPOCHS
    for left, right in zip(*rows, strict=True):
        assert float(left["loss"]) == pytest.approx(float(right["loss"]), rel=2e-2)

    refused = started([word for word in words if word not in {"--resume", "--max-restarts", "3"}])
    answer, errors = refused.communicate(timeout=300)
    assert refused.returncode == 1 and answer == ""
    assert errors.count(f"error: {out} is not empty") == 1
    assert errors.count("error: ") == 1 and "in process" not in errors


def test_two_machines_learn_classes_and_report_once(kind_folder: Path, tmp_path: Path) -> None:
    """Two torchruns with a process each, which meet at an address."""
    out = tmp_path / "run"
    words = documented(
        "torchrun --nnodes 1:4",
        {
            "1:4": 2,
            "4": 1,
            "HOST:29400": f"127.0.0.1:{free_port()}",
            "mine.toml": "classify",
            "whales.csv": kind_folder / "labels.csv",
            "photos": kind_folder,
            "runs/mine": out,
        },
    )
    machines = [started([*words, "--no-graphs", *overriding(*QUICK)]) for _ in range(2)]
    answers, errors = zip(*(each.communicate(timeout=300) for each in machines), strict=True)
    assert [each.returncode for each in machines] == [0, 0], errors
    answer, error = "".join(answers), "".join(errors)
    assert answer.count("report: ") == answer.count("classify photos: ") == 1
    assert error.count("2 photos of new_whale have no kind") == 1
    assert error.count("epoch 1/2: loss") == 1
    assert (out / "report.md").exists() and not (out / "resume.safetensors").exists()
