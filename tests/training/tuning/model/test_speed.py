"""training/tuning/model/speed.py: photos a second by a clock of the test's own, for every species
of a gate.
"""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import torch

from embedding.embedder import Embedder
from embedding.networks.ensemble import Ensemble, GateConfig
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.preprocessing import Preprocessing
from training.tuning.model.speed import gate_fixed_to, measure_speed
from training.tuning.model.tables import speed_table

SMALL = NetworkConfig(backbone="test_resnet", embedding_dim=8)


@pytest.fixture
def gated() -> Embedder:
    torch.manual_seed(0)
    gate = GateConfig({"fluke": (1.0, 0.0), "head": (0.0, 1.0)}, views=1)
    return Embedder(
        Ensemble([Network(SMALL), Network(SMALL)], gate=gate),
        Preprocessing(32, 32),
        "",
        device="cpu",
    )


def test_photos_a_second_are_a_batch_over_the_median_round(gated: Embedder) -> None:
    ticks = itertools.count(step=0.25)  # a quarter of a second between any two looks at the clock
    found = measure_speed(gated, (1, 4), clock=lambda: next(ticks))
    assert [(each.species, each.batch) for each in found.speeds] == [
        ("fluke", 1),
        ("fluke", 4),
        ("head", 1),
        ("head", 4),
    ]
    assert [each.photos_per_second for each in found.speeds] == [4.0, 16.0, 4.0, 16.0]
    assert (found.device, found.threads) == ("cpu", torch.get_num_threads())
    assert gated.batch_size == 16
    busy = dataclasses.replace(found, load=5.0, cores=2)
    assert "load 5.0 on 2 cores" in str(speed_table(busy).title)
    assert "busy" not in str(speed_table(dataclasses.replace(busy, load=1.0)).title)


@pytest.mark.parametrize(
    ("seconds_a_look", "rounds"),
    # Three looks at the clock a round, one to begin with; the first round is timed, and counts
    # alone where it is slow.
    [(0.0625, 5), (0.25, 3), (0.5, 2), (1.0, 1), (4.0, 1)],
)
def test_a_slow_machine_times_fewer_rounds_and_one_at_least(
    gated: Embedder, seconds_a_look: float, rounds: int
) -> None:
    looks = itertools.count()
    found = measure_speed(gated, (2,), clock=lambda: seconds_a_look * next(looks))
    assert [each.rounds for each in found.speeds] == [rounds] * 2
    assert [each.photos_per_second for each in found.speeds] == pytest.approx(
        [2 / seconds_a_look] * 2
    )
    assert "rounds" in [column.header for column in speed_table(found).columns]


def test_the_gate_can_be_told_what_it_sees_and_forgets_it_again(gated: Embedder) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    before = gated.embed_pixels(pixels)
    with gate_fixed_to(gated, "head"):
        lengths = np.linalg.norm(gated.embed_pixels(pixels).reshape(3, 2, 8), axis=2)
    np.testing.assert_allclose(lengths, [[0, 1]] * 3, atol=1e-6)
    np.testing.assert_array_equal(gated.embed_pixels(pixels), before)


def test_a_single_network_has_no_species() -> None:
    torch.manual_seed(0)
    found = measure_speed(Embedder(Network(SMALL), Preprocessing(32, 32), "", device="cpu"), (1,))
    (speed,) = found.speeds
    assert speed.species == "" and speed.rounds >= 3 and speed.photos_per_second > 0
