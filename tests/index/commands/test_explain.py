"""`flukeprint explain`: from two photos on a command line to a picture, or one line that says why
not.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer
from click.testing import Result
from PIL import Image
from typer.testing import CliRunner

from embedding.checkpoint import BadCheckpoint, CannotWrite, CheckpointHeader, save_checkpoint
from embedding.embedder import Embedder
from embedding.errors import FlukeprintError
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.photo import BadPhoto, Box, read_photo
from embedding.photos.preprocessing import Preprocessing
from index.commands import index
from index.commands.named_files import AbsentPath
from index.labels.reader import BadLabels
from index.messages import BadOut


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.manual_seed(6)
    network = Network(NetworkConfig("test_resnet", 8))
    path = tmp_path / "tiny.safetensors"
    header = CheckpointHeader(
        network.config.to_dict(), Preprocessing(32, 32, crop="box"), {"name": "tiny"}
    )
    save_checkpoint(path, network.state_dict(), header)
    return path


@pytest.fixture
def photos(tmp_path: Path, rng: np.random.Generator) -> tuple[Path, Path]:
    paths = tmp_path / "query.png", tmp_path / "reference.png"
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (40, 80, 3), dtype=np.uint8)).save(path)
    return paths


@pytest.fixture
def explain(checkpoint: Path, photos: tuple[Path, Path], tmp_path: Path) -> Callable[..., Result]:
    """Run the command on the two photos; options given replace or add to its usual ones."""
    app = typer.Typer()
    index.register(app)

    def _explain(**options: Any) -> Result:
        given = {
            "query": photos[0],
            "reference": photos[1],
            "out": tmp_path / "why.png",
            "checkpoint": checkpoint,
        }
        given |= options
        words = [str(given.pop("query")), str(given.pop("reference"))]
        words += [
            str(word)
            for name, value in given.items()
            for word in (f"--{name.replace('_', '-')}", value)
        ]
        result = CliRunner().invoke(app, ["explain", *words])
        if isinstance(result.exception, FlukeprintError):
            raise result.exception  # what main() prints
        return result

    return _explain


def test_the_picture_is_written_and_the_distance_told(
    explain: Callable[..., Result], photos: tuple[Path, Path], checkpoint: Path, tmp_path: Path
) -> None:
    result = explain()
    one, other = (
        Embedder.load(checkpoint, device="cpu")
        .embed([read_photo(path) for path in photos])
        .astype(float)
    )
    assert result.exit_code == 0
    assert result.stdout == (
        f"{tmp_path}/why.png: {photos[0]} and {photos[1]}, distance {1 - one @ other:.3f}\n"
    )
    with Image.open(tmp_path / "why.png") as picture:
        picture.load()
        assert picture.format == "PNG" and picture.size == (750, 2 * (180 + 27) + 37)


def test_boxes_are_cut_out(
    explain: Callable[..., Result], photos: tuple[Path, Path], checkpoint: Path, tmp_path: Path
) -> None:
    said = explain(query_box="0 0 .5 1", reference_box="0.25 0.25 1 1").stdout
    embedder, boxes = (
        Embedder.load(checkpoint, device="cpu"),
        [Box(0, 0, 0.5, 1), Box(0.25, 0.25, 1, 1)],
    )
    one, other = embedder.embed([read_photo(path) for path in photos], boxes).astype(float)
    assert said.endswith(f"distance {1 - one @ other:.3f}\n")
    with Image.open(tmp_path / "why.png") as picture:
        assert picture.size == (750, 2 * (360 + 27) + 37)  # the query's half is as high as wide


def test_what_is_wrong_is_said(explain: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("not a photo")
    with pytest.raises(AbsentPath, match=r"none\.jpg: there is no such file"):
        # Before the checkpoint is looked for.
        explain(query=tmp_path / "none.jpg", checkpoint=tmp_path / "none.safetensors")
    with pytest.raises(BadPhoto, match=r"text\.jpg: not a photo"):
        explain(reference=tmp_path / "text.jpg")
    with pytest.raises(BadCheckpoint, match="there is no checkpoint at"):
        explain(checkpoint=tmp_path / "none.safetensors")
    assert not (tmp_path / "why.png").exists()


@pytest.mark.parametrize(
    ("box", "said"),
    [
        ("0 0 1", "--query-box: the box '0 0 1' must be four numbers"),
        ("0.5 0 0.2 1", "--query-box: the box '0.5 0 0.2 1' must be left < right"),
        ("0 0 100 80", "shares between 0 and 1"),
    ],
)
def test_a_box_that_is_none_is_refused_before_anything_is_loaded(
    box: str, said: str, explain: Callable[..., Result], tmp_path: Path
) -> None:
    with pytest.raises(BadLabels, match=said):
        explain(query_box=box, checkpoint=tmp_path / "none.safetensors")


def test_a_place_that_cannot_be_written_to_is_refused(
    explain: Callable[..., Result], tmp_path: Path
) -> None:
    absent = tmp_path / "none.safetensors"  # refused before it is looked for
    with pytest.raises(BadOut, match="there is no folder"):
        explain(out=tmp_path / "nowhere" / "why.png", checkpoint=absent)
    with pytest.raises(BadOut, match="is a folder"):
        explain(out=tmp_path, checkpoint=absent)
    with pytest.raises(
        BadOut, match=r"why\.jpg is no \.png; give the picture a name that ends in \.png"
    ):
        explain(out=tmp_path / "why.jpg", checkpoint=absent)


def test_a_full_disk_is_said(
    explain: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(CannotWrite, match="No space left on device"):
        explain()
    assert not list(tmp_path.glob("*why*"))
