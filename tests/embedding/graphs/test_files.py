"""embedding/graphs/files.py: graphs that are damaged, foreign or of another form are refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from embedding.checkpoint import DEFAULT_CHECKPOINT, fingerprint_of
from embedding.embedder import Embedder
from embedding.graphs.files import DESCRIPTION, WEIGHTS, BadGraphs, folder_of, read_graphs


def test_the_shipped_graphs_are_whole_and_small() -> None:
    folder = folder_of(DEFAULT_CHECKPOINT)
    graphs = read_graphs(folder, DEFAULT_CHECKPOINT, fingerprint_of(DEFAULT_CHECKPOINT))
    assert len(graphs.members) == 7 and graphs.locator_px == 96
    assert graphs.detector_px == 160
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 17 * 2**20
    assert {path.name for path in folder.iterdir()} == {DESCRIPTION, *graphs.sha256}


@pytest.mark.parametrize("name", ["member-2.onnx", "locator.onnx", WEIGHTS])
def test_a_flipped_bit_is_seen(name: str, exported: Path) -> None:
    path = folder_of(exported) / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    with pytest.raises(BadGraphs, match=rf"{name} is damaged; write them again with `flukeprint"):
        Embedder.load(exported, device="cpu")


@pytest.mark.parametrize("name", ["member-1.onnx", WEIGHTS, DESCRIPTION])
def test_a_missing_file_is_named(name: str, exported: Path) -> None:
    (folder_of(exported) / name).unlink()
    with pytest.raises(BadGraphs, match=rf"{name} can't be read \(No such file"):
        Embedder.load(exported, device="cpu")


def test_graphs_of_another_checkpoint_are_refused(exported: Path) -> None:
    shutil.copy(DEFAULT_CHECKPOINT, exported)
    with pytest.raises(BadGraphs, match=r"are those of the checkpoint .* and not of .*small"):
        Embedder.load(exported, device="cpu")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "flukeprint-graphs-9"}, "this version reads 'flukeprint-graphs-1'"),
        ({"members": []}, "is damaged"),
        ({"members": [{"file": "../weights.bin", "view_dim": 8}]}, "is no file's name"),
        ({"members": [{"file": "member-1.onnx", "view_dim": "8"}]}, "is no size"),
        ({"members": [{"file": "member-1.onnx"}]}, "is damaged"),
        ({"locator_px": None}, "is no size"),
        ({"sha256": None}, "is damaged"),
    ],
)
def test_a_description_that_makes_no_sense_is_refused(
    change: dict[str, object], said: str, exported: Path
) -> None:
    path = folder_of(exported) / DESCRIPTION
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(BadGraphs, match=said):
        Embedder.load(exported, device="cpu")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'"x"'])
def test_a_description_that_is_none_is_refused(content: bytes, exported: Path) -> None:
    (folder_of(exported) / DESCRIPTION).write_bytes(content)
    with pytest.raises(BadGraphs, match="is damaged"):
        Embedder.load(exported, device="cpu")


def test_a_member_too_few_is_refused(exported: Path) -> None:
    path = folder_of(exported) / DESCRIPTION
    told = json.loads(path.read_text())
    path.write_text(json.dumps(told | {"members": told["members"][:2]}))
    with pytest.raises(BadGraphs, match="2 members, and the checkpoint 3"):
        Embedder.load(exported, device="cpu")


def test_damaged_graphs_do_not_stand_in_pytorch_s_way(exported: Path) -> None:
    (folder_of(exported) / WEIGHTS).unlink()
    assert Embedder.load(exported, device="cpu", runtime="torch").runtime.name == "torch"
