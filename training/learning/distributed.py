"""Several processes training one network: the process group comes from outside, by torchrun's
environment.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_gather  # pyright: ignore[reportUnknownVariableType]
from torch.nn.parallel import DistributedDataParallel

from training.recipes.choices import BadRecipe

_PATIENCE = timedelta(hours=6)  # the others wait while rank 0 decodes all photos, or measures


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
        """This process's share of a batch: every size-th row, so that each sees all kinds of
        rows.
        """
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
        parts: tuple[Tensor, ...] = all_gather(values)  # pyright: ignore[reportUnknownVariableType]
        return torch.cat(list(parts))

    def agree(self, value: float) -> float:
        """Rank 0's value, in all processes."""
        if self.size == 1:
            return value
        told = torch.tensor([value], dtype=torch.float64, device=self.device)
        dist.broadcast(told, 0)
        return float(told.item())

    def wait(self) -> None:
        """Meet all processes here."""
        if self.size > 1:
            dist.barrier()


def is_first_process() -> bool:
    """Whether this process stands alone or is the first of those that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


def enter_world(device: str) -> World:
    """Join the process group that torchrun describes, or stand alone; device "auto" takes a GPU
    where there is one.
    """
    size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    wanted = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    try:
        chosen = torch.device(wanted)
        if wanted == "cuda":
            chosen = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
            torch.cuda.set_device(chosen)
        torch.zeros(1, device=chosen)
    except (AssertionError, RuntimeError) as error:
        said = str(error).partition("\n")[0]
        raise BadRecipe(
            f'compute.device = {device!r}: {said}. Allowed are "auto", "cpu" and "cuda"'
        ) from error
    if size > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo", timeout=_PATIENCE)
    return World(rank, size, chosen)


def leave_world() -> None:
    """Leave the process group, if one was joined."""
    if dist.is_initialized():
        dist.destroy_process_group()
