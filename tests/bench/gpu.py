"""What a GPU makes of a training, its checkpoint and its graphs: one script, run where one is.

    python tests/bench/gpu.py --out FOLDER [--individuals 256] [--photos-each 8]
    python tests/bench/gpu.py --out FOLDER --device cpu --steps 1

Draws full-size flukes, packs their pixels once as the recipe `humpback-2019` takes them, trains an
epoch, evaluates the checkpoint and exports it. Then it measures, on random pixels: training steps
and their share of the roofline, the embedder in PyTorch, and the exported graphs in ONNX Runtime
on CUDA where that is installed, else in OpenVINO. The roofline is what a large matrix product
reaches on the same device. FOLDER keeps the checkpoint, its graphs, the report and figures.json,
and loses the photos and the pack, so that it can be brought back whole. `--steps 1` is a try: 64
photos, an epoch of four steps of four photos, and one step measured.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch

from demo.anatomy import Individual
from demo.photograph import photograph
from embedding.photos.photo import save_jpeg

RECIPE = "humpback-2019"
_ROOT = Path(__file__).parents[2]
_PHOTO_PX = (2000, 1000)
_INPUT_PX = (512, 256)
_TRY = ("batches.individuals=2", "batches.photos_each=2", "schedule.warmup_epochs=0.0")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--individuals", type=int, default=256)
    parser.add_argument("--photos-each", type=int, default=8)
    parser.add_argument("--steps", type=int, default=0, help="a try: so many steps are measured")
    options = parser.parse_args()
    is_try = options.steps > 0
    individuals = 16 if is_try else options.individuals
    each = 4 if is_try else options.photos_each
    batch = 4 if is_try else 128
    out: Path = options.out
    out.mkdir(parents=True)
    found: dict[str, Any] = {"device": _name(options.device), "torch": torch.__version__}

    def timed(name: str, act: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        result = act()
        found[name] = round(time.perf_counter() - started, 2)
        print(f"{name}: {found[name]} s", flush=True)
        return result

    photos = timed("drawing", lambda: draw(out / "drawn", individuals, each))
    chosen = ["input.crop=none", "network.weights=random", f"compute.device={options.device}"]
    chosen += ["schedule.epochs=1", "schedule.validate_every_epochs=1", *(_TRY if is_try else ())]
    if is_try:
        chosen.append("compute.precision=float32")
    sets = [word for choice in chosen for word in ("--set", _toml(choice))]
    labels = out / "drawn" / "labels.csv"
    pack = [str(labels), "--photos", str(out / "drawn"), "--out", str(out / "pack")]
    timed("packing", lambda: _flukeprint("data", "pack", *pack, "--size", "512x256"))
    train = ["train", RECIPE, "--csv", str(labels), "--photos", str(out / "drawn")]
    train += ["--cache", str(out / "pack"), "--out", str(out / "run"), *sets]
    timed("an epoch, preparation and graphs", lambda: _flukeprint(*train))
    found["photos"] = photos
    checkpoint = out / "run" / "best.safetensors"
    evaluate = ["evaluate", "--csv", str(labels), "--photos", str(out / "drawn")]
    evaluate += ["--checkpoint", str(checkpoint), "--split", str(out / "run" / "split.csv")]
    evaluate += ["--runtime", "torch", "--out", str(out / "report")]
    timed("evaluation", lambda: _flukeprint(*evaluate))
    found |= training_speed(options.device, batch, options.steps or 30)
    found |= answering_speed(checkpoint, options.device, batch)
    for name in ("drawn", "pack"):
        shutil.rmtree(out / name)
    (out / "figures.json").write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    print(json.dumps(found, indent=2))


def draw(folder: Path, individuals: int, each: int) -> int:
    """Draw full-size photos of so many whales, and their labels; returns how many."""
    folder.mkdir()
    with ProcessPoolExecutor() as pool:
        list(pool.map(_draw_one, range(individuals), [each] * individuals, [folder] * individuals))
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("image", "label"))
        for seed in range(individuals):
            writer.writerows((f"{seed}_{take}.jpg", f"w_{seed:04d}") for take in range(each))
    return individuals * each


def _draw_one(seed: int, each: int, folder: Path) -> None:
    whale = Individual.from_seed(seed)
    for take in range(each):
        rng = np.random.default_rng([seed, take])
        save_jpeg(photograph(whale, rng, *_PHOTO_PX), folder / f"{seed}_{take}.jpg")


def training_speed(device: str, batch: int, steps: int) -> dict[str, float]:
    """Images a second of the recipe's network, forwards and backwards, and its roofline's share."""
    from torch.utils.flop_counter import FlopCounterMode

    from embedding.networks.network import Network, NetworkConfig

    kind = torch.bfloat16 if device != "cpu" else torch.float32
    network = Network(NetworkConfig("resnet101", embedding_dim=512, stages=2)).to(device).train()
    network = network.to(memory_format=torch.channels_last)
    images = torch.rand(batch, 3, _INPUT_PX[1], _INPUT_PX[0], device=device)
    images = images.to(memory_format=torch.channels_last)

    def step() -> None:
        with torch.autocast(device, dtype=kind, enabled=kind is not torch.float32):
            views = network(images)
        views.float().pow(2).sum().backward()
        network.zero_grad(set_to_none=True)

    with FlopCounterMode(display=False) as counter:
        step()
    rate = steps * batch / _seconds(step, steps, device)
    size = 8192 if device != "cpu" else 1024
    square = torch.rand(size, size, device=device, dtype=kind)
    peak = 20 * 2 * size**3 / _seconds(lambda: square @ square, 20, device)
    return {
        "training, images a second": round(rate, 1),
        "training, operations an image": counter.get_total_flops() / batch,
        "matrix product, operations a second": peak,
        "training, share of the roofline": round(
            rate * counter.get_total_flops() / batch / peak, 3
        ),
    }


def answering_speed(checkpoint: Path, device: str, batch: int) -> dict[str, Any]:
    """Photos a second of the checkpoint: PyTorch, and its graphs in another library."""
    from embedding.embedder import Embedder

    rng = np.random.default_rng(0)
    shape = (batch, _INPUT_PX[1], _INPUT_PX[0], 3)
    pixels = rng.integers(0, 256, shape, dtype=np.uint8)
    eager = Embedder.load(checkpoint, runtime="torch", device=device)
    expected = eager.embed_pixels(pixels)
    seconds = _seconds(lambda: eager.embed_pixels(pixels), 5, device)
    found: dict[str, Any] = {"eager, photos a second": round(5 * batch / seconds, 1)}
    graph = checkpoint.with_suffix(".graphs") / "member-1.onnx"
    if importlib.util.find_spec("onnxruntime") is not None:
        import onnxruntime

        there = onnxruntime.get_available_providers()
        if "CUDAExecutionProvider" in there and device != "cpu":
            session = onnxruntime.InferenceSession(graph, providers=["CUDAExecutionProvider"])
            flipped = np.ascontiguousarray(pixels[:, :, ::-1])

            def both() -> None:
                session.run(["embedding"], {"pixels": pixels})
                session.run(["embedding"], {"pixels": flipped})

            both()
            found["graphs on CUDA, photos a second"] = round(
                5 * batch / _seconds(both, 5, device), 1
            )
            return found
    found["graphs on CUDA"] = "left out: ONNX Runtime with CUDA isn't installed, or no GPU is used"
    own = Embedder.load(checkpoint, runtime="openvino")
    cosines = (own.embed_pixels(pixels) * expected).sum(1)
    seconds = _seconds(lambda: own.embed_pixels(pixels), 5, device)
    found["graphs in OpenVINO, photos a second"] = round(5 * batch / seconds, 1)
    found["graphs in OpenVINO, least cosine"] = float(cosines.min())
    return found


def _seconds(act: Callable[[], Any], times: int, device: str) -> float:
    act()
    if device != "cpu":
        torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(times):
        act()
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def _name(device: str) -> str:
    return device if device == "cpu" else torch.cuda.get_device_name(0)


def _toml(choice: str) -> str:
    """A choice as --set takes it: texts in quotes."""
    name, value = choice.split("=")
    return f'{name}="{value}"' if value.isalpha() or value == "float32" else choice


def _flukeprint(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "flukeprint", *words], cwd=_ROOT, check=True)


if __name__ == "__main__":
    main()
