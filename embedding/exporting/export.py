"""Write a checkpoint's graphs, once they answer as PyTorch does."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from embedding.checkpoint import CannotWrite, CheckpointHeader, fingerprint_of, read_header
from embedding.eager.eager_runtime import EagerRuntime
from embedding.eager.stored_networks import build_networks, load_detector
from embedding.errors import FlukeprintError
from embedding.exporting.onnx_files import SharedWeights, StoredAs, file_content
from embedding.exporting.traced import OPSET, TracedDetector, TracedLocator, TracedMember, traced
from embedding.graphs.engine import CompiledGraph, Engine
from embedding.graphs.files import (
    BOXES,
    CELLS,
    DESCRIPTION,
    DETECTOR_WEIGHTS,
    EMBEDDING,
    MAPS,
    WEIGHTS,
    Graphs,
    MemberGraph,
    folder_of,
    read_graphs,
)
from embedding.networks.ensemble import members_of
from embedding.photos.photo import Image
from embedding.photos.preprocessing import squashed

LEAST_COSINE = 0.99999
"""Between a graph's view of a photo and PyTorch's; below it nothing is written."""
MOST_BOX_ERROR = 1e-3
"""Between the boxes, in shares of the photo's sides."""
_LOCATOR, _DETECTOR = "locator.onnx", "detector.onnx"


class UnlikeGraphs(FlukeprintError):
    """Graphs that don't answer as PyTorch does: a fault of the export, so they aren't written."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: the folder, its bytes, and how near the graphs are to PyTorch."""

    folder: Path
    size_bytes: int
    photos: int
    least_cosine: float
    greatest_box_error: float


def export_graphs(
    checkpoint: Path,
    images: Sequence[Image],
    *,
    out: Path | None = None,
    stored_as: StoredAs = "float16",
    progress: Callable[[str], None] = lambda _: None,
) -> Exported:
    """Write a checkpoint's graphs to a folder (None: where the checkpoint finds them).

    Every member's graph, whoever's share the photos are, is compared with PyTorch on `images`.
    Raises BadCheckpoint, CannotWrite, and UnlikeGraphs, with nothing written.
    """
    header = read_header(checkpoint)
    folder = out or folder_of(checkpoint)
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        temporary.mkdir(parents=True)
        try:
            graphs = _write(checkpoint, header, temporary, stored_as, progress)
            progress(f"Comparing with PyTorch on {len(images)} photos")
            checked = _compared(checkpoint, header, temporary, graphs, images)
            graphs = replace(graphs, checked=checked)
            (temporary / DESCRIPTION).write_text(graphs.to_json(), "utf-8")
            size = sum(path.stat().st_size for path in temporary.iterdir())
            _publish(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise CannotWrite(
            f"{folder} can't be written: {error.strerror}. Give another place with --out"
        ) from error
    return Exported(
        folder, size, len(images), checked["least_cosine"], checked["greatest_box_error"]
    )


def _write(
    checkpoint: Path,
    header: CheckpointHeader,
    folder: Path,
    stored_as: StoredAs,
    progress: Callable[[str], None],
) -> Graphs:
    network, locator = build_networks(checkpoint, header)
    fingerprint = fingerprint_of(checkpoint)
    preprocessing = header.preprocessing
    weights, sha256 = SharedWeights(), dict[str, str]()
    told = {"checkpoint": fingerprint, "name": str(header.card.get("name", ""))}

    def keep(name: str, content: bytes | bytearray) -> None:
        (folder / name).write_bytes(content)
        sha256[name] = hashlib.sha256(content).hexdigest()

    members: list[MemberGraph] = []
    for at, member in enumerate(members_of(network.eval())):
        progress(f"Tracing member {at + 1} of {len(members_of(network))}")
        module = TracedMember(network, at, preprocessing)
        name = f"member-{at + 1}.onnx"
        model = traced(module, preprocessing.height_px, preprocessing.width_px)
        keep(name, file_content(model, weights, {**told, "part": f"member {at + 1}"}, stored_as))
        members.append(MemberGraph(name, member.view_dim, MAPS in module.outputs))
    if locator is not None:
        progress("Tracing the locator")
        model = traced(TracedLocator(locator.eval()), locator.px, locator.px)
        keep(_LOCATOR, file_content(model, weights, {**told, "part": "locator"}, stored_as))
    keep(WEIGHTS, weights.content)
    has_locator = locator is not None
    graphs = Graphs(
        fingerprint,
        tuple(members),
        sha256,
        _LOCATOR if has_locator else None,
        locator.px if has_locator else None,
    )
    return _with_detector(checkpoint, graphs, folder, stored_as)


def export_detector(checkpoint: Path, images: Sequence[Image]) -> bool:
    """Write the detector among a checkpoint's graphs; its members' files stay byte for byte.

    Returns False, and writes nothing, where it has no graphs. Raises BadGraphs, CannotWrite, and
    UnlikeGraphs where it doesn't answer on `images` as PyTorch does.
    """
    folder = folder_of(checkpoint)
    if not folder.is_dir():
        return False
    before = read_graphs(folder, checkpoint, fingerprint_of(checkpoint))
    checked: dict[str, Any] = json.loads((folder / DESCRIPTION).read_text("utf-8"))["checked"] or {}
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        shutil.copytree(folder, temporary)
        try:
            graphs = _with_detector(checkpoint, before, temporary, "float16")
            error = _detector_error(checkpoint, temporary, graphs, images)
            _refuse_unlike(checkpoint, 1.0, error)
            checked |= {"greatest_detector_error": round(error, 8)}
            text = replace(graphs, checked=checked).to_json()
            (temporary / DESCRIPTION).write_text(text, "utf-8")
            _publish(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise CannotWrite(f"{folder} can't be written: {error.strerror}") from error
    return True


def _with_detector(checkpoint: Path, graphs: Graphs, folder: Path, stored_as: StoredAs) -> Graphs:
    """The same graphs with the checkpoint's detector, whose files are written to the folder."""
    detector = load_detector(checkpoint)
    if detector is None:
        return graphs
    weights = SharedWeights(DETECTOR_WEIGHTS)
    model = traced(TracedDetector(detector), detector.px, detector.px)
    told = {"checkpoint": graphs.checkpoint, "part": "detector"}
    contents = {
        _DETECTOR: file_content(model, weights, told, stored_as),
        DETECTOR_WEIGHTS: bytes(weights.content),
    }
    sha256 = dict(graphs.sha256)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
        sha256[name] = hashlib.sha256(content).hexdigest()
    return replace(graphs, sha256=sha256, detector=_DETECTOR, detector_px=detector.px)


def _detector_error(
    checkpoint: Path, folder: Path, graphs: Graphs, images: Sequence[Image]
) -> float:
    """The greatest difference between the numbers of the graph's cells and of PyTorch's."""
    detector = load_detector(checkpoint)
    if detector is None or graphs.detector is None:
        return 0.0
    small = squashed(images, detector.px)
    cells = _answer(Engine("float32").compile(folder / graphs.detector), small, CELLS)
    with torch.inference_mode():
        expected = detector(torch.from_numpy(small).permute(0, 3, 1, 2).float() / 255.0).numpy()
    return float(np.abs(cells - expected).max())


def _compared(
    checkpoint: Path,
    header: CheckpointHeader,
    folder: Path,
    graphs: Graphs,
    images: Sequence[Image],
) -> dict[str, Any]:
    """What `graphs.json` tells of the comparison. Raises UnlikeGraphs."""
    network, locator = build_networks(checkpoint, header)
    eager = EagerRuntime(network, header.preprocessing, locator=locator, device="cpu")
    engine = Engine("float32")
    pixels = np.stack([header.preprocessing.pixels(image) for image in images])
    cosines = [
        _cosines(_answer(engine.compile(folder / member.file), pixels, EMBEDDING), expected)
        for member, expected in zip(graphs.members, eager.member_views(pixels), strict=True)
    ]
    box_error = 0.0
    if graphs.locator is not None and graphs.locator_px is not None:
        small = squashed(images, graphs.locator_px)
        boxes = _answer(engine.compile(folder / graphs.locator), small, BOXES)
        box_error = float(np.abs(boxes - eager.boxes(small)).max())
    least = float(min(each.min() for each in cosines))
    detector_error = _detector_error(checkpoint, folder, graphs, images)
    _refuse_unlike(checkpoint, least, max(box_error, detector_error))
    return {
        "photos": len(images),
        "least_cosine": round(least, 8),
        "greatest_box_error": round(box_error, 8),
        "greatest_detector_error": round(detector_error, 8),
        "opset": OPSET,
    }


def _refuse_unlike(checkpoint: Path, least_cosine: float, box_error: float) -> None:
    if least_cosine < LEAST_COSINE or box_error > MOST_BOX_ERROR:
        raise UnlikeGraphs(
            f"the graphs of {checkpoint} don't answer as PyTorch does (least cosine "
            f"{least_cosine:.6f}, boxes apart by up to {box_error:.4f}; allowed are {LEAST_COSINE} "
            f"and {MOST_BOX_ERROR}), so they are not written. Answer through PyTorch, and report it"
        )


def _answer(graph: CompiledGraph, pixels: NDArray[np.uint8], output: str) -> NDArray[np.float32]:
    found = graph.start(pixels, [output])[output]
    graph.wait()
    return found


def _cosines(rows: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float64]:
    one, other = rows.astype(np.float64), others.astype(np.float64)
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return (one * other).sum(1) / np.maximum(lengths, 1e-12)


def _publish(temporary: Path, folder: Path) -> None:
    """Put a finished folder in its place, and what was there before away."""
    before = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    for path in temporary.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    if folder.exists():
        folder.rename(before)
    try:
        temporary.rename(folder)
    except OSError:
        if before.exists():
            before.rename(folder)
        raise
    shutil.rmtree(before, ignore_errors=True)
