"""A checkpoint's graphs computed by OpenVINO: what PyTorch does, without it and sooner."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding.checkpoint import below, load_arrays
from embedding.graphs.compiled_files import CompiledFiles, default_folder
from embedding.graphs.engine import CompiledGraph, Engine
from embedding.graphs.files import BOXES, CELLS, EMBEDDING, MAPS, PLACEMENTS, BadGraphs, Graphs
from embedding.networks.config import LEAST_SHARE, MIRROR_AXES, EnsembleConfig, NetworkConfig
from embedding.networks.mirror import fuse_views, fused_dim
from embedding.runtime import Floats, MemberViews, Pixels, Precision, View, has_one_map

_AFTER_MAPS = ("pool.", "project.", "neck.")
_Job = tuple[int, NDArray[np.intp], bool]
"""A member, the photos of which it makes views, and whether of their mirror images."""


class GraphRuntime:
    """The graphs in a folder (`embedding.graphs.files`) of the checkpoint `path`.

    `network` is what the checkpoint's header says of it. Whatever the `precision`, the locator, the
    detector and members with an aligner compute in float32. A graph is compiled when it is first
    needed: a catalogue of humpbacks never waits for the right whales' members. Several threads may
    use it; one at a time computes.
    """

    name = "openvino"

    def __init__(
        self,
        folder: Path,
        graphs: Graphs,
        path: Path,
        network: Mapping[str, Any],
        *,
        precision: Precision = "float32",
    ) -> None:
        self._folder, self._graphs, self._checkpoint = folder, graphs, path
        self._config = EnsembleConfig.from_dict(network)
        if len(graphs.members) != len(self._config.members):
            raise BadGraphs(
                f"the graphs in {folder} are {len(graphs.members)} members, and the checkpoint "
                f"{len(self._config.members)}; write them again with `flukeprint export {path}`"
            )
        self._engine = Engine(precision, stored=CompiledFiles(default_folder()))
        self._compiled: dict[str, CompiledGraph] = {}
        self._lock = threading.RLock()
        self.batch_size = 16
        ends = np.cumsum([0, *(self._dimension_of(at) for at in range(len(graphs.members)))])
        self.dimension = int(ends[-1])
        self.parts: tuple[slice, ...] = tuple(slice(*both) for both in pairwise(ends.tolist()))

    @property
    def locator_px(self) -> int | None:
        """See `embedding.runtime.Runtime`."""
        return self._graphs.locator_px

    @property
    def detector_px(self) -> int | None:
        """See `embedding.runtime.Runtime`."""
        return self._graphs.detector_px

    @property
    def has_heat(self) -> bool:
        """See `embedding.runtime.Runtime`."""
        return all(has_one_map(member) for member in self._config.members)

    def boxes(self, pixels: Pixels) -> Floats:
        """See `embedding.runtime.Runtime`."""
        return self._places(self._graphs.locator, pixels, BOXES)

    def cells(self, pixels: Pixels) -> Floats:
        """See `embedding.runtime.Runtime`."""
        return self._places(self._graphs.detector, pixels, CELLS)

    def _places(self, file: str | None, pixels: Pixels, output: str) -> Floats:
        assert file is not None
        with self._lock:
            graph = self._graph(file, "float32")
            found = graph.start(pixels, [output])[output]
            graph.wait()
        return found

    def embed(self, pixels: Pixels) -> Floats:
        """See `embedding.runtime.Runtime`."""
        with self._lock:
            embeddings = self._embeddings(pixels)
        return embeddings / _lengths(embeddings)

    def views(self, pixels: Pixels) -> list[MemberViews]:
        """See `embedding.runtime.Runtime`."""
        every = np.arange(len(pixels))
        with self._lock:
            lengths = self._lengths_of(pixels, self._gate_views(pixels))
            chosen = np.flatnonzero(lengths.any(0)).tolist()
            jobs: list[_Job] = [
                (at, every, is_mirrored) for at in chosen for is_mirrored in (False, True)
            ]
            views = [
                View(found[MAPS], found.get(PLACEMENTS))
                for found in self._run(pixels, jobs, maps=True)
            ]
        return [
            MemberViews(
                self._config.members[at],
                self._tensors_after_maps(at),
                views[2 * number],
                views[2 * number + 1],
                lengths[:, at] if self._config.is_ensemble else None,
            )
            for number, at in enumerate(chosen)
        ]

    def _embeddings(self, pixels: Pixels) -> Floats:
        straight = self._gate_views(pixels)
        lengths = self._lengths_of(pixels, straight)
        embeddings = np.zeros((len(pixels), self.dimension), np.float32)
        jobs: list[_Job] = []
        for at in range(len(self._config.members)):
            rows = np.flatnonzero(lengths[:, at])
            if len(rows):
                jobs += [(at, rows, False)] if at >= len(straight) else []
                jobs += [(at, rows, True)]
        views = {
            (at, is_mirrored): found[EMBEDDING]
            for (at, _, is_mirrored), found in zip(jobs, self._run(pixels, jobs), strict=True)
        }
        for at, rows, is_mirrored in jobs:
            if is_mirrored:
                seen = straight[at][rows] if at < len(straight) else self._unit(views[at, False])
                mirrored = self._unit(views[at, True])
                config = self._config.members[at]
                fused = fuse_views(seen, mirrored, config.mirror_fusion, config.odd_dims)
                embeddings[rows, self.parts[at]] = fused * lengths[rows, at, None]
        return embeddings

    def _gate_views(self, pixels: Pixels) -> list[Floats]:
        """The views (n, view_dim) of the members by which the gate goes; none without a gate."""
        every = np.arange(len(pixels))
        jobs: list[_Job] = [(at, every, False) for at in range(self._config.gate_view_count)]
        return [self._unit(found[EMBEDDING]) for found in self._run(pixels, jobs)]

    def _lengths_of(self, pixels: Pixels, views: Sequence[Floats]) -> Floats:
        """The roots of the members' shares (n, m) of each photo, as `embedding.networks.ensemble`
        has them.
        """
        gate, count = self._config.gate, len(self._config.members)
        if gate is None:
            return np.full((len(pixels), count), np.sqrt(1 / count), np.float32)
        logits = np.concatenate(views, axis=1) @ self._tensors["gate.weight"].T
        logits = logits + self._tensors["gate.bias"]
        odds = np.exp(logits - logits.max(1, keepdims=True))
        species = odds / odds.sum(1, keepdims=True)
        shares = species @ np.array(list(gate.shares.values()), np.float32)
        shares = np.where(shares < LEAST_SHARE, 0, shares)
        return np.sqrt(shares / shares.sum(1, keepdims=True)).astype(np.float32)

    def _run(
        self, pixels: Pixels, jobs: Sequence[_Job], *, maps: bool = False
    ) -> list[dict[str, Floats]]:
        """What the members' graphs say; all jobs are under way at once."""
        begun: list[dict[str, Floats]] = []
        graphs: list[CompiledGraph] = []
        for at, rows, is_mirrored in jobs:
            member, config = self._graphs.members[at], self._config.members[at]
            images = pixels[rows]
            if is_mirrored:  # the axes of pixels are one earlier than those of images
                images = np.flip(images, MIRROR_AXES[config.mirror] - 1)
            outputs = [EMBEDDING]
            if maps:
                outputs = [MAPS, *([PLACEMENTS] if config.aligned_px else [])]
            # Places are not rounded: a bf16 number tells less than 1 in 256 of a photo's width.
            graph = self._graph(member.file, "float32" if config.aligned_px else None)
            begun.append(graph.start(images, outputs))
            graphs.append(graph)
        for graph in graphs:
            graph.wait()
        return begun

    def _graph(self, file: str, precision: Precision | None) -> CompiledGraph:
        if file not in self._compiled:
            content = json.dumps([file, sorted(self._graphs.sha256.items())])
            self._compiled[file] = self._engine.compile(
                self._folder / file, precision, content=content
            )
        return self._compiled[file]

    def _unit(self, views: Floats) -> Floats:
        return views / _lengths(views) if self._config.is_ensemble else views

    def _dimension_of(self, at: int) -> int:
        config: NetworkConfig = self._config.members[at]
        view_dim = self._graphs.members[at].view_dim
        return fused_dim(view_dim, config.mirror_fusion, config.odd_dims)

    def _tensors_after_maps(self, at: int) -> dict[str, NDArray[Any]]:
        own = below(self._tensors, f"members.{at}.") if self._config.is_ensemble else self._tensors
        return {name: value for name, value in own.items() if name.startswith(_AFTER_MAPS)}

    @cached_property
    def _tensors(self) -> dict[str, NDArray[Any]]:
        """Of the checkpoint: the gate, and what follows the maps, which heat is drawn by."""
        return load_arrays(self._checkpoint, _is_after_maps)


def _is_after_maps(name: str) -> bool:
    """Whether a checkpoint's tensor is the gate's or comes after the maps of a network."""
    own = re.sub(r"^members\.\d+\.", "", name)
    return own.startswith(("gate.", *_AFTER_MAPS))


def _lengths(vectors: Floats) -> Floats:
    return np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
