"""Which library computes a checkpoint here: OpenVINO its graphs, or PyTorch its networks."""

from __future__ import annotations

import ctypes
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from embedding.checkpoint import CheckpointHeader
from embedding.graphs.files import BadGraphs, folder_of, read_graphs
from embedding.graphs.graph_runtime import GraphRuntime
from embedding.runtime import (
    BadRuntime,
    Precision,
    Runtime,
    RuntimeName,
    checked_precision,
    checked_runtime,
)

if TYPE_CHECKING:
    from embedding.eager.eager_runtime import EagerRuntime

_TORCH = "pip install 'flukeprint[torch]'"


@dataclass(frozen=True, slots=True)
class RuntimeChoice:
    """What was asked for.

    `runtime` auto takes graphs where the checkpoint has some and there is no GPU. `device` is
    PyTorch's ("cpu", "cuda"); None: the GPU where there is one.
    """

    runtime: RuntimeName = "auto"
    precision: Precision = "float32"
    device: str | None = None


def load_runtime(
    path: Path, header: CheckpointHeader, fingerprint: str, choice: RuntimeChoice
) -> Runtime:
    """Load what computes the checkpoint at `path`.

    Raises BadCheckpoint, BadNetwork, BadGraphs, and BadRuntime for what can't be had here.
    """
    checked_runtime(choice.runtime)
    checked_precision(choice.precision)
    folder = folder_of(path)
    wants_device = choice.device is not None and choice.device != "cpu"
    if choice.runtime == "openvino" and wants_device:
        raise BadRuntime(
            f"device {choice.device} with runtime openvino, which computes on the processor alone; "
            "leave one of them out"
        )
    if choice.runtime == "torch":
        if choice.precision != "float32":
            raise BadRuntime(
                f"precision {choice.precision} with runtime torch, which computes in float32 "
                "alone; leave one of them out"
            )
        return _eager(path, header, choice)
    if choice.runtime == "openvino" or choice.precision != "float32":
        if not folder.is_dir():
            raise BadGraphs(
                f"{path} has no graphs for runtime openvino; write them with `flukeprint export "
                f"{path}`, which needs PyTorch ({_TORCH})"
            )
        if wants_device:
            raise BadRuntime(
                f"device {choice.device} with precision {choice.precision}, which the processor "
                "alone computes; leave one of them out"
            )
        return _graphs(path, header, fingerprint, choice)
    if folder.is_dir() and not wants_device and _is_there("openvino"):
        is_for_gpu = choice.device is None and has_gpu() and _is_there("torch")
        if not (is_for_gpu and _torch_has_gpu()):
            return _graphs(path, header, fingerprint, choice)
    return _eager(path, header, choice)


def _graphs(
    path: Path, header: CheckpointHeader, fingerprint: str, choice: RuntimeChoice
) -> GraphRuntime:
    folder = folder_of(path)
    graphs = read_graphs(folder, path, fingerprint)
    try:
        return GraphRuntime(folder, graphs, path, header.network, precision=choice.precision)
    except ImportError as error:
        raise BadRuntime(
            f"runtime openvino can't be loaded ({error}); install it with `pip install openvino`"
        ) from error


def _eager(path: Path, header: CheckpointHeader, choice: RuntimeChoice) -> EagerRuntime:
    try:
        from embedding.eager.eager_runtime import EagerRuntime
        from embedding.eager.stored_networks import build_networks, load_detector
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("torch", "torchvision", "timm"):
            raise
        why = "has no graphs" if not folder_of(path).is_dir() else "was to be computed by PyTorch"
        raise BadRuntime(
            f"{path} {why}, and {error.name} isn't installed. Install PyTorch with `{_TORCH}`, or "
            "write the checkpoint's graphs with `flukeprint export` where PyTorch is"
        ) from error
    network, locator = build_networks(path, header)
    return EagerRuntime(
        network,
        header.preprocessing,
        locator=locator,
        detector=load_detector(path),
        device=choice.device,
    ).fuse_batch_norms()


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # also where somebody blocks it
        return False


def has_gpu() -> bool:
    """Whether NVIDIA's driver finds a GPU; asked of the driver, as importing PyTorch takes
    seconds.
    """
    for library in ("libcuda.so.1", "nvcuda.dll"):
        try:
            driver = ctypes.CDLL(library)
            count = ctypes.c_int(0)
            if driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0:
                return count.value > 0
        except (OSError, AttributeError):
            continue
    return False


def _torch_has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()
