"""The short form of tests/faults/kills.py: every act is killed at random moments."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.faults.acts import ACTS
from tests.faults.copies import postgres_copies, sqlite_copies
from tests.faults.kills import KillHarness
from tests.faults.training_kills import TrainingHarness

SHORT = 2  # kills of each act


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
    harness = TrainingHarness(tmp_path, random.Random(20))
    for _ in range(3):
        harness.trial()
    assert harness.killed + harness.ended == 3
