"""What a training in progress consists of."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.optim.swa_utils import AveragedModel

from embedding.errors import FlukeprintError
from embedding.networks.detection.detector import Detector
from embedding.networks.locator import AnyLocator
from embedding.networks.network import Network
from embedding.photos.preprocessing import Preprocessing
from index.labels.reader import LabelledPhoto
from training.distributed.world import World
from training.learning.augmentation import Augmentation
from training.learning.batches import Batches
from training.learning.distillation import Teacher
from training.learning.losses import WeightedLosses
from training.learning.resume import Position
from training.pixels.cache import PixelArray
from training.recipes.choices import BadRecipe, Recipe
from training.recipes.reading import recipe_from_dict
from training.run.boards import BoardKind
from training.run.record import Recording
from training.splits.protocol import Split

BEST = "best.safetensors"
STATE = "resume.safetensors"
RECIPE = "recipe.json"


class BadRun(FlukeprintError):
    """A run folder that holds another run, or data that leaves nothing to learn from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a training runs, whatever its result: where decoded photos are cached, and what else.

    `resume` goes on with a run that was stopped. `boards` get every epoch's metrics too.
    """

    cache: Path
    resume: bool = False
    boards: tuple[BoardKind, ...] = ()


@dataclass(frozen=True, slots=True)
class RunPlace:
    """Where a run works: its folder, that of decoded photos, and its place among processes."""

    out: Path
    cache: Path
    world: World


@dataclass(slots=True)
class Run:
    """One training in progress."""

    recipe: Recipe
    photos: list[LabelledPhoto]
    out: Path
    world: World
    preprocessing: Preprocessing
    pixels: PixelArray  # (n, h, w, 3), rows as `photos`, then those only learned from
    split: Split  # what the loop may look at: fit, and the validation queries
    batches: Batches
    rows: NDArray[
        np.int64
    ]  # those rows of `pixels` that are learned from, which the batches count in
    network: Network
    average: AveragedModel
    losses: WeightedLosses
    teacher: Teacher | None
    optimiser: torch.optim.Optimizer
    augmentation: Augmentation
    locator: AnyLocator | None
    locator_overlap: float  # mean IoU on boxes that the locator didn't learn from
    detector: Detector | None
    digest: str  # of the recipe and the photos: what a resume file must have been made with
    first_batches: Batches | None = None  # of the first stage, where there is one
    plain_average: AveragedModel | None = (
        None  # of the last epochs' weights, where the recipe wants one
    )
    position: Position = field(default_factory=Position)
    recording: Recording | None = None  # rank 0's
    has_shards: bool = False  # class weights are divided among the processes
    scaler: torch.amp.GradScaler = field(
        default_factory=lambda: torch.amp.GradScaler(enabled=False)
    )  # of the loss, where fp16 would round its gradient to nothing

    @property
    def modules(self) -> dict[str, nn.Module]:
        plain = {} if self.plain_average is None else {"plain_average": self.plain_average}
        return {"network": self.network, "average": self.average, "losses": self.losses, **plain}

    @property
    def batches_now(self) -> Batches:
        """The batches of the stage that the run is in."""
        is_first = self.position.epoch < self.recipe.first_stage.epochs
        return self.first_batches if is_first and self.first_batches is not None else self.batches

    @property
    def state_path(self) -> Path:
        return self.out / STATE

    def averaged_network(self) -> Network:
        """The network that is measured and kept: of the plain mean once there is one, or of the
        moving average.

        Where the recipe wants no average it is the trained one itself.
        """
        if self.plain_average is not None and int(self.plain_average.n_averaged):
            plain = self.plain_average.module
            assert isinstance(plain, Network)
            return plain
        is_averaged = self.recipe.compute.ema_decay and self.recipe.schedule.epochs
        chosen = self.average.module if is_averaged else self.network
        assert isinstance(chosen, Network)
        return chosen


def recipe_json(recipe: Recipe) -> bytes:
    """What stands in a run's recipe.json."""
    return (json.dumps(recipe.to_dict(), indent=2, sort_keys=True) + "\n").encode()


def is_of_recipe(out: Path, recipe: Recipe) -> bool:
    """Whether a run's recipe.json holds these choices; those that it doesn't know yet count as
    their defaults.
    """
    written = (out / RECIPE).read_bytes()
    if written == recipe_json(recipe):
        return True
    try:
        return recipe_from_dict(json.loads(written)) == recipe
    except (BadRecipe, ValueError):
        return False
