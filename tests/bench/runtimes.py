"""What computes the networks: PyTorch, OpenVINO or ONNX Runtime, side by side on one checkpoint.

    python tests/bench/runtimes.py [--checkpoint FILE] [--photos FOLDER]

Prints for each: bytes on disk, CPU seconds to import and to load the locator and the two fluke
members, and CPU milliseconds a photo of each part. Each part is the least of several runs, one
thread. ONNX Runtime is no dependency: it is left out where it isn't installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_THREADS = "OMP_NUM_THREADS"
_RUNS = 7
_PHOTOS = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ[_THREADS] = str(options.threads)
    if options.one:
        measure(options.one, options.checkpoint, options.threads)
        return
    for name in ("torch", "openvino", "openvino-bf16", "onnxruntime"):
        if importlib.util.find_spec(name.partition("-")[0]) is None:
            print(f"{name}: not installed")
            continue
        call = [sys.executable, __file__, "--one", name, "--threads", str(options.threads)]
        call += ["--checkpoint", str(options.checkpoint)] if options.checkpoint else []
        subprocess.run(call, check=True)


def measure(name: str, checkpoint: Path | None, threads: int) -> None:
    """Print a line of what one library costs."""
    package = name.partition("-")[0]
    spent = _clock()
    importlib.import_module(package)
    if package == "torch":
        importlib.import_module("timm")
    imported = spent()
    spent = _clock()
    parts = _PARTS[package](name, checkpoint, threads)
    loaded = spent()
    import numpy as np

    rng = np.random.default_rng(0)
    said: list[str] = []
    for part, (answer, px) in parts.items():
        height, width = px
        photos = rng.integers(0, 256, (_PHOTOS, height, width, 3), dtype=np.uint8)
        answer(photos)
        times: list[tuple[float, float]] = []
        for _ in range(_RUNS):
            spent, started = _clock(), time.perf_counter()
            answer(photos)
            times.append((spent(), time.perf_counter() - started))
        cpu, wall = (1000 * min(each) / _PHOTOS for each in zip(*times, strict=True))
        said.append(f"{part} {cpu:.2f} ({wall:.2f})")
    print(
        f"{name}: {_size(package):.0f} MB, import {imported:.2f} s, load {loaded:.2f} s; "
        f"CPU ms (wall) a photo and look: {', '.join(said)}",
        flush=True,
    )


def _clock() -> Callable[[], float]:
    started = time.process_time()
    return lambda: time.process_time() - started


def _size(package: str) -> float:
    """MB of a package's folder, with what it needs besides."""
    needed = {"torch": ("torch", "torchvision", "timm", "nvidia", "triton")}.get(
        package, (package,)
    )
    total = 0
    for name in needed:
        spec = importlib.util.find_spec(name)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            total += sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    return total / 1e6


def _described(checkpoint: Path | None) -> tuple[Path, Any, Any]:
    from embedding.checkpoint import DEFAULT_CHECKPOINT, fingerprint_of, read_header
    from embedding.graphs.files import folder_of, read_graphs

    path = checkpoint or DEFAULT_CHECKPOINT
    folder = folder_of(path)
    return folder, read_graphs(folder, path, fingerprint_of(path)), read_header(path)


def _files(checkpoint: Path | None) -> dict[str, tuple[Path, tuple[int, int]]]:
    folder, graphs, header = _described(checkpoint)
    size = (header.preprocessing.height_px, header.preprocessing.width_px)
    found = {"locator": (folder / graphs.locator, (graphs.locator_px, graphs.locator_px))}
    for at, member in enumerate(graphs.members):
        found[f"member {at + 1}"] = (folder / member.file, size)
    return found


def _openvino(name: str, checkpoint: Path | None, threads: int) -> dict[str, Any]:
    from embedding.graphs.engine import CompiledGraph, Engine

    engine = Engine("bf16" if name.endswith("bf16") else "float32", threads)

    def answer(graph: CompiledGraph, output: str) -> Callable[[Any], None]:
        def run(photos: Any) -> None:
            graph.start(photos, [output])
            graph.wait()

        return run

    return {
        part: (answer(engine.compile(path), "boxes" if part == "locator" else "embedding"), px)
        for part, (path, px) in _files(checkpoint).items()
    }


def _onnxruntime(name: str, checkpoint: Path | None, threads: int) -> dict[str, Any]:
    import onnxruntime

    def answer(path: Path) -> Callable[[Any], None]:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])

        def run(photos: Any) -> None:  # one by one is its fastest, too
            for photo in photos:
                session.run(None, {"pixels": photo[None]})

        return run

    return {part: (answer(path), px) for part, (path, px) in _files(checkpoint).items()}


def _torch(name: str, checkpoint: Path | None, threads: int) -> dict[str, Any]:
    import torch

    from embedding.checkpoint import DEFAULT_CHECKPOINT, read_header
    from embedding.eager.eager_runtime import EagerRuntime, normalised
    from embedding.eager.stored_networks import build_networks
    from embedding.networks.ensemble import Ensemble

    torch.set_num_threads(threads)
    path = checkpoint or DEFAULT_CHECKPOINT
    header = read_header(path)
    network, locator = build_networks(path, header)
    runtime = EagerRuntime(network, header.preprocessing, locator=locator, device="cpu")
    runtime.fuse_batch_norms()
    assert isinstance(runtime.network, Ensemble)

    def answer(at: int) -> Callable[[Any], None]:
        def run(photos: Any) -> None:
            with torch.inference_mode():
                images = normalised(torch.from_numpy(photos), header.preprocessing)
                runtime.network.member_view(images, at)

        return run

    files = _files(checkpoint)
    found: dict[str, Any] = {"locator": (runtime.boxes, files["locator"][1])}
    for at in range(len(runtime.network.networks)):
        found[f"member {at + 1}"] = (answer(at), files[f"member {at + 1}"][1])
    return found


_PARTS = {"torch": _torch, "openvino": _openvino, "onnxruntime": _onnxruntime}

if __name__ == "__main__":
    main()
