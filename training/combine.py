"""Several trained checkpoints of one input made into one: an ensemble."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from embedding.checkpoint import LOCATOR_PREFIX, CheckpointHeader, load_weights, read_header, save_checkpoint
from embedding.errors import FlukeprintError


class BadEnsemble(FlukeprintError):
    """Checkpoints that can't be one: too few, or of different inputs."""


def combine(paths: Sequence[Path], out: Path, name: str) -> str:
    """Write one checkpoint of several members, with the first locator that one has; returns its fingerprint.

    A photo is cropped and scaled once for all members, so they must agree in preprocessing. The card keeps every
    member's own. Raises BadEnsemble, and BadCheckpoint for a file that is none.
    """
    if len(paths) < 2:
        raise BadEnsemble(f"{len(paths)} checkpoint given; an ensemble needs two or more")
    headers = [read_header(path) for path in paths]
    first = headers[0]
    located = next((header for header in headers if header.has_locator), None)
    networks: list[dict[str, Any]] = []
    weights: dict[str, Any] = {}
    for path, header in zip(paths, headers, strict=True):
        if header.preprocessing != first.preprocessing:
            raise BadEnsemble(
                f"{path} takes another input than {paths[0]} ({header.preprocessing} and {first.preprocessing}); "
                "train the members with the same [input]"
            )
        if "members" in header.network:
            raise BadEnsemble(f"{path} is an ensemble already; give the checkpoints that it was made of")
        for tensor, value in load_weights(path).items():
            if not tensor.startswith(LOCATOR_PREFIX):
                weights[f"members.{len(networks)}.{tensor}"] = value
            elif header is located:
                weights[tensor] = value
        networks.append(header.network)
    card: dict[str, Any] = {"name": name, "members": [header.card for header in headers]}
    for shared in ("photos", "individuals"):
        if shared in first.card:
            card[shared] = first.card[shared]
    if located is not None and "locator_overlap" in located.card:
        card["locator_overlap"] = located.card["locator_overlap"]
    described = CheckpointHeader({"members": networks}, first.preprocessing, card, located is not None)
    return save_checkpoint(out, weights, described)
