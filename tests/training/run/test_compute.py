"""The choices of [compute]: parts of a batch, activations computed anew, fp16, torch.compile."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn

from embedding.checkpoint import fingerprint_of
from index.labels.reader import LabelledPhoto
from tests.training.run.conftest import (
    EVERY_STEP,
    Fast,
    Killed,
    Train,
    metrics_of,
    stopped_at_write,
)
from training.distributed.world import World
from training.recipes.choices import BadRecipe
from training.run import step
from training.run.preparation import prepare_run
from training.run.run import BadRun, Run, RunPlace
from training.run.step import take_step

Prepare = Callable[..., Run]


@pytest.fixture
def prepare(whales: list[LabelledPhoto], pixel_cache: Path, fast: Fast, tmp_path: Path) -> Prepare:
    """A run that is ready for its first step."""

    def _prepare(*overrides: str) -> Run:
        place = RunPlace(tmp_path / "run", pixel_cache, World(0, 1, torch.device("cpu")))
        return prepare_run(fast(*overrides), list(whales), [], place)

    return _prepare


def gradients(run: Run) -> list[Tensor]:
    """The gradients of one step, in evaluation mode: a batch's statistics are a part's too."""
    run.network.eval()
    take_step(run, run.network, next(iter(run.batches.epoch(0))))
    return [weight.grad for weight in run.network.parameters() if weight.grad is not None]


def saved_bytes(run: Run) -> int:
    """The bytes that one step keeps for its backward pass, weights aside."""
    own = {weight.data_ptr() for weight in run.network.parameters()}
    kept: dict[int, int] = {}

    def keep(values: Tensor) -> Tensor:
        if values.data_ptr() not in own:
            kept[values.data_ptr()] = values.nbytes
        return values

    run.network.train()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda values: values):
        take_step(run, run.network, next(iter(run.batches.epoch(0))))
    return sum(kept.values())


def test_parts_of_a_batch_give_the_whole_batch_s_gradient(prepare: Prepare) -> None:
    whole = gradients(prepare("optimiser.clip_norm=0"))
    parts = gradients(prepare("optimiser.clip_norm=0", "compute.micro_batch=5"))
    assert len(whole) == len(parts) > 5
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)
    assert max(float(one.abs().max()) for one in whole) > 1e-3


def test_the_network_never_sees_more_than_a_part(
    prepare: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, seen = prepare("compute.micro_batch=5"), list[int]()
    run.network.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    take_step(run, run.network, next(iter(run.batches.epoch(0))))
    assert max(seen) <= 5
    assert min(seen) >= 2
    assert sum(seen) == 2 * run.batches.photos_per_batch


def test_batch_statistics_are_noted_by_the_learning_pass_alone(
    prepare: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = prepare("compute.micro_batch=5")
    run.network.train()
    (norm, *_) = (one for one in run.network.modules() if isinstance(one, nn.BatchNorm2d))
    before, momentum = cast(Tensor, norm.running_mean).clone(), norm.momentum
    learn, noted = step._learn_parts, list[bool]()

    def learn_parts(*arguments: Any) -> None:
        noted.append(not torch.equal(before, cast(Tensor, norm.running_mean)))
        learn(*arguments)
        noted.append(not torch.equal(before, cast(Tensor, norm.running_mean)))

    monkeypatch.setattr(step, "_learn_parts", learn_parts)
    take_step(run, run.network, next(iter(run.batches.epoch(0))))
    assert noted == [False, True]
    assert norm.momentum == momentum


def test_a_run_in_parts_teaches_and_is_resumed_to_the_same(
    run: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choices = (*EVERY_STEP, "compute.micro_batch=4", "optimiser.rate=0.003")
    whole = fingerprint_of(run(tmp_path / "whole", *choices, "schedule.epochs=3"))
    losses = [float(row["loss"]) for row in metrics_of(tmp_path / "whole")]
    assert losses[-1] < losses[0]
    with monkeypatch.context() as patch:
        stopped_at_write(patch, 6, before=False)
        with pytest.raises(Killed):
            run(tmp_path / "cut", *choices, "schedule.epochs=3")
    resumed = run(tmp_path / "cut", *choices, "schedule.epochs=3", resume=True)
    assert fingerprint_of(resumed) == whole


@pytest.mark.parametrize("parts", [1, 3])
def test_a_part_of_few_photos_is_refused(fast: Fast, parts: int) -> None:
    with pytest.raises(BadRecipe, match=rf"micro_batch = {parts}; allowed are 0 .*or 4 photos"):
        fast(f"compute.micro_batch={parts}")


def test_activations_computed_anew_take_less_memory_for_the_same_loss(prepare: Prepare) -> None:
    kept, anew = (
        saved_bytes(prepare(f"compute.checkpointing={choice}")) for choice in ("false", "true")
    )
    assert anew < 0.8 * kept
    whole = gradients(prepare())
    again = gradients(prepare("compute.checkpointing=true"))
    for one, other in zip(whole, again, strict=True):
        torch.testing.assert_close(one, other)


def test_a_backbone_that_can_not_compute_anew_is_named(
    prepare: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("gradient checkpointing not supported")

    monkeypatch.setattr("timm.models.resnet.ResNet.set_grad_checkpointing", refuse)
    with pytest.raises(BadRun, match=r"compute\.checkpointing: the backbone test_resnet can't"):
        prepare("compute.checkpointing=true")


def test_fp16_scales_its_loss_and_is_resumed_to_the_same(
    run: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choices = (*EVERY_STEP, "compute.precision=fp16")
    whole = run(tmp_path / "whole", *choices)
    assert all(float(row["loss"]) > 0 for row in metrics_of(tmp_path / "whole"))
    with monkeypatch.context() as patch:
        stopped_at_write(patch, 6, before=False)
        with pytest.raises(Killed):
            run(tmp_path / "cut", *choices)
    with cast(Any, safe_open)(tmp_path / "cut" / "resume.safetensors", framework="pt") as file:
        position = json.loads(file.metadata()["position"])
    assert position["loss_scale"]["scale"] >= 1
    resumed = run(tmp_path / "cut", *choices, resume=True)
    assert fingerprint_of(resumed) == fingerprint_of(whole)


def test_a_compiled_network_learns_the_same(
    run: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = run(tmp_path / "plain", "schedule.epochs=1")
    compiled: list[nn.Module] = []

    def compile_eagerly(network: nn.Module) -> nn.Module:
        compiled.append(network)
        return cast(nn.Module, functools.partial(torch_compile, backend="eager")(network))

    torch_compile = torch.compile
    monkeypatch.setattr(torch, "compile", compile_eagerly)
    other = run(tmp_path / "compiled", "schedule.epochs=1", "compute.compile=true")
    assert len(compiled) == 1
    assert plain.exists() and other.exists()
    of_plain, of_compiled = (
        metrics_of(tmp_path / name)[0]["loss"] for name in ("plain", "compiled")
    )
    assert float(of_compiled) == pytest.approx(float(of_plain), rel=1e-3)


def test_the_console_tells_each_epoch_s_loss_and_score(
    run: Train, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path / "run")
    rows = metrics_of(tmp_path / "run")
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("epoch ")]
    told = [line for line in lines if "loss" in line]
    assert [line.partition(":")[0] for line in told] == ["epoch 1/2", "epoch 2/2"]
    for line, row in zip(told, rows, strict=True):
        assert f"loss {float(row['loss']):.4f}" in line
        assert f"score {float(row['score']):.4f} (best " in line
