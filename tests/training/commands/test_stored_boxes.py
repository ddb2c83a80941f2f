"""--boxes at the training doors: boxes measured on pictures as they are stored are turned there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner, Result

from embedding.photos.photo import Box
from index.labels.labelled_photo import BadLabels
from index.messages import BadOut
from training.commands import train
from training.sets.agreement import compare_with_files
from training.sets.extra import read_extra
from training.sets.labelled import read_labelled
from training.sets.sets import read_sets

RED, SEA = (250, 0, 0), (0, 0, 120)
STORED = Box(0.0, 0.0, 0.5, 0.5)
UPRIGHT = Box(0.5, 0.5, 1.0, 1.0)  # of a picture that is stored upside down (orientation 3)
# Of each command what it needs beside --boxes; a word that isn't allowed ends it before all else.
COMMANDS = {
    "train": ("train", "tiny", "--out", "run"),
    "evaluate": ("evaluate", "--out", "report"),
    "pseudo-label": ("pseudo-label", "--unlabelled", "u", "--split", "s.csv", "--out", "p.csv"),
    "combine": ("combine", "default", "default", "--out", "e.safetensors", "--dimensions", "8"),
    "sweep": ("sweep", "tiny", "--out", "sweep", "--vary", "optimiser.rate=0.001,0.002"),
    "train-screening": ("train-screening", "--others", "others", "--out", "c.safetensors"),
    "data check": ("data", "check"),
    "data explore": ("data", "explore", "--out", "explored"),
    "data split": ("data", "split", "--out", "split.csv"),
    "data pack": ("data", "pack", "--out", "pack"),
}


def invoke(*arguments: object) -> Result:
    app = typer.Typer()
    train.register(app)
    return CliRunner().invoke(app, [str(each) for each in arguments])


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """A CSV beside photos stored upside down; their box is the red quarter of the stored pixels."""
    exif = Image.Exif()
    exif[0x0112] = 3
    pixels = np.full((32, 32, 3), SEA, np.uint8)
    pixels[:16, :16] = RED
    rows = ["image,label,box"]
    for at in range(4):
        Image.fromarray(pixels).save(tmp_path / f"{at}.jpg", quality=95, exif=exif)
        rows.append(f"{at}.jpg,w_{at % 2},0 0 .5 .5")
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_every_reader_of_training_turns_them(labels: Path) -> None:
    folder = labels.parent
    for told, expected in ((None, STORED), ("upright", STORED), ("stored", UPRIGHT)):
        found = [
            read_sets([labels], [folder], boxes=told)[0],
            read_labelled(labels, folder, boxes=told).photos,
            compare_with_files(labels, folder, boxes=told).labelled,
            read_extra(labels, folder, [], boxes=told)[0],
        ]
        assert [{photo.box for photo in photos} for photos in found] == [{expected}] * 4


@pytest.mark.parametrize(("told", "colour"), [("stored", RED), ("upright", SEA)])
def test_a_pack_cuts_out_what_was_measured(
    labels: Path, tmp_path: Path, told: str, colour: tuple[int, int, int]
) -> None:
    options = ("--crop", "box", "--size", "8", "--boxes", told, "--out", tmp_path / "pack")
    done = invoke("data", "pack", labels, "--photos", tmp_path, *options)
    assert done.exit_code == 0, done.output
    middle = np.load(tmp_path / "pack" / "pixels.npy")[:, 3:5, 3:5].reshape(-1, 3)
    assert np.abs(middle.astype(int) - colour).max() < 40


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_reads_labels_has_the_option(
    command: str, labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    is_data = command.startswith("data")
    source = (labels,) if is_data else ("--csv", labels)
    done = invoke(*COMMANDS[command], *source, "--photos", tmp_path, "--boxes", "sideways")
    assert isinstance(done.exception, BadOut), done.output
    assert str(done.exception) == "--boxes sideways isn't one of upright, stored"


def test_a_packs_boxes_are_upright_already(labels: Path, tmp_path: Path) -> None:
    done = invoke("data", "pack", labels, "--photos", tmp_path, "--out", tmp_path / "pack")
    assert done.exit_code == 0, done.output
    with pytest.raises(BadLabels, match="give --boxes to `flukeprint data pack`"):
        read_sets([], [tmp_path / "pack"], boxes="stored")
