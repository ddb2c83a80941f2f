"""OpenVINO's door: a graph's file becomes something that answers arrays with arrays."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedding.cores import core_count
from embedding.graphs.compiled_files import CompiledFiles
from embedding.graphs.files import BadGraphs
from embedding.runtime import BadRuntime, Floats, Pixels, Precision

_HINTS: dict[Precision, str] = {"float32": "f32", "bf16": "bf16"}
_FAST_BF16 = "BF16"
_Kept = tuple[dict[int, Floats], int]
"""Arrays by output, and which of their rows a request fills."""


class Engine:
    """Compiles graphs for this machine's processor. Raises BadRuntime where it lacks the precision.

    Each graph takes one photo at a time, and as many photos are under way as there are threads.
    With the shipped checkpoint that is faster than batches (docs/performance.md).
    """

    def __init__(
        self,
        precision: Precision = "float32",
        threads: int | None = None,
        stored: CompiledFiles | None = None,
    ) -> None:
        """`stored` has graphs that were compiled before; None: none are stored."""
        import openvino

        self._openvino: Any = openvino
        self._core: Any = openvino.Core()
        self.threads = threads or thread_count()
        able: Sequence[str] = self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if precision == "bf16" and _FAST_BF16 not in able:
            raise BadRuntime(
                "precision bf16: this processor has no such arithmetic (AVX-512 BF16 or AMX); "
                "give precision float32, and embed the catalogue again where it was made with bf16"
            )
        self.precision: Precision = precision
        self._stored = stored or CompiledFiles(None)
        self._options = {
            "INFERENCE_NUM_THREADS": self.threads,
            "NUM_STREAMS": self.threads,
            # Other work may fill the cores: threads go where there is room.
            "ENABLE_CPU_PINNING": False,
        }

    def compile(
        self, path: Path, precision: Precision | None = None, *, content: str | None = None
    ) -> CompiledGraph:
        """Compile a graph for single photos; takes some tenths of a second. Raises BadGraphs.

        `precision` None: the engine's. One of the same `content`, which names the graph and its
        weights by their hashes, that was compiled before on such a processor is read instead.
        """
        # Said outright: by itself OpenVINO computes in bf16 where the processor can.
        options = {
            **self._options,
            "INFERENCE_PRECISION_HINT": _HINTS[precision or self.precision],
        }
        key = None if content is None else self._key(content, options)
        compiled = None if key is None else self._read(key, options)
        if compiled is None:
            compiled = self._compile(path, options)
            if key is not None:
                self._stored.write(key, compiled.export_model().getvalue())
        return CompiledGraph(compiled, self.threads)

    def _key(self, content: str, options: Mapping[str, object]) -> str:
        """Name a compiled graph by all that it depends on."""
        processor = self._core.get_property("CPU", "FULL_DEVICE_NAME")
        able = self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        told = [
            content,
            self._openvino.get_version(),
            processor,
            sorted(able),
            sorted(options.items()),
        ]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()

    def _read(self, key: str, options: Mapping[str, object]) -> Any:
        stored = self._stored.read(key)
        if stored is None:
            return None
        try:
            return self._core.import_model(stored, "CPU", options)
        except RuntimeError:  # another build of OpenVINO with the same version
            return None

    def _compile(self, path: Path, options: Mapping[str, object]) -> Any:
        try:
            model: Any = self._core.read_model(path)
            shape: Any = model.inputs[0].partial_shape
            shape[0] = 1
            model.reshape(shape)
            return self._core.compile_model(model, "CPU", options)
        except RuntimeError as error:
            raise BadGraphs(f"OpenVINO can't read {path}: {error}") from error


class CompiledGraph:
    """A graph ready for use, by one thread at a time: `start`, then `wait`."""

    def __init__(self, compiled: Any, requests: int) -> None:
        """Have so many `requests` under way at most."""
        self._requests: list[Any] = [compiled.create_infer_request() for _ in range(requests)]
        self._kept: list[_Kept | None] = [None] * requests
        self._next = 0
        self._outputs: list[str] = [output.get_any_name() for output in compiled.outputs]
        self._shapes: list[tuple[int, ...]] = [
            tuple(output.shape)[1:] for output in compiled.outputs
        ]

    def start(self, pixels: Pixels, outputs: Sequence[str]) -> dict[str, Floats]:
        """Begin with photos (n, h, w, 3): the arrays of the named outputs, filled by `wait`."""
        into: dict[int, Floats] = {}
        for name in outputs:
            at = self._outputs.index(name)
            into[at] = np.empty((len(pixels), *self._shapes[at]), np.float32)
        for row, photo in enumerate(pixels):
            at = self._next
            self._next = (at + 1) % len(self._requests)
            self._keep(at)
            self._requests[at].get_input_tensor().data[0] = photo
            self._requests[at].start_async()
            self._kept[at] = (into, row)
        return {self._outputs[at]: array for at, array in into.items()}

    def wait(self) -> None:
        """Return when every photo is done."""
        for at in range(len(self._requests)):
            self._keep(at)

    def _keep(self, at: int) -> None:
        """Wait for a request, and keep what it found. It is here that OpenVINO's errors appear.

        A callback would do so sooner, in a thread of OpenVINO's that has to wait for Python's lock.
        """
        kept, self._kept[at] = self._kept[at], None
        if kept is None:
            return
        self._requests[at].wait()
        into, row = kept
        for output, array in into.items():
            found: NDArray[np.float32] = self._requests[at].get_output_tensor(output).data
            array[row] = found[0]


def thread_count() -> int:
    """How many threads compute: OMP_NUM_THREADS, as for PyTorch, or as many as there are cores."""
    told = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    if told.isdigit() and int(told):
        return int(told)
    return core_count()
