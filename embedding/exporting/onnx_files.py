"""Traced models as small files: weights of all in one file, as fp16 where that loses nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
import onnx_ir
from numpy.typing import NDArray
from onnxscript import optimizer

from embedding.graphs.files import WEIGHTS

StoredAs = Literal["float16", "float32"]
"""How weights are stored. float16 is what checkpoints have; the graphs bring them to float32."""
_WORTH_SHARING_BYTES = 256
_ALIGNED_TO = 64
_MOST_FOLDED = 1024
_FLOAT = onnx.TensorProto.FLOAT


class SharedWeights:
    """The weights of several models in one file, equal ones once."""

    def __init__(self, file: str = WEIGHTS) -> None:
        self.file = file
        self.content = bytearray()
        self._at: dict[bytes, int] = {}

    def add(self, data: bytes) -> int:
        """Where these bytes are in the file."""
        key = hashlib.sha256(data).digest()
        if key not in self._at:
            self.content += b"\0" * (-len(self.content) % _ALIGNED_TO)
            self._at[key] = len(self.content)
            self.content += data
        return self._at[key]


def file_content(
    model: Any, weights: SharedWeights, metadata: Mapping[str, str], stored_as: StoredAs
) -> bytes:
    """The file of a traced model, whose weights are put among the shared ones.

    What tells how it was traced (names of modules, lines of code) is left out.
    """
    model = _folded(model)
    graph = model.graph
    _leave_out_origins(graph)
    own = list(graph.initializer)
    del graph.initializer[:]
    casts: list[Any] = []
    names: dict[str, str] = {}
    for tensor in own:
        stored, is_halved = _stored(onnx.numpy_helper.to_array(tensor), stored_as)
        graph.initializer.append(_initializer(tensor.name, stored, weights))
        if is_halved:
            names[tensor.name] = f"w{len(names)}"
            to = [names[tensor.name]]
            casts.append(onnx.helper.make_node("Cast", [tensor.name], to, to=_FLOAT))
    nodes = list(graph.node)
    for node in nodes:
        for at, name in enumerate(node.input):
            node.input[at] = names.get(name, name)
    del graph.node[:]
    graph.node.extend([*casts, *nodes])
    model.producer_name, model.producer_version = "flukeprint", ""
    del model.metadata_props[:]
    for name, value in sorted(metadata.items()):
        model.metadata_props.add(key=name, value=value)
    return model.SerializeToString(deterministic=True)


def _folded(model: Any) -> Any:
    """The model with its small constants computed, such as sizes and paddings.

    Those that scale photos are not: they are far larger than what they are made of. Nor are batch
    norms, whose factors would no longer be fp16.
    """
    whole = onnx_ir.serde.deserialize_model(model)
    for _ in range(2):
        optimizer.fold_constants(
            whole,
            onnx_shape_inference=False,
            input_size_limit=_MOST_FOLDED,
            output_size_limit=_MOST_FOLDED,
        )
        optimizer.remove_unused_nodes(whole)
    return onnx_ir.serde.serialize_model(whole)


def _leave_out_origins(graph: Any) -> None:
    """Leave out what tells how a graph was traced, and name values by numbers."""
    del graph.value_info[:]
    del graph.metadata_props[:]
    graph.doc_string = ""
    kept = {part.name for part in [*graph.input, *graph.output, *graph.initializer]}
    names: dict[str, str] = {}
    for node in graph.node:
        node.name = node.doc_string = ""
        del node.metadata_props[:]
        for at, name in enumerate(node.output):
            if name and name not in kept:
                names[name] = node.output[at] = f"v{len(names)}"
        for at, name in enumerate(node.input):
            node.input[at] = names.get(name, name)
    for part in [*graph.input, *graph.output, *graph.initializer]:
        part.doc_string = ""
        del part.metadata_props[:]


def _stored(values: NDArray[Any], stored_as: StoredAs) -> tuple[NDArray[Any], bool]:
    """The numbers to store, and whether they were float32 and are fp16 now."""
    if stored_as != "float16" or values.dtype != np.float32 or values.size < 2:
        return values, False
    with np.errstate(over="ignore"):
        halved = values.astype(np.float16)
    return (halved, True) if np.array_equal(halved.astype(np.float32), values) else (values, False)


def _initializer(name: str, values: NDArray[Any], weights: SharedWeights) -> Any:
    tensor = onnx.numpy_helper.from_array(np.ascontiguousarray(values), name)
    if len(tensor.raw_data) >= _WORTH_SHARING_BYTES:
        data = bytes(tensor.raw_data)
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in (
            ("location", weights.file),
            ("offset", str(weights.add(data))),
            ("length", str(len(data))),
        ):
            tensor.external_data.add(key=key, value=value)
    return tensor
