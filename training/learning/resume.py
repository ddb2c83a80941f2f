"""The state that --resume needs: one safetensors file, written atomically, no pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

from embedding.checkpoint import write_atomically
from embedding.errors import FlukeprintError
from training.distributed.class_shards import shard_of

FORMAT = "flukeprint-resume-1"
_CONTENT = "content_sha256"


class BadState(FlukeprintError):
    """A resume file that is absent, damaged, or of another recipe."""


@dataclass(slots=True)
class Position:
    """Where a run stands: the next step to take, and what has been measured so far.

    `rate_factor` is what reduce-on-plateau has made of the rate; `history` holds one row of metrics
    an epoch. `loss_scale` is the state of fp16's scaler.
    """

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    best: float = -1.0
    best_epoch: int = -1
    rate_factor: float = 1.0
    stale_validations: int = 0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list[dict[str, float]])
    loss_scale: dict[str, float] = field(default_factory=dict[str, float])


def save_state(
    path: Path | None,
    position: Position,
    modules: dict[str, nn.Module],
    optimiser: torch.optim.Optimizer,
    digest: str,
) -> None:
    """Write modules, optimiser and position; `digest` is that of the recipe and the photos.

    Class weights that are divided among processes are written whole, so that any number of
    processes can go on with them. For that all processes must call this, those that don't write
    with path None.
    """
    tensors = {
        f"{key}/{name}": whole
        for key, module in modules.items()
        for name, whole in _whole_state(module).items()
    }
    slots = cast("dict[int, dict[str, Any]]", optimiser.state_dict()["state"])
    weights = _weights_of(optimiser)
    scalars: dict[str, Any] = {}
    for index, slot in slots.items():
        for name, value in slot.items():
            if isinstance(value, Tensor):
                tensors[f"optimiser/{index}/{name}"] = _whole(value, weights[index])
            else:
                scalars[f"{index}/{name}"] = value
    if path is None:
        return
    written = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    # Tied or aliased tensors can't be written twice; a clone costs little next to a training step.
    seen: set[int] = set()
    for name, value in written.items():
        if value.data_ptr() in seen:
            written[name] = value.clone()
        seen.add(value.data_ptr())
    fields = {name: getattr(position, name) for name in Position.__slots__}
    metadata = {
        "format": FORMAT,
        "recipe": digest,
        "position": json.dumps(fields),
        "optimiser": json.dumps(scalars),
    }
    metadata[_CONTENT] = _digest(written, metadata)
    write_atomically(path, save(written, metadata=metadata))


def load_state(
    path: Path, modules: dict[str, nn.Module], optimiser: torch.optim.Optimizer, digest: str
) -> Position:
    """Load what `save_state` wrote into modules and optimiser.

    Raises BadState when it doesn't belong to them.
    """
    if not path.exists():
        raise BadState(f"nothing to resume: there is no {path}. Start the run without --resume")
    try:
        with cast(Any, safe_open)(path, framework="pt") as file:
            metadata = cast("dict[str, str]", file.metadata() or {})
            keys: list[str] = list(file.keys())
            tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in keys}
    except Exception as error:  # safetensors raises its own kinds
        raise BadState(
            f"{path} is damaged ({error}); start the run anew without --resume"
        ) from error
    if metadata.get("format") != FORMAT:
        raise BadState(
            f"{path} is not a resume file of this version; start the run anew without --resume"
        )
    # Files of older versions have no digest.
    if metadata.get(_CONTENT, "") not in ("", _digest(tensors, metadata)):
        raise BadState(
            f"{path} is damaged (its content is not what was written); start the run anew "
            "without --resume"
        )
    if metadata.get("recipe") != digest:
        raise BadState(
            f"{path} belongs to another recipe (or other --set values), or to other photos. "
            "Resume with the very "
            "command that started the run (a shipped recipe may have changed since: recipe.json "
            "beside it says what was "
            "chosen), or give another --out"
        )
    try:
        for key, module in modules.items():
            module.load_state_dict(_own_state(module, _part(tensors, f"{key}/")))
        _load_optimiser(optimiser, _part(tensors, "optimiser/"), json.loads(metadata["optimiser"]))
        return Position(**json.loads(metadata["position"]))
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise BadState(
            f"{path} doesn't fit the run ({error}); start it anew in another --out"
        ) from error


def _digest(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """SHA-256 of all tensors and of what else the file says: one changed bit changes it."""
    content = hashlib.sha256()
    for key, value in sorted(metadata.items()):
        if key != _CONTENT:
            content.update(json.dumps([key, value]).encode())
    for name, value in sorted(tensors.items()):
        content.update(json.dumps([name, str(value.dtype), list(value.shape)]).encode())
        content.update(cast(Any, value.reshape(-1).view(torch.uint8).numpy()))
    return content.hexdigest()


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)
    }


def _weights_of(optimiser: torch.optim.Optimizer) -> list[nn.Parameter]:
    """The weights in the order that an optimiser's state numbers them."""
    return [weight for group in optimiser.param_groups for weight in group["params"]]


def _whole(value: Tensor, weight: Tensor | None) -> Tensor:
    """What stands in the file for a weight, or for a moment of it."""
    shard = shard_of(weight)
    is_divided = shard is not None and weight is not None and value.shape == weight.shape
    return shard.whole(value) if shard is not None and is_divided else value


def _whole_state(module: nn.Module) -> dict[str, Tensor]:
    weights = dict(module.named_parameters())
    return {name: _whole(value, weights.get(name)) for name, value in module.state_dict().items()}


def _own_state(module: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
    weights = dict(module.named_parameters())
    shards = {name: shard_of(weights.get(name)) for name in state}
    return {
        name: value if (shard := shards[name]) is None else shard.own(value)
        for name, value in state.items()
    }


def _load_optimiser(
    optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor], scalars: dict[str, Any]
) -> None:
    slots: dict[int, dict[str, Any]] = {}
    for key, value in [*tensors.items(), *scalars.items()]:
        index, _, name = key.partition("/")
        slots.setdefault(int(index), {})[name] = value
    for index, weight in enumerate(_weights_of(optimiser)):
        shard = shard_of(weight)
        if shard is not None:
            slots[index] = {
                name: shard.own(value) if isinstance(value, Tensor) and value.ndim else value
                for name, value in slots.get(index, {}).items()
            }
    optimiser.load_state_dict({**optimiser.state_dict(), "state": slots})
    # The file knows no channels_last; in another order of memory the last bits of a step can
    # differ.
    for weight, slot in optimiser.state.items():
        for name, value in slot.items():
            if isinstance(value, Tensor) and value.shape == weight.shape:
                slot[name] = torch.empty_like(weight, dtype=value.dtype).copy_(value)
