"""embedding/graphs/engine.py: a processor without bf16 is told before anything is computed."""

from __future__ import annotations

from typing import Any

import openvino
import pytest

from embedding.graphs import engine
from embedding.graphs.engine import Engine
from embedding.runtime import BadRuntime


class PlainCore:
    """A processor that computes in float32 alone."""

    def get_property(self, device: str, name: str) -> list[str]:
        assert (device, name) == ("CPU", "OPTIMIZATION_CAPABILITIES")
        return ["FP32", "INT8"]


def test_a_processor_without_bf16_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino, "Core", PlainCore)
    assert Engine("float32").precision == "float32"
    with pytest.raises(BadRuntime, match=r"this processor has no such arithmetic .*float32"):
        Engine("bf16")


@pytest.mark.parametrize(("told", "threads"), [("3", 3), ("3,2", 3), ("0", None), ("x", None)])
def test_threads_are_those_of_omp_num_threads(
    told: str, threads: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", told)
    cores: Any = engine.os.sched_getaffinity(0)
    assert engine.thread_count() == (threads or len(cores))
