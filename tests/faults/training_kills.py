"""kill -9 while a training writes its checkpoint: the last acknowledged step is there."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from tests.faults.forks import moment, run_forked
from training.learning.resume import Position, load_state, save_state

STEPS = 12
_DIGEST = "faults"


@dataclass
class TrainingHarness:
    """Kills a small training at random moments, and compares with one that nobody killed."""

    folder: Path
    rng: random.Random
    killed: int = 0
    ended: int = 0
    _seconds: float = 0.0
    _final: str = ""

    def trial(self) -> None:
        """Kill one training, check its checkpoint, and let it go on to its end.

        Raises AssertionError where a step was lost, or the end is another one.
        """
        if not self._final:
            self._measure()
        path = self.folder / "training" / "resume.safetensors"
        shutil.rmtree(path.parent, ignore_errors=True)
        outcome = run_forked(partial(_train, path), kill_after=moment(self.rng, self._seconds))
        self.killed += outcome.is_killed
        self.ended += not outcome.is_killed
        if not outcome.is_killed:  # it was measured while others computed more
            self._seconds = min(self._seconds, 0.95 * outcome.seconds)
        acknowledged = [fact["step"] for fact in outcome.facts]
        last = acknowledged[-1] if acknowledged else 0
        stored = load_state(path, *_network(), _DIGEST).step if path.exists() else 0
        assert last <= stored <= last + 1, (last, stored)
        again = run_forked(partial(_train, path))
        assert again.code == 0, again.error
        assert again.facts[-1] == {"step": STEPS, "weights": self._final}

    def _measure(self) -> None:
        """Train undisturbed: once here, to load what it needs, and once as the trials do."""
        _train(self.folder / "loading" / "resume.safetensors", lambda **_: None)
        undisturbed = run_forked(
            partial(_train, self.folder / "undisturbed" / "resume.safetensors")
        )
        assert undisturbed.code == 0, undisturbed.error
        self._seconds = undisturbed.seconds
        self._final = undisturbed.facts[-1]["weights"]


def _network() -> tuple[dict[str, torch.nn.Module], torch.optim.Optimizer]:
    torch.manual_seed(20180601)
    network = torch.nn.Linear(64, 32)
    return {"network": network}, torch.optim.AdamW(network.parameters(), lr=0.01)


def _train(path: Path, acknowledge: Callable[..., None]) -> None:
    """Take the steps that a stored state has not taken yet; acknowledge each once it is stored."""
    torch.set_num_threads(1)
    modules, optimiser = _network()
    network = modules["network"]
    position = load_state(path, modules, optimiser, _DIGEST) if path.exists() else Position()
    if position.step == STEPS:
        acknowledge(step=STEPS, weights=_sum_of(network))
    while position.step < STEPS:
        photos = torch.randn(8, 64, generator=torch.Generator().manual_seed(position.step))
        optimiser.zero_grad()
        network(photos).square().mean().backward()
        optimiser.step()
        position.step += 1
        save_state(path, position, modules, optimiser, _DIGEST)
        acknowledge(step=position.step, weights=_sum_of(network))


def _sum_of(network: torch.nn.Module) -> str:
    return float(sum(value.double().sum() for value in network.state_dict().values())).hex()
