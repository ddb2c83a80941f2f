"""The short form of tests/faults/bit_flips.py: which flipped bits are found in which files."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.faults.bit_flips import HARMLESS, KINDS, flip, flip_bits
from tests.faults.copies import sqlite_copies
from tests.faults.value_flips import FOUND, SILENT, columns_with_values, flip_value
from training.learning.resume import BadState, Position, load_state, save_state

SHORT = 6  # flips in each kind of file


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.startswith("database")])
def test_a_flipped_bit_is_found_or_without_effect(kind: str, tmp_path: Path) -> None:
    _, copies = sqlite_copies(tmp_path)
    outcomes = flip_bits(copies, kind, SHORT, seed=20)
    assert set(outcomes) <= {FOUND, HARMLESS}
    assert outcomes[FOUND] > 0


def test_a_flipped_bit_in_the_database_ends_nothing_with_a_traceback(tmp_path: Path) -> None:
    """Not each is found: what the log doesn't have, such as a note's file time, may change."""
    _, copies = sqlite_copies(tmp_path)
    outcomes = flip_bits(copies, "database", 30, seed=20)
    assert set(outcomes) <= {FOUND, HARMLESS, SILENT}
    assert outcomes[FOUND] > outcomes[SILENT]


@pytest.mark.parametrize(
    "column",
    [
        *("photos.name", "photos.path", "photos.content_hash", "photos.size_bytes"),
        *("photos.individual_id", "photos.state", "individuals.name", "vectors.embedding"),
    ],
)
def test_a_flipped_value_is_found(column: str, tmp_path: Path) -> None:
    _, copies = sqlite_copies(tmp_path)
    with copies() as scene:
        assert column in columns_with_values(scene)
        assert flip_value(scene, column, random.Random(20)) == FOUND


def test_each_byte_of_a_trainings_checkpoint_counts(tmp_path: Path) -> None:
    """Without a checksum two thirds of the flipped bits changed weights that nobody noticed."""
    import torch

    network = torch.nn.Linear(16, 8)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    path = tmp_path / "resume.safetensors"
    rng, refused = random.Random(20), 0
    for _ in range(40):
        save_state(path, Position(step=3), {"network": network}, optimiser, "digest")
        assert load_state(path, {"network": network}, optimiser, "digest") == Position(step=3)
        flip(path, rng)
        before = network.weight.clone()
        try:
            position = load_state(path, {"network": network}, optimiser, "digest")
        except BadState as error:
            assert path.name in str(error)
            refused += 1
        else:  # the bit was in the name of the checksum itself: the content is as it was
            assert position == Position(step=3)
            assert torch.equal(network.weight, before)
    assert refused >= 36
