"""A running trial: its process, its folder, and its metrics.csv so far."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import tomli_w

from embedding.checkpoint import write_atomically
from training.recipes.choices import Recipe
from training.run.record import read_record
from training.run.run import STATE
from training.tuning.sweep.study import Trial

RECIPE_FILE = "trial.toml"
LOG = "train.log"
STOPPING_SECONDS = 60.0
# By name: importing it here would close a circle, as it mounts every command of training.
PROGRAM = ("-m", "training.commands.trial_process")


@dataclass(slots=True)
class RunningTrial:
    """A trial, the process that trains it, and since when."""

    trial: Trial
    folder: Path
    epochs: int
    process: subprocess.Popen[bytes]
    log: IO[bytes]
    started: float

    @property
    def seconds(self) -> float:
        """Wall time over all sessions, by the run's record where there is one."""
        record = read_record(self.folder)
        return record.seconds if record is not None else time.monotonic() - self.started

    def request_stop(self) -> None:
        """Make the process end as Ctrl-C would, so that it can be resumed."""
        if self.process.stdin is not None:
            self.process.stdin.close()

    def stop(self) -> None:
        """Wait for the process to end; kill it where it doesn't."""
        self.request_stop()
        try:
            self.process.wait(STOPPING_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def give_up(self) -> None:
        """Stop for good: what is for resuming goes."""
        self.stop()
        (self.folder / STATE).unlink(missing_ok=True)

    def error(self) -> str:
        """Why the process ended, in one line."""
        code = self.process.returncode
        if code is not None and code < 0:
            return f"killed by signal {-code}{' (out of memory?)' if code == -9 else ''}"
        lines = (self.folder / LOG).read_text("utf-8", errors="replace").splitlines()
        lines_of_log = [line.strip() for line in lines if line.strip()]
        return next(
            (line for line in reversed(lines_of_log) if line.startswith("error: ")),
            (lines_of_log or ["?"])[-1],
        )


def start_trial(
    trial: Trial, folder: Path, recipe: Recipe, arguments: Sequence[str], *, threads: int
) -> RunningTrial:
    """Start a trial's training, or go on with it where its folder holds a part of it."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / RECIPE_FILE, recipe_toml(recipe).encode())
    root = str(Path(__file__).resolve().parents[3])
    numbers = {
        name: str(threads)
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    }
    paths = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
    log = (folder / LOG).open("ab")
    call = [
        sys.executable,
        "-P",
        *PROGRAM,
        str(folder / RECIPE_FILE),
        "--out",
        str(folder),
        "--resume",
    ]
    process = subprocess.Popen(
        [*call, *arguments],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        env={**os.environ, **numbers, "PYTHONPATH": paths},
        # Ctrl-C reaches the sweep alone, which then stops its trials in order
        start_new_session=True,
    )
    return RunningTrial(trial, folder, recipe.schedule.epochs, process, log, time.monotonic())


def recipe_toml(recipe: Recipe) -> str:
    """A recipe as the TOML that `flukeprint train` takes."""
    return tomli_w.dumps(recipe.to_dict())


def read_metrics(folder: Path) -> list[dict[str, float]]:
    """Read a run's metrics.csv without what was not measured; empty where there is no file yet."""
    try:
        with (folder / "metrics.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        return []
    return [
        {name: number for name, value in row.items() if (number := _number(value)) is not None}
        for row in rows
    ]


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
