"""The networks that a checkpoint holds, rebuilt with their weights."""

from __future__ import annotations

from pathlib import Path

from embedding.checkpoint import (
    CLASSES_PREFIX,
    LOCATOR_PREFIX,
    BadCheckpoint,
    CheckpointHeader,
    below,
    load_weights,
    read_detector,
    read_header,
)
from embedding.networks.detection.detector import Detector, detector_of
from embedding.networks.ensemble import Ensemble, network_of
from embedding.networks.locator import AnyLocator, locator_of
from embedding.networks.network import Network


def build_networks(
    path: Path, header: CheckpointHeader
) -> tuple[Network | Ensemble, AnyLocator | None]:
    """Rebuild a checkpoint's network and its locator, if it has one.

    Raises BadCheckpoint when weights don't fit.
    """
    network = network_of(header.network)
    weights = {
        name: value
        for name, value in load_weights(path).items()
        if not name.startswith(CLASSES_PREFIX)
    }
    located = below(weights, LOCATOR_PREFIX)
    try:
        network.load_state_dict(
            {name: weights[name] for name in weights if not name.startswith(LOCATOR_PREFIX)}
        )
        return network, locator_of(located) if header.has_locator else None
    except RuntimeError as error:
        raise _unfit(path, error) from error


def load_locator(path: Path) -> AnyLocator | None:
    """Rebuild a checkpoint's locator alone, if it has one. Raises BadCheckpoint."""
    if not read_header(path).has_locator:
        return None
    try:
        return locator_of(below(load_weights(path), LOCATOR_PREFIX))
    except RuntimeError as error:
        raise _unfit(path, error) from error


def load_detector(path: Path) -> Detector | None:
    """Rebuild a checkpoint's detector, if it has one. Raises BadCheckpoint."""
    read = read_detector(path)
    if read is None:
        return None
    try:
        return detector_of(read[1])
    except RuntimeError as error:
        raise _unfit(path, error) from error


def _unfit(path: Path, error: RuntimeError) -> BadCheckpoint:
    return BadCheckpoint(f"{path} holds weights that don't fit its own description: {error}")
