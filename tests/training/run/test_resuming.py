"""training/run/loop.py: a run stopped at any moment goes on to the same result."""

from __future__ import annotations

import csv
import errno
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from embedding.checkpoint import CannotWrite, fingerprint_of, read_header
from index.labels.reader import LabelledPhoto
from tests.training.run.conftest import (
    EVERY_STEP,
    Killed,
    Train,
    metrics_of,
    scripted_scores,
    stopped_at_write,
)
from training.learning.resume import BadState
from training.run.run import RECIPE, BadRun


@pytest.mark.parametrize(
    "overrides",
    [
        EVERY_STEP,
        (*EVERY_STEP, "optimiser.kind=sgd", "network.dropout=0.2", "compute.precision=bf16"),
        # The network itself is validated, and lies otherwise in memory than an embedder's does.
        ("schedule.save_every_steps=2", "compute.ema_decay=0.0", "compute.channels_last=false"),
        (
            *EVERY_STEP,
            "schedule.kind=plateau",
            "schedule.epochs=3",
            "loss.0.kind=subcenter_arcface",
        ),
        (
            *(*EVERY_STEP, "schedule.epochs=3", "schedule.freeze_epochs=1", "first_stage.epochs=1"),
            *(
                "schedule.swa_epochs=1",
                "optimiser.backbone_rate_factor=0.3",
                "first_stage.fewest_photos=3",
            ),
        ),
    ],
    ids=[
        "adamw",
        "sgd, dropout, bf16",
        "no average",
        "plateau, sub-centres",
        "frozen, two stages, swa",
    ],
)
def test_stopped_at_any_write_a_run_resumes_to_the_same_result(
    overrides: tuple[str, ...], run: Train, tmp_path: Path, rng: np.random.Generator
) -> None:
    straight = fingerprint_of(run(tmp_path / "straight", *overrides))
    stops = 0
    for number in rng.integers(2, 6, size=60):
        with pytest.MonkeyPatch.context() as patch:
            stopped_at_write(patch, int(number), before=bool(stops % 2))
            try:
                run(tmp_path / "stopped", *overrides, resume=True)
                break
            except Killed:
                stops += 1
    assert stops >= 4
    assert fingerprint_of(tmp_path / "stopped" / "best.safetensors") == straight
    assert metrics_of(tmp_path / "stopped") == metrics_of(tmp_path / "straight")
    assert not (tmp_path / "stopped" / "resume.safetensors").exists()


@pytest.fixture
def start_training(
    start_python: Callable[..., subprocess.Popen[str]],
    whale_folder: Path,
    fast_options: list[str],
    pixel_cache: Path,
) -> Callable[..., subprocess.Popen[str]]:
    """Start `flukeprint train` on the fast recipe as a process of its own."""

    def _start(out: Path, *overrides: str, resume: bool = False) -> subprocess.Popen[str]:
        sets = [part for override in overrides for part in ("--set", override)]
        labels = (
            "--csv",
            whale_folder / "labels.csv",
            "--photos",
            whale_folder,
            "--cache",
            pixel_cache,
        )
        more = ("--resume",) if resume else ()
        return start_python(
            "-m", "flukeprint", "train", "tiny", *labels, "--out", out, *fast_options, *sets, *more
        )

    return _start


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait until the condition holds while the process lives."""
    while not condition():
        if process.poll() is not None:
            pytest.fail(f"ended before it could be killed:\n{process.communicate()[0]}")
        time.sleep(0.002)


def writes_seen(path: Path, wanted: int) -> Callable[[], bool]:
    """Holds once the file has been replaced `wanted` times."""
    seen: set[tuple[int, int]] = set()

    def _seen() -> bool:
        if path.exists():
            seen.add((path.stat().st_ino, path.stat().st_mtime_ns))
        return len(seen) > wanted

    return _seen


def test_killed_at_random_moments_a_run_resumes_to_the_same_result(
    run: Train,
    start_training: Callable[..., subprocess.Popen[str]],
    tmp_path: Path,
    rng: np.random.Generator,
) -> None:
    overrides = (*EVERY_STEP, "schedule.epochs=8")
    straight = fingerprint_of(run(tmp_path / "straight", *overrides))
    out = tmp_path / "killed"
    moments: list[Callable[[], bool]] = [
        (out / "recipe.json").exists,
        writes_seen(out / "resume.safetensors", 2),
        writes_seen(out / "resume.safetensors", 3),
    ]
    for moment in moments:
        process = start_training(out, *overrides, resume=moment is not moments[0])
        wait_for(moment, process)
        time.sleep(float(rng.uniform(0, 0.1)))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    process = start_training(out, *overrides, resume=True)
    said = process.communicate()[0]
    assert process.returncode == 0, said
    assert "continuing" in said and "best checkpoint" in said
    assert fingerprint_of(out / "best.safetensors") == straight
    assert metrics_of(out) == metrics_of(tmp_path / "straight")
    assert not [
        path.name for path in out.iterdir() if path.name.startswith(".")
    ]  # halves of files that kills left


def test_a_run_that_is_finished_is_left_as_it_is(run: Train, tmp_path: Path) -> None:
    best = run(tmp_path / "run")
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()}
    assert run(tmp_path / "run", resume=True) == best
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()} == written
    with pytest.raises(BadRun, match="holds a finished run of another recipe"):
        run(tmp_path / "run", "seed=3", resume=True)


def test_a_run_of_another_recipe_or_other_photos_is_not_resumed(
    run: Train, begun: Path, whales: list[LabelledPhoto]
) -> None:
    recipe = (begun / "recipe.json").read_bytes()
    with pytest.raises(BadState, match="another recipe"):
        run(begun, *EVERY_STEP, "optimiser.rate=0.002", resume=True)
    assert (begun / "recipe.json").read_bytes() == recipe
    other = [photo for photo in whales if photo.name != "w05_0.png"]
    with pytest.raises(BadState, match="other photos"):
        run(begun, *EVERY_STEP, photos=other, resume=True)


def test_early_stopping_counts_on_after_a_resume(run: Train, tmp_path: Path) -> None:
    options = ("schedule.epochs=9", "schedule.early_stop_epochs=2")
    with pytest.MonkeyPatch.context() as patch:
        scripted_scores(patch, 0.5, 0.4)
        with pytest.raises(
            StopIteration
        ):  # the third validation has no score: the run breaks there
            run(tmp_path / "run", *options)
    with pytest.MonkeyPatch.context() as patch:
        scripted_scores(patch, 0.3, 0.9)
        run(tmp_path / "run", *options, resume=True)
    assert [row["score"] for row in metrics_of(tmp_path / "run")] == ["0.5", "0.4", "0.3"]


def test_a_full_disk_ends_the_run_and_it_goes_on_when_there_is_room(
    run: Train, tmp_path: Path
) -> None:
    straight = fingerprint_of(run(tmp_path / "straight", *EVERY_STEP))
    fsync, calls = os.fsync, 0

    def full(file: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 7:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(file)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(CannotWrite, match="No space left on device"):
            run(tmp_path / "run", *EVERY_STEP)
    assert not list((tmp_path / "run").glob(".*"))
    assert fingerprint_of(run(tmp_path / "run", *EVERY_STEP, resume=True)) == straight


def test_the_seconds_of_a_resumed_run_count_on(run: Train, begun: Path) -> None:
    run(begun, *EVERY_STEP, resume=True)
    with (begun / "metrics.csv").open(newline="") as file:
        seconds = [float(row["seconds"]) for row in csv.DictReader(file)]
    assert len(seconds) == 2 and 0 < seconds[0] <= seconds[1]


def test_a_run_with_a_memory_resumes_to_the_same(
    run: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = (*EVERY_STEP, 'loss=[{kind="multi_similarity",memory=20}]')
    whole = run(tmp_path / "whole", *options)
    with monkeypatch.context() as patch:
        stopped_at_write(patch, 7, before=False)
        with pytest.raises(Killed):
            run(tmp_path / "cut", *options)
    assert fingerprint_of(run(tmp_path / "cut", *options, resume=True)) == fingerprint_of(whole)


def test_another_teacher_is_another_run(
    run: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = tmp_path / "teacher.safetensors"
    first, second = (
        run(tmp_path / f"{seed}", "schedule.epochs=0", f"seed={seed}") for seed in (1, 2)
    )
    teacher.write_bytes(first.read_bytes())
    options = (*EVERY_STEP, f"distillation.teacher={teacher}")
    with monkeypatch.context() as patch:
        stopped_at_write(patch, 5, before=False)
        with pytest.raises(Killed):
            run(tmp_path / "run", *options)
    teacher.write_bytes(second.read_bytes())
    with pytest.raises(BadState, match="belongs to another recipe"):
        run(tmp_path / "run", *options, resume=True)
    teacher.write_bytes(first.read_bytes())
    best = run(tmp_path / "run", *options, resume=True)
    assert (
        read_header(best).card["recipe"]["distillation"]["teacher"] == "teacher.safetensors"
    )  # no folder


def test_a_finished_run_whose_recipe_knows_fewer_choices_is_left_as_it_is(
    run: Train, tmp_path: Path
) -> None:
    best = run(tmp_path / "run", *EVERY_STEP, "schedule.epochs=1")
    told = json.loads((tmp_path / "run" / RECIPE).read_text())
    del told["first_stage"], told["schedule"]["swa_epochs"], told["augmentation"]["preset"]
    (tmp_path / "run" / RECIPE).write_text(json.dumps(told))
    before = best.stat().st_mtime_ns
    assert run(tmp_path / "run", *EVERY_STEP, "schedule.epochs=1", resume=True) == best
    assert best.stat().st_mtime_ns == before
