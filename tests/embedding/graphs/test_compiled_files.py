"""A compiled graph that is read answers as one that was compiled; a damaged one is made again."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedding.checkpoint import DEFAULT_CHECKPOINT
from embedding.graphs import compiled_files
from embedding.graphs.compiled_files import CompiledFiles, default_folder
from embedding.graphs.engine import Engine
from embedding.graphs.files import BOXES, folder_of

LOCATOR = folder_of(DEFAULT_CHECKPOINT) / "locator.onnx"


def boxes(engine: Engine, rng: np.random.Generator) -> Any:
    graph = engine.compile(LOCATOR, content="the shipped locator")
    found = graph.start(rng.integers(0, 256, (2, 96, 96, 3), np.uint8), [BOXES])[BOXES]
    graph.wait()
    return found


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The graphs that were compiled, and not read."""
    found: list[Path] = []
    compile_graph = Engine._compile

    def noted(engine: Engine, path: Path, options: Any) -> Any:
        found.append(path)
        return compile_graph(engine, path, options)

    monkeypatch.setattr(Engine, "_compile", noted)
    return found


def test_what_is_read_answers_the_same_bits(tmp_path: Path, compiled: list[Path]) -> None:
    stored = CompiledFiles(tmp_path / "graphs")
    answers = [
        boxes(Engine(threads=threads, stored=stored), np.random.default_rng(3))
        for threads in (1, 1, 2, 1)
    ]
    assert len(compiled) == 2  # for one thread, and for two
    assert len(list((tmp_path / "graphs").iterdir())) == 2
    for answer in answers:
        assert np.array_equal(answer, answers[0])


def test_a_damaged_one_is_compiled_again(tmp_path: Path, compiled: list[Path]) -> None:
    stored = CompiledFiles(tmp_path)
    first = boxes(Engine(threads=1, stored=stored), np.random.default_rng(3))
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    rng = random.Random(1)
    for at in (0, 31, 32, len(whole) - 1, *(rng.randrange(len(whole)) for _ in range(200))):
        data = bytearray(whole)
        data[at] ^= 1 << rng.randrange(8)
        file.write_bytes(data)
        assert stored.read(file.stem) is None
    file.write_bytes(whole[:-5])
    again = boxes(Engine(threads=1, stored=stored), np.random.default_rng(3))
    assert np.array_equal(again, first)
    assert len(compiled) == 2
    assert stored.read(file.stem) is not None


def test_a_folder_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    stored = CompiledFiles(tmp_path / "file" / "graphs")
    stored.write("a", b"x")
    assert stored.read("a") is None
    CompiledFiles(None).write("a", b"x")
    assert CompiledFiles(None).read("a") is None


def test_the_oldest_of_many_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_files, "_MOST_STORED", 2)
    stored = CompiledFiles(tmp_path)
    for name in "abc":
        stored.write(name, name.encode())
    assert [stored.read(name) for name in "abc"] == [None, b"b", b"c"]


def test_the_folder_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert default_folder() == tmp_path / "cache" / "flukeprint" / "graphs"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder() == tmp_path / ".cache" / "flukeprint" / "graphs"
