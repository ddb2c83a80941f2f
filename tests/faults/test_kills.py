"""The short form of tests/faults/kills.py: every act is killed at random moments."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.acts import ACTS
from tests.faults.copies import postgres_copies, sqlite_copies
from tests.faults.kills import KillHarness

SHORT = 2  # kills of each act
ROOT = Path(__file__).resolve().parents[2]
TRAINING = """
import random, sys
from pathlib import Path
from tests.faults.training_kills import TrainingHarness

harness = TrainingHarness(Path(sys.argv[1]), random.Random(20))
for _ in range(3):
    harness.trial()
print(harness.killed + harness.ended)
"""


@pytest.mark.parametrize("name", ACTS)
def test_what_was_acknowledged_outlasts_kill_9(name: str, tmp_path: Path) -> None:
    scene, copies = sqlite_copies(tmp_path)
    harness = KillHarness(scene, copies, random.Random(name))
    for _ in range(SHORT):
        harness.trial(ACTS[name])
    assert harness.count.killed.total() + harness.count.ended.total() == SHORT


def test_what_was_acknowledged_in_postgresql_outlasts_kill_9(
    postgres_server: Path, tmp_path: Path
) -> None:
    with postgres_copies(postgres_server, tmp_path) as (scene, copies):
        harness = KillHarness(scene, copies, random.Random(20))
        for act in ACTS.values():
            harness.trial(act)
    assert harness.count.killed.total() + harness.count.ended.total() == len(ACTS)


def test_a_trainings_checkpoint_outlasts_kill_9(tmp_path: Path) -> None:
    # In a process of its own: where another test has computed in threads, autograd forks no more.
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TRAINING, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["3"]
