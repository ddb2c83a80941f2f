"""training/distributed: two real processes learn as one; nothing here is a stub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from embedding.checkpoint import load_weights
from index.labels.reader import LabelledPhoto
from tests.training.distributed.conftest import torchrun_script
from tests.training.distributed.pair import HEADS, RECIPE, head_steps, step_gradients
from tests.training.run.conftest import metrics_of
from training.distributed.world import LostProcess, World, enter_world, lost_process_errors
from training.learning.batches import Batches
from training.recipes.choices import BadRecipe, BatchChoices
from training.recipes.reading import read_recipe
from training.run.loop import train
from training.run.run import RunOptions

ALONE = World(0, 1, torch.device("cpu"))


def test_alone_a_process_does_everything() -> None:
    assert ALONE.is_first and not World(1, 2, ALONE.device).is_first
    assert list(range(7))[ALONE.part(7)] == list(range(7))
    assert ALONE.broadcast(0.25) == 0.25
    rows = torch.rand(3, 2)
    assert ALONE.gather(rows) is rows
    ALONE.wait()


def test_parts_are_alike_and_leave_a_remainder_out() -> None:
    parts = [list(range(14))[World(rank, 3, ALONE.device).part(14)] for rank in range(3)]
    assert parts == [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]]


def test_every_process_sees_every_individual_of_a_batch() -> None:
    labels = [f"w{at % 6}" for at in range(24)]
    rows = next(Batches(labels, BatchChoices(individuals=6, photos_each=2), 0).epoch(0))
    parts = [
        set(rows[World(rank, 2, ALONE.device).part(len(rows))].identities) for rank in range(2)
    ]
    assert parts[0] == parts[1] == set(rows.identities)


@pytest.mark.parametrize("device", ["abacus", "cpu:x"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    with pytest.raises(BadRecipe, match=f"compute.device = '{device}'"):
        enter_world(device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_gpu_auto_is_the_cpu_and_cuda_is_refused() -> None:
    assert enter_world("auto") == ALONE
    with pytest.raises(BadRecipe, match=r"compute\.device = 'cuda': "):
        enter_world("cuda")


def test_a_lost_process_is_told_and_other_errors_stay() -> None:
    pair = World(0, 2, ALONE.device)
    closed = RuntimeError("[gloo/transport/tcp/pair.cc:534] Connection closed by peer")
    with (
        pytest.raises(LostProcess, match="another of the 2 processes ended"),
        lost_process_errors(pair),
    ):
        raise closed
    for world, error in ((ALONE, closed), (pair, RuntimeError("out of memory"))):
        with pytest.raises(RuntimeError) as raised, lost_process_errors(world):
            raise error
        assert raised.value is error


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, whale_folder: Path) -> Path:
    """What two processes under torchrun left: a file of gradients each, heads, and a run."""
    folder = tmp_path_factory.mktemp("pair")
    started = torchrun_script(Path(__file__).with_name("pair.py"), folder, whale_folder)
    _, errors = started.communicate(timeout=300)
    assert started.returncode == 0, errors[-4000:]
    return folder


@pytest.fixture(scope="module")
def found(pair: Path) -> list[dict[str, Any]]:
    return [json.loads((pair / f"{rank}.json").read_text()) for rank in range(2)]


def test_two_processes_have_the_loss_and_gradients_of_one(found: list[dict[str, Any]]) -> None:
    alone = step_gradients(ALONE)
    assert sorted(found[0]["rows"] + found[1]["rows"]) == sorted(alone["rows"])
    # To the last bit, or the two would drift from each other.
    assert found[0]["gradients"] == found[1]["gradients"]
    assert found[0]["statistics"] == found[1]["statistics"]
    np.testing.assert_allclose(found[0]["losses"], alone["losses"], rtol=1e-5)
    for name in ("gradients", "statistics"):
        for left, right in zip(_flat(found[0][name]), _flat(alone[name]), strict=True):
            assert left == pytest.approx(right, abs=1e-5)


def test_all_processes_go_by_what_the_first_says(found: list[dict[str, Any]]) -> None:
    assert [each["agreed"] for each in found] == [7.0, 7.0]


@pytest.mark.parametrize("at", range(len(HEADS)), ids=[head.kind for head in HEADS])
def test_divided_class_weights_learn_as_whole_ones(
    at: int, pair: Path, found: list[dict[str, Any]], tmp_path: Path
) -> None:
    """The same losses, weights and moments; a state that one process and two can go on with."""
    alone = head_steps(ALONE, HEADS[at], tmp_path / "alone")
    both = [each["heads"][at] for each in found]
    assert [sum(each) for each in zip(*(one["sizes"] for one in both), strict=True)] == alone[
        "sizes"
    ]
    assert both[0]["sizes"] == both[1]["sizes"]
    assert alone["is_same"] and both[0]["is_same"] and both[1]["is_same"]
    assert both[0]["losses"] == both[1]["losses"]
    np.testing.assert_allclose(both[0]["losses"], alone["losses"], rtol=1e-5)
    whole, divided = (
        load_file(tmp_path / "alone"),
        load_file(pair / f"{HEADS[at].kind}.safetensors"),
    )
    assert whole.keys() == divided.keys()
    for name, value in whole.items():
        torch.testing.assert_close(divided[name], value, atol=1e-4, rtol=1e-4)


def test_a_run_of_two_processes_is_the_run_of_one(
    pair: Path, whales: list[LabelledPhoto], pixel_cache: Path, tmp_path: Path
) -> None:
    """With batch norms, random changes of photos and divided class weights.

    The tolerance stands in docs/training.md.
    """
    recipe = read_recipe("tiny", list(RECIPE))
    best = train(recipe, whales, tmp_path / "alone", RunOptions(cache=pixel_cache))
    rows = [metrics_of(pair / "run"), metrics_of(tmp_path / "alone")]
    assert len(rows[0]) == len(rows[1]) == 2
    for left, right in zip(*rows, strict=True):
        assert float(left["loss"]) == pytest.approx(float(right["loss"]), rel=1e-3)
        assert float(left["score"]) == pytest.approx(float(right["score"]), abs=0.02)
    weights = load_weights(best)
    for name, value in load_weights(pair / "run" / "best.safetensors").items():
        torch.testing.assert_close(value, weights[name], atol=2e-3, rtol=2e-3)
    assert {path.name for path in (pair / "run").iterdir()} == {
        path.name for path in (tmp_path / "alone").iterdir()
    }


def _flat(values: Any) -> list[float]:
    return [one for each in values for one in _flat(each)] if isinstance(values, list) else [values]
