"""training/localisation/train_aligner.py: an aligner learns where a bright bar is, and files of
corners are read with care.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image, ImageDraw
from safetensors.torch import save_file  # pyright: ignore[reportUnknownVariableType]
from typer.testing import CliRunner

from embedding.checkpoint import read_header, save_halved
from embedding.eager.stored_networks import build_networks
from embedding.networks.aligner import Aligner
from embedding.networks.backbone import BadNetwork
from embedding.networks.network import Network
from flukeprint import build_app
from training.learning.first_weights import ALIGNER_FORMAT, start_network
from training.localisation.train_aligner import (
    COLUMNS,
    BadCorners,
    read_corners,
    train_aligner,
    write_aligner,
)
from training.recipes.choices import BadRecipe, NetworkChoices
from training.recipes.reading import read_recipe

HEADER = ",".join(COLUMNS)
CHOICES = NetworkChoices(
    backbone="test_resnet", weights="random", embedding_dim=8, pooling="vlad", aligned_px=(64, 32)
)


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder of 80 dark photos with a bright, tilted bar, and the CSV of its corners."""
    folder, rng = tmp_path_factory.mktemp("bars"), np.random.default_rng(4)
    lines = [HEADER]
    for at in range(80):
        centre, half = (
            rng.uniform(0.35, 0.65, 2),
            np.array([rng.uniform(0.2, 0.3), rng.uniform(0.1, 0.15)]),
        )
        angle = rng.uniform(-0.3, 0.3)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half @ turn.T + centre
        image = Image.fromarray(rng.integers(0, 60, (96, 96, 3), dtype=np.uint8))
        ImageDraw.Draw(image).polygon([(x * 96, y * 96) for x, y in corners], fill=(230, 220, 200))
        image.save(folder / f"{at:02}.png")
        lines.append(f"{at:02}.png," + ",".join(f"{value:.4f}" for value in corners.flatten()))
    path = folder / "corners.csv"
    path.write_text("\n".join(lines) + "\n")
    return path, folder


@pytest.fixture(scope="module")
def learned(
    marked: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Aligner, float]:
    return train_aligner(
        read_corners(*marked), 24, 0, tmp_path_factory.mktemp("cache"), weights="random"
    )


def test_corners_are_found_on_photos_not_learned_from(
    marked: tuple[Path, Path], learned: tuple[Aligner, float]
) -> None:
    photos = read_corners(*marked)
    corners = np.array([one.corners for one in photos])
    is_held_out = np.arange(len(photos)) % 10 == 0
    of_the_mean = np.linalg.norm(
        corners[is_held_out] - corners[~is_held_out].mean(0), axis=2
    ).mean()
    aligner, error = learned
    assert 0 < error < 0.75 * of_the_mean
    assert not aligner.training


def test_the_seed_decides_the_aligner(marked: tuple[Path, Path], tmp_path: Path) -> None:
    photos = read_corners(*marked)
    weights = [
        train_aligner(photos, 1, seed, tmp_path, weights="random")[0].state_dict()
        for seed in (1, 1, 2)
    ]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not torch.equal(weights[0]["last.weight"], weights[2]["last.weight"])


def test_a_network_begins_with_the_aligner_of_its_recipe(
    learned: tuple[Aligner, float], tmp_path: Path
) -> None:
    path = tmp_path / "aligner.safetensors"
    write_aligner(path, *learned)
    network = start_network(replace(CHOICES, aligner=str(path)))
    assert network.aligner is not None
    torch.testing.assert_close(
        network.aligner.last.weight, learned[0].last.weight, atol=1e-3, rtol=1e-2
    )
    assert network.config.aligned_px == (64, 32)
    assert start_network(CHOICES).aligner is None


def test_what_is_no_aligner_is_refused(tmp_path: Path) -> None:
    absent = replace(CHOICES, aligner=str(tmp_path / "none.safetensors"))
    with pytest.raises(
        BadNetwork, match=r"network\.aligner = .*none.safetensors.*no such file.*train-aligner"
    ):
        start_network(absent)
    other = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(1)}, other)
    with pytest.raises(BadNetwork, match=r"other.safetensors is no aligner; give what"):
        start_network(replace(CHOICES, aligner=str(other)))
    save_halved(other, {"x": torch.zeros(1)}, {"format": ALIGNER_FORMAT})
    with pytest.raises(
        BadNetwork, match=r"the aligner in .*other.safetensors is not one of this version"
    ):
        start_network(replace(CHOICES, aligner=str(other)))
    other.write_bytes(b"no safetensors")
    with pytest.raises(BadNetwork, match=r"the aligner .*other.safetensors can't be read"):
        start_network(replace(CHOICES, aligner=str(other)))


GOOD = "0.1,0.1,0.9,0.1,0.9,0.6,0.1,0.6"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["photo,left_top_x", "00.png,0.1"], "no column left_top_y; needed are photo,left_top_x"),
        (
            [HEADER, f"00.png,{GOOD}", f"00.png,{GOOD}"],
            "line 3: the photo 00.png stands there a second time",
        ),
        ([HEADER, f"nowhere.png,{GOOD}"], "line 2: there is no photo nowhere.png"),
        ([HEADER, "00.png,0.1,0.1,0.9,0.1,0.9,0.6,0.1,up"], "line 2: .*up.*eight shares"),
        ([HEADER, "00.png,0.1,0.1,0.9"], "line 2: .*eight shares"),
        ([",".join([*COLUMNS[1:], "photo"]), GOOD], "line 2: there is no photo  in"),
        (
            [HEADER, "00.png,10,10,90,10,90,60,10,60"],
            "line 2: 10.0 to 90.0; .*not pixels or percent",
        ),
        ([HEADER, "00.png,0.9,0.1,0.1,0.1,0.1,0.6,0.9,0.6"], "line 2: left is not left of right"),
        ([HEADER, f"00.png,{GOOD}"], "marks 1 photos; at least 50"),
    ],
)
def test_a_bad_file_of_corners_says_what_and_where(
    lines: list[str], said: str, marked: tuple[Path, Path], tmp_path: Path
) -> None:
    path = tmp_path / "corners.csv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(BadCorners, match=said):
        read_corners(path, marked[1])


def test_an_absent_file_of_corners_is_named(marked: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(
        BadCorners, match=r"none\.csv can't be read as a CSV of corners: .*No such file"
    ):
        read_corners(tmp_path / "none.csv", marked[1])


def test_from_corners_to_a_checkpoint_by_commands(
    marked: tuple[Path, Path], whale_folder: Path, tmp_path: Path
) -> None:
    aligner, run = tmp_path / "aligner.safetensors", tmp_path / "run"
    app, run_command = build_app(), CliRunner().invoke
    corners, photos = marked
    made = run_command(
        app,
        f"train-aligner --corners {corners} --photos {photos} --out {aligner} --weights random "
        "--epochs 1".split(),
    )
    assert made.exit_code == 0, made.output
    assert "of the photo's sides off, on photos that it didn't learn from" in made.output
    sets = [
        f"network.aligner={aligner}",
        "network.aligned_px=[64,32]",
        "network.weights=random",
        "network.backbone=test_resnet",
        "batches.individuals=6",
        "schedule.epochs=1",
    ]
    trained = run_command(
        app,
        [
            "train",
            "tiny",
            "--csv",
            str(whale_folder / "labels.csv"),
            "--photos",
            str(whale_folder),
            "--out",
            str(run),
        ]
        + [part for one in sets for part in ("--set", one)],
    )
    assert trained.exit_code == 0, trained.output
    network, _ = build_networks(run / "best.safetensors", read_header(run / "best.safetensors"))
    assert isinstance(network, Network)
    assert network.aligner is not None
    kept = network.aligner.state_dict()
    written = start_network(
        NetworkChoices(
            backbone="test_resnet", weights="random", aligner=str(aligner), aligned_px=(64, 32)
        )
    )
    assert written.aligner is not None
    assert all(
        torch.equal(kept[name], value) for name, value in written.aligner.state_dict().items()
    )
    from_checkpoint = start_network(
        NetworkChoices(
            backbone="test_resnet", weights="random", aligner=str(run / "best.safetensors")
        )
    )
    assert from_checkpoint.aligner is not None
    assert torch.equal(from_checkpoint.aligner.last.weight, written.aligner.last.weight)


def test_without_network_it_says_what_to_give(
    marked: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def _unreachable(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(timm, "create_model", _unreachable)
    with pytest.raises(
        BadNetwork,
        match=r"mobilenetv2_100 could not be fetched\. Without network give --weights FILE",
    ):
        train_aligner(read_corners(*marked), 1, 0, tmp_path)


def test_the_same_aligner_makes_the_same_file(
    learned: tuple[Aligner, float], tmp_path: Path
) -> None:
    paths = [tmp_path / f"{at}.safetensors" for at in range(4)]
    for path in paths:
        write_aligner(path, *learned)
    assert len({path.read_bytes() for path in paths}) == 1


@pytest.mark.parametrize("choice", ["input.mean=[0.4,0.4,0.4]", "input.fit=pad", "input.grey=true"])
def test_an_input_that_aligners_do_not_know_is_refused(choice: str) -> None:
    with pytest.raises(BadRecipe, match=r"^input\.(mean|fit|grey) = .* with network\.aligner"):
        read_recipe("tiny", [choice, "network.aligner=random"])
    assert read_recipe("tiny", [choice]).network.aligner == ""
