"""Several processes training one network, in the process group that torchrun describes."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from embedding.errors import FlukeprintError
from training.distributed.collectives import rows_of_all
from training.recipes.choices import BadRecipe

TIMEOUT = timedelta(hours=6)  # the others wait while rank 0 decodes all photos, or measures


class LostProcess(FlukeprintError):
    """Another process of the same training is gone."""


@dataclass(frozen=True, slots=True)
class World:
    """This process's place among `size` of them. Rank 0 measures, writes and speaks."""

    rank: int
    size: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def part(self, rows: int) -> slice:
        """Select this process's share of a batch: every size-th row, so that shares are similar."""
        return slice(self.rank, rows - rows % self.size, self.size)

    def wrap(self, network: nn.Module) -> nn.Module:
        """Average gradients over all processes, where there are several."""
        if self.size == 1:
            return network
        # A static graph allows weights that the embedding doesn't use, such as a ConvNeXt's head
        # norm.
        return DistributedDataParallel(network, static_graph=True)

    def gather(self, values: Tensor) -> Tensor:
        """Every process's rows, in rank order, with gradients flowing back to each."""
        if self.size == 1:
            return values
        return rows_of_all(values)

    def broadcast(self, value: float) -> float:
        """Return rank 0's value in all processes."""
        if self.size == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64, device=self.device)
        dist.broadcast(shared, 0)
        return float(shared.item())

    def wait(self) -> None:
        """Meet all processes here."""
        if self.size > 1:
            dist.barrier()


def is_first_process() -> bool:
    """Tell whether this process runs alone or is the first that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


def enter_world(device: str) -> World:
    """Join torchrun's process group, or run alone; device "auto" takes a GPU if there is one."""
    size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    chosen_device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    try:
        chosen = torch.device(chosen_device)
        if chosen_device == "cuda":
            chosen = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
            torch.cuda.set_device(chosen)
        torch.zeros(1, device=chosen)
    except (AssertionError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise BadRecipe(
            f'compute.device = {device!r}: {reason}. Allowed are "auto", "cpu" and "cuda"'
        ) from error
    if size > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo", timeout=TIMEOUT)
    return World(rank, size, chosen)


@contextmanager
def lost_process_errors(world: World) -> Generator[None]:
    """Raise LostProcess where a collective fails because another process is gone."""
    try:
        yield
    except RuntimeError as error:
        is_lost = isinstance(error, dist.DistError) or "gloo" in str(error)
        if world.size == 1 or not is_lost:
            raise
        raise LostProcess(
            f"another of the {world.size} processes ended, and this one can't go on without it; "
            "see what that one printed. The same command with --resume continues the run"
        ) from error


def leave_world() -> None:
    """Leave the process group, if one was joined."""
    if dist.is_initialized():
        dist.destroy_process_group()
