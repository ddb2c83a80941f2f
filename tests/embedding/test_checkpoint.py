"""embedding/checkpoint.py: a file that a stranger can read, that is whole or refused, and that
nothing half-writes.
"""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from embedding.checkpoint import (
    BadCheckpoint,
    CannotWrite,
    CheckpointHeader,
    fingerprint_of,
    load_weights,
    read_header,
    refuse_unwritable,
    save_checkpoint,
    write_atomically,
)
from embedding.photos.preprocessing import Preprocessing

HEADER = CheckpointHeader(
    {"backbone": "test_resnet", "embedding_dim": 8},
    Preprocessing(32, 48, crop="box"),
    {"name": "tiny", "photos": 3},
)
WEIGHTS = {"a": torch.tensor([[0.1, -2.0], [3.0, 65_504.0]]), "n": torch.tensor(7)}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    save_checkpoint(tmp_path / "c.safetensors", WEIGHTS, HEADER)
    return tmp_path / "c.safetensors"


def test_header_and_weights_come_back(checkpoint: Path) -> None:
    assert read_header(checkpoint) == HEADER
    weights = load_weights(checkpoint)
    assert (
        torch.equal(weights["a"], WEIGHTS["a"].half().float())
        and weights["a"].dtype == torch.float32
    )
    assert torch.equal(weights["n"], WEIGHTS["n"]) and weights["n"].dtype == torch.int64


def test_a_header_that_says_nothing_of_a_locator_has_none(tmp_path: Path) -> None:
    assert not HEADER.has_locator
    save_checkpoint(
        tmp_path / "c.safetensors", WEIGHTS, dataclasses.replace(HEADER, has_locator=True)
    )
    assert read_header(tmp_path / "c.safetensors").has_locator
    rewrite(tmp_path / "c.safetensors", lambda told: told.pop("has_locator"))
    assert not read_header(tmp_path / "c.safetensors").has_locator


def test_a_stranger_reads_header_and_weights_by_the_format_alone(checkpoint: Path) -> None:
    """8 bytes of length, JSON, then raw little-endian numbers: numpy and json are enough."""
    data = checkpoint.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    assert header["__metadata__"]["format"] == "flukeprint-checkpoint-1"
    assert json.loads(header["__metadata__"]["flukeprint"])["card"] == {"name": "tiny", "photos": 3}
    assert header["a"]["dtype"] == "F16"
    start, end = header["a"]["data_offsets"]
    values = np.frombuffer(data[8 + length :][start:end], "<f2").reshape(header["a"]["shape"])
    np.testing.assert_allclose(values, WEIGHTS["a"].numpy(), rtol=1e-3)


def test_the_fingerprint_is_the_sha256_of_the_file(tmp_path: Path) -> None:
    told = save_checkpoint(tmp_path / "c.safetensors", WEIGHTS, HEADER)
    assert told == hashlib.sha256((tmp_path / "c.safetensors").read_bytes()).hexdigest()
    assert told == fingerprint_of(tmp_path / "c.safetensors")


def test_the_same_content_has_the_same_fingerprint(tmp_path: Path) -> None:
    card = dict(reversed(HEADER.card.items()))
    header, weights = dataclasses.replace(HEADER, card=card), dict(reversed(WEIGHTS.items()))
    # Often, as safetensors itself writes a header's keys in an order that changes from call to
    # call.
    found = {save_checkpoint(tmp_path / "c", weights, header) for _ in range(8)}
    assert found == {save_checkpoint(tmp_path / "c", WEIGHTS, HEADER)}


def test_a_number_too_great_for_fp16_stays_what_it_is(tmp_path: Path) -> None:
    great = torch.tensor([1.0, 1e6])
    save_checkpoint(tmp_path / "c.safetensors", {"variance": great}, HEADER)
    assert torch.equal(load_weights(tmp_path / "c.safetensors")["variance"], great)


def test_tensors_that_are_the_same_are_written_once_and_all_come_back(tmp_path: Path) -> None:
    drawn = torch.randn(2, 30, 40, generator=torch.Generator().manual_seed(1)).half().float()
    weights = {
        "b": drawn[0],
        "a": drawn[0].clone(),
        "c": drawn[1],
        "small": torch.ones(4),
        "small2": torch.ones(4),
    }
    path = tmp_path / "shared.safetensors"
    save_checkpoint(path, weights, HEADER)
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    assert sorted(set(header) - {"__metadata__"}) == ["a", "c", "small", "small2"]
    assert json.loads(header["__metadata__"]["same"]) == {"b": "a"}
    found = load_weights(path)
    assert set(found) == set(weights)
    for name, value in weights.items():
        assert torch.equal(found[name], value)
    header["__metadata__"]["same"] = '{"b":"absent"}'
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])
    with pytest.raises(BadCheckpoint, match="is damaged"):
        load_weights(path)


def test_headers_and_fingerprints_are_read_without_torch(checkpoint: Path) -> None:
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from pathlib import Path; from embedding.checkpoint import read_header, fingerprint_of\n"
        "print(read_header(Path(sys.argv[1])).card['name'], fingerprint_of(Path(sys.argv[1])))"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program, str(checkpoint)],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["tiny", fingerprint_of(checkpoint)]


def rewrite(path: Path, change: Callable[[dict[str, object]], object]) -> None:
    """Change what a checkpoint says of itself, and leave its weights."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    told = json.loads(header["__metadata__"]["flukeprint"])
    change(told)
    header["__metadata__"]["flukeprint"] = json.dumps(told)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.3, 0.6, 0.999])
def test_a_truncated_file_is_refused(share: float, checkpoint: Path) -> None:
    data = checkpoint.read_bytes()
    checkpoint.write_bytes(data[: int(share * len(data))])
    with pytest.raises(BadCheckpoint, match=r"c\.safetensors"):
        load_weights(checkpoint)


@pytest.mark.parametrize(
    "content",
    [
        b"not a checkpoint at all, but a sentence of some length",
        b"\xff" * 64,
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 4) + b"null",
        struct.pack("<Q", 4) + b"\xff\xfe{}",
        struct.pack("<Q", 19) + b'{"__metadata__": 3}',
        struct.pack("<Q", 100_000) + b"[" * 100_000,
    ],
)
def test_a_foreign_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "foreign").write_bytes(content)
    with pytest.raises(BadCheckpoint, match="foreign"):
        read_header(tmp_path / "foreign")


def test_a_bare_state_dict_is_refused_with_the_place_where_it_belongs(tmp_path: Path) -> None:
    save_file(WEIGHTS, tmp_path / "bare.safetensors")
    with pytest.raises(BadCheckpoint, match=r"belongs in a recipe's \[network\] weights"):
        read_header(tmp_path / "bare.safetensors")


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told.pop("network"),
        lambda told: told.update(preprocessing=[1]),
        lambda told: told["preprocessing"].pop("width_px"),
        lambda told: told["preprocessing"].update(width_px=1),
        lambda told: told["preprocessing"].update(colour="grey"),
    ],
)
def test_a_damaged_description_is_refused(
    change: Callable[[dict[str, object]], object], checkpoint: Path
) -> None:
    rewrite(checkpoint, change)
    with pytest.raises(BadCheckpoint, match="damaged header"):
        read_header(checkpoint)


def test_an_absent_checkpoint_is_refused_with_what_to_do(tmp_path: Path) -> None:
    for read in (read_header, fingerprint_of, load_weights):
        with pytest.raises(BadCheckpoint, match=r"no checkpoint at .*give --checkpoint FILE"):
            read(tmp_path / "absent")
    with pytest.raises(BadCheckpoint, match="can't be read: Is a directory"):
        read_header(tmp_path)


def full_disk(_: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_atomically(tmp_path / "f", b"old")
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(
        CannotWrite, match=r"f \(0\.0 MiB\) can't be written: No space left on device"
    ):
        write_atomically(tmp_path / "f", b"new")
    with pytest.raises(CannotWrite):
        save_checkpoint(tmp_path / "c.safetensors", WEIGHTS, HEADER)
    assert [path.name for path in tmp_path.iterdir()] == ["f"]
    assert (tmp_path / "f").read_bytes() == b"old"


def test_a_place_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotWrite, match="can't be written"):
        write_atomically(tmp_path / "file" / "below", b"data")


def test_an_unwritable_place_is_known_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refuse_unwritable(tmp_path / "a" / "b" / "f", tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == [
        "file"
    ]  # no folder is made, nothing is left
    for place, why in (
        (tmp_path / "file" / "below", "Not a directory"),
        (tmp_path, "a folder has that name"),
        (tmp_path / ("n" * 300), "File name too long"),
    ):
        with pytest.raises(CannotWrite, match=f"can't be written: {why}. Give another place"):
            refuse_unwritable(tmp_path / "fine", place)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_folders_on_the_way_are_made(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a" / "b" / "f", b"data")
    assert (tmp_path / "a" / "b" / "f").read_bytes() == b"data"
