"""The checkpoint file: safetensors with a JSON header, no pickle. What an Embedder is loaded from.

Torch-free at import, so that the catalogue and `doctor` read headers and fingerprints in milliseconds.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from embedding.errors import FlukeprintError
from embedding.preprocessing import Preprocessing

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = "flukeprint-checkpoint-1"
DEFAULT_CHECKPOINT = Path(__file__).parent / "default" / "flukeprint.safetensors"
_MAX_HEADER_BYTES = 16 * 2**20


class BadCheckpoint(FlukeprintError):
    """A checkpoint that is absent, damaged, or not one of ours."""


@dataclass(frozen=True, slots=True)
class CheckpointHeader:
    """What a checkpoint says of itself: the network, the preprocessing, and the card (how it was made)."""

    network: dict[str, Any]
    preprocessing: Preprocessing
    card: dict[str, Any]


def fingerprint_of(path: Path) -> str:
    """Hash a checkpoint file's content: 64 hex digits of SHA-256."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadCheckpoint(_unreadable(path, error)) from error


def read_header(path: Path) -> CheckpointHeader:
    """Read a checkpoint's header without its weights. Raises BadCheckpoint for anything that is not one."""
    try:
        with path.open("rb") as file:
            start = file.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            if not 2 <= length <= _MAX_HEADER_BYTES:
                raise BadCheckpoint(
                    f"{path} is not a safetensors file; give a checkpoint that `flukeprint train` wrote"
                )
            metadata = json.loads(file.read(length)).get("__metadata__", {})
    except OSError as error:
        raise BadCheckpoint(_unreadable(path, error)) from error
    except ValueError as error:
        raise BadCheckpoint(f"{path} has a damaged header ({error}); copy or train it again") from error
    return _header(path, metadata)


def _header(path: Path, metadata: Mapping[str, str]) -> CheckpointHeader:
    if metadata.get("format") != FORMAT:
        raise BadCheckpoint(
            f"{path} is not a flukeprint checkpoint (format {metadata.get('format')!r}, wanted {FORMAT!r}). "
            "A bare state dict belongs in a recipe's [network] weights"
        )
    try:
        described = cast("dict[str, Any]", json.loads(metadata["flukeprint"]))
        return CheckpointHeader(
            network=described["network"],
            preprocessing=Preprocessing.from_dict(described["preprocessing"]),
            card=described["card"],
        )
    except (KeyError, ValueError) as error:
        raise BadCheckpoint(f"{path} has a damaged header ({error}); copy or train it again") from error


def _unreadable(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"there is no checkpoint at {path}; give --checkpoint FILE, or train one with `flukeprint train`"
    return f"the checkpoint {path} can't be read: {error.strerror}"


def save_checkpoint(path: Path, weights: Mapping[str, Tensor], header: CheckpointHeader) -> str:
    """Write a checkpoint atomically, floating tensors as fp16, and return its fingerprint."""
    import torch
    from safetensors.torch import save

    half = {
        name: value.detach().cpu().to(torch.float16).contiguous() if value.is_floating_point() else value.cpu()
        for name, value in weights.items()
    }
    described = {
        "network": header.network,
        "preprocessing": header.preprocessing.to_dict(),
        "card": header.card,
    }
    data = save(half, metadata={"format": FORMAT, "flukeprint": json.dumps(described, sort_keys=True)})
    write_atomically(path, data)
    return hashlib.sha256(data).hexdigest()


def load_weights(path: Path) -> dict[str, Tensor]:
    """Read a checkpoint's tensors as float32. Raises BadCheckpoint when the file is damaged."""
    from safetensors.torch import load_file  # pyright: ignore[reportUnknownVariableType]

    read_header(path)
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except Exception as error:  # safetensors raises its own kind, and plain OSError for a cut file
        raise BadCheckpoint(f"{path} is damaged ({error}); copy or train it again") from error
    return {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader, or a kill at any moment, sees the old content or the new, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
