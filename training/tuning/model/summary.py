"""What a model is and costs: layers, parameters, operations, by PyTorch's own counter."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from embedding.checkpoint import DEFAULT_CHECKPOINT, fingerprint_of, read_header
from embedding.eager.stored_networks import build_networks
from embedding.embedder import Embedder
from embedding.networks.coordinate_regressor import REGRESSOR_BACKBONE
from embedding.networks.ensemble import Ensemble
from embedding.networks.locator import AnyLocator, Locator
from embedding.networks.network import Network
from embedding.photos.preprocessing import Preprocessing
from training.learning.first_weights import start_network
from training.recipes.choices import Recipe


@dataclass(frozen=True, slots=True)
class Layer:
    """A module, or a group of them.

    `shape` is its output's for one photo; `gflops` count a multiply-add as two.
    """

    name: str
    kind: str
    depth: int
    shape: tuple[int, ...]
    parameters: int
    gflops: float


@dataclass(frozen=True, slots=True)
class Part:
    """One network of a model: a member, or the locator. `gflops` are of one view of one photo."""

    name: str
    backbone: str
    width_px: int
    height_px: int
    dimension: int
    parameters: int
    gflops: float
    layers: tuple[Layer, ...]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one photo costs: of a species where a gate divides them, "" otherwise.

    Members count from 1.

    `gflops` are of the whole embedding: the photo and its mirror image, and the locator where there
    is one.
    """

    species: str
    members: tuple[int, ...]
    gflops: float


@dataclass(frozen=True, slots=True)
class Summary:
    """A model summed up.

    `file_bytes` is None for a recipe, which has no file; `about_bytes` is what one would have.
    """

    name: str
    fingerprint: str
    dimension: int
    parameters: int
    file_bytes: int | None
    about_bytes: int
    preprocessing: dict[str, Any]
    parts: tuple[Part, ...]
    costs: tuple[Cost, ...]


def checkpoint_model(path: Path | None, device: str | None = None) -> tuple[str, Embedder]:
    """A checkpoint's name and its embedder. Raises BadCheckpoint."""
    path = path or DEFAULT_CHECKPOINT
    header = read_header(path)
    network, locator = build_networks(path, header)
    embedder = Embedder(
        network, header.preprocessing, fingerprint_of(path), locator=locator, device=device
    )
    return str(header.card.get("name", path.stem)), embedder


def recipe_model(recipe: Recipe, device: str | None = None) -> Embedder:
    """Build the embedder that a recipe would train, with random weights of the same cost."""
    aligner = "random" if recipe.network.aligner else ""
    network = start_network(dataclasses.replace(recipe.network, weights="random", aligner=aligner))
    choices = recipe.input
    known = {field.name for field in dataclasses.fields(Preprocessing)}
    input_values = {
        name: value for name, value in dataclasses.asdict(choices).items() if name in known
    }
    locator = Locator() if recipe.locator.epochs else None
    return Embedder(network, Preprocessing(**input_values), "", locator=locator, device=device)


def summarise(
    name: str, embedder: Embedder, file_bytes: int | None = None, *, depth: int | None = None
) -> Summary:
    """Sum up a model, with layers `depth` deep.

    By default 3 for one network and 2 for each of several.
    """
    network = embedder.network
    size = (embedder.preprocessing.width_px, embedder.preprocessing.height_px)
    members = network.networks if isinstance(network, Ensemble) else (network,)
    sizes = network.sizes if isinstance(network, Ensemble) else (None,)
    deep = depth if depth is not None else 3 if len(members) == 1 else 2
    parts = [
        _part(f"member {at}" if len(members) > 1 else "network", one, own or size, deep)
        for at, (one, own) in enumerate(zip(members, sizes, strict=True), start=1)
    ]
    everything: list[nn.Module] = [network]
    if embedder.locator is not None:
        everything.append(embedder.locator)
        locator_layers = _layers(embedder.locator, (embedder.locator.px, embedder.locator.px), deep)
        parts.append(_locator_part(embedder.locator, locator_layers))
    return Summary(
        name=name,
        fingerprint=embedder.fingerprint,
        dimension=embedder.dimension,
        parameters=sum(_count(module) for module in everything),
        file_bytes=file_bytes,
        about_bytes=sum(_half_bytes(module) for module in everything),
        preprocessing=embedder.preprocessing.to_dict(),
        parts=tuple(parts),
        costs=tuple(_costs(embedder, parts)),
    )


def _part(name: str, network: Network, size: tuple[int, int], depth: int) -> Part:
    layers = _layers(network, size, depth)
    return Part(
        name,
        network.config.backbone,
        *size,
        network.view_dim,
        _count(network),
        layers[0].gflops,
        tuple(layers[1:]),
    )


def _locator_part(locator: AnyLocator, layers: Sequence[Layer]) -> Part:
    whose = REGRESSOR_BACKBONE if isinstance(locator, Locator) else "own"
    return Part(
        "locator",
        whose,
        locator.px,
        locator.px,
        4,
        _count(locator),
        layers[0].gflops,
        tuple(layers[1:]),
    )


def _costs(embedder: Embedder, parts: Sequence[Part]) -> list[Cost]:
    """Sum both views of a photo through the members that embed it, and through the locator."""
    own = [part.gflops for part in parts if part.name != "locator"]
    found = sum(2 * part.gflops for part in parts if part.name == "locator")
    gate = embedder.network.gate if isinstance(embedder.network, Ensemble) else None
    if gate is None:
        return [Cost("", tuple(range(1, len(own) + 1)), 2 * sum(own) + found)]
    looks = cast(Ensemble, embedder.network).gate_view_count
    costs: list[Cost] = []
    for species, shares in gate.config.shares.items():
        answering = [at for at, share in enumerate(shares) if share >= 0.01]
        # The gate's members embed the photo whoever answers; only those that answer embed its
        # mirror image.
        gflops = sum(own[at] for at in {*range(looks), *answering}) + sum(
            own[at] for at in answering
        )
        costs.append(Cost(species, tuple(at + 1 for at in answering), gflops + found))
    return costs


def _layers(network: nn.Module, size: tuple[int, int], depth: int) -> list[Layer]:
    """The network itself and its modules down to `depth`, in their order.

    Modules that cost nothing and change no shape are left out, but for the network itself.
    """
    shapes, flops = _trace(network, size)
    layers: list[Layer] = []
    last: tuple[int, ...] = ()
    for name, module in _modules(network).items():
        if name and name.count(".") >= depth:
            continue
        count, shape, operations = _count(module), shapes.get(name, ()), flops.get(name, 0)
        if not name or count or operations or (shape and shape != last):
            layers.append(
                Layer(name, type(module).__name__, name.count("."), shape, count, operations / 1e9)
            )
        last = shape or last
    return layers


def _trace(
    network: nn.Module, size: tuple[int, int]
) -> tuple[dict[str, tuple[int, ...]], dict[str, int]]:
    """Embed one photo: by module, the output's shape without the batch, and the operations."""
    modules = _modules(network)
    shapes: dict[str, tuple[int, ...]] = {}
    hooks = [
        module.register_forward_hook(_shape_hook(shapes, name)) for name, module in modules.items()
    ]
    device = next(network.parameters()).device
    counter = FlopCounterMode(display=False)
    try:
        with torch.inference_mode(), counter:
            network(torch.zeros(1, 3, size[1], size[0], device=device))
    finally:
        for hook in hooks:
            hook.remove()
    counts, root = counter.get_flop_counts(), type(network).__name__
    flops = {
        name: sum(counts.get(f"{root}.{name}" if name else "Global", {}).values())
        for name in modules
    }
    for name, module in reversed(modules.items()):  # the deepest first
        # A backbone's features are taken without calling it: its cost is that of its modules.
        if name and name not in shapes:
            inner = [f"{name}.{child}" for child, _ in module.named_children()]
            flops[name] = sum(flops[each] for each in inner)
            inner_shapes = [shapes[each] for each in inner if each in shapes]
            shapes |= {name: inner_shapes[-1]} if inner_shapes else {}
    return shapes, flops


def _modules(network: nn.Module) -> dict[str, nn.Module]:
    return dict(cast(Any, network).named_modules())


def _shape_hook(shapes: dict[str, tuple[int, ...]], name: str) -> Any:
    def _record(module: nn.Module, inputs: Any, output: Any) -> None:
        del module, inputs
        shapes[name] = _shape(output)

    return _record


def _shape(output: Any) -> tuple[int, ...]:
    """A tensor's shape without the batch; of several the last's."""
    while isinstance(output, list | tuple) and output:
        output = cast("Sequence[Any]", output)[-1]
    return tuple(output.shape[1:]) if isinstance(output, Tensor) else ()


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _half_bytes(module: nn.Module) -> int:
    """The bytes of a checkpoint's tensors: floating ones as fp16."""
    tensors = module.state_dict().values()
    return sum(
        value.numel() * (2 if value.is_floating_point() else value.element_size())
        for value in tensors
    )
