"""How many photos a second a model embeds on this machine."""

from __future__ import annotations

import contextlib
import itertools
import os
import statistics
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np
import torch

from embedding.embedder import Embedder
from embedding.networks.ensemble import Ensemble
from index.progress import Progress, no_progress

_SECONDS, _MOST_SECONDS = (
    1.0,
    3.0,
)  # of one batch size: for the fewest rounds, and beyond which no round starts
_FEWEST, _MOST = 3, 50


@dataclass(frozen=True, slots=True)
class Speed:
    """The median speed of `rounds`, from decoded pixels to vectors.

    The mirror image is included, the locator isn't.
    """

    species: str
    batch: int
    photos_per_second: float
    rounds: int


@dataclass(frozen=True, slots=True)
class SpeedReport:
    """Speeds, and what they were measured on.

    `load` is how many processes competed for the `cores`, None where unknown.
    """

    device: str
    threads: int
    cores: int
    load: float | None
    speeds: tuple[Speed, ...]


def measure_speed(
    embedder: Embedder,
    batches: tuple[int, ...],
    *,
    clock: Callable[[], float] = time.perf_counter,
    progress: Progress = no_progress,
) -> SpeedReport:
    """Time the embedder on noise, for every species that a gate knows, in batches of each size.

    No batch is started after a few seconds of one size: on a slow or busy machine fewer rounds are
    timed, one at least.
    """
    gate = embedder.network.gate if isinstance(embedder.network, Ensemble) else None
    kinds = [""] if gate is None else list(gate.config.shares)
    speeds: list[Speed] = []
    with progress(len(kinds) * len(batches), "Timing") as advance:
        for species, batch in itertools.product(kinds, batches):
            speeds.append(_speed(embedder, species, batch, clock))
            advance(1)
    load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    return SpeedReport(
        str(embedder.device), torch.get_num_threads(), os.cpu_count() or 1, load, tuple(speeds)
    )


def _speed(embedder: Embedder, species: str, batch: int, clock: Callable[[], float]) -> Speed:
    made = embedder.preprocessing
    pixels = np.random.default_rng(0).integers(
        0, 256, (batch, made.height_px, made.width_px, 3), np.uint8
    )
    times: list[float] = []
    with gate_fixed_to(embedder, species), _batches_of(embedder, batch):
        started = clock()
        embedder.embed_pixels(pixels)
        first = (
            clock() - started
        )  # always slow, so that it counts only where there is no time for another
        started = clock()
        while _has_time(len(times), clock() - started, first):
            round_started = clock()
            embedder.embed_pixels(pixels)
            times.append(clock() - round_started)
    times = times or [first]
    return Speed(species, batch, batch / max(statistics.median(times), 1e-9), len(times))


def _has_time(rounds: int, spent: float, first: float) -> bool:
    """Tell whether to time one more round after `spent` seconds, the first taking `first`."""
    if rounds < _FEWEST:
        return first + spent < _MOST_SECONDS
    return rounds < _MOST and spent < _SECONDS


@contextlib.contextmanager
def gate_fixed_to(embedder: Embedder, species: str) -> Generator[None]:
    """Make the gate take every photo for this species; "" leaves it as it is."""
    gate = embedder.network.gate if isinstance(embedder.network, Ensemble) else None
    if gate is None or not species:
        yield
        return
    original = gate.bias.clone()
    gate.bias.fill_(0.0)
    gate.bias[list(gate.config.shares).index(species)] = 1e4
    try:
        yield
    finally:
        gate.bias.copy_(original)


@contextlib.contextmanager
def _batches_of(embedder: Embedder, size: int) -> Generator[None]:
    original, embedder.batch_size = embedder.batch_size, size
    try:
        yield
    finally:
        embedder.batch_size = original
