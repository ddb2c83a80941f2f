"""training/commands/pack.py: what is typed and what is said of a pack."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from embedding.errors import FlukeprintError
from embedding.photos.photo import read_photo
from embedding.photos.preprocessing import Preprocessing
from index.labels.reader import BadLabels
from training.commands import train
from training.pixels import packing
from training.pixels.packs import is_pack, read_pack


def invoke(*arguments: object) -> Result:
    app = typer.Typer()
    train.register(app)
    return CliRunner().invoke(app, [str(each) for each in arguments])


@pytest.fixture
def labels(whale_folder: Path) -> tuple[object, ...]:
    return (whale_folder / "labels.csv", "--photos", whale_folder)


def test_a_pack_and_what_is_told_of_it(labels: tuple[object, ...], tmp_path: Path) -> None:
    done = invoke("data", "pack", *labels, "--out", tmp_path / "pack", "--size", "32x16")
    assert done.exit_code == 0, done.output
    assert f"{tmp_path / 'pack'}: 82 photos of 32 x 16 px in colour, 0.1 MB" in done.output
    assert "photos/s" in done.output and "MB/s" in done.output and "peak memory: " in done.output
    again = invoke("data", "pack", *labels, "--out", tmp_path / "pack", "--size", "32x16")
    assert "all photos were packed already" in again.output


def test_size_fit_and_grey_are_heeded(
    labels: tuple[object, ...], whale_folder: Path, tmp_path: Path
) -> None:
    options = ("--size", "24", "--fit", "pad", "--grey", "--json")
    told = json.loads(invoke("data", "pack", *labels, "--out", tmp_path / "pack", *options).stdout)
    assert (
        told["photos"] == 82
        and told["pack_bytes"] == 128 + 82 * 24 * 24
        and told["peak_memory_bytes"] > 10e6
    )
    made = Preprocessing(24, 24, fit="pad", grey=True)
    first = np.load(tmp_path / "pack" / "pixels.npy")[0]
    np.testing.assert_array_equal(
        first, made.pixels(read_photo(whale_folder / "new_00.png"))[:, :, 0]
    )


def test_a_recipe_says_how(labels: tuple[object, ...], tmp_path: Path) -> None:
    done = invoke("data", "pack", *labels, "--out", tmp_path / "pack", "--recipe", "tiny")
    assert done.exit_code == 0, done.output
    trained = invoke(
        "train",
        "tiny",
        "--photos",
        tmp_path / "pack",
        "--out",
        tmp_path / "run",
        "--set",
        "schedule.epochs=0",
    )
    assert trained.exit_code == 0, trained.output
    assert "note: the pack" not in trained.output and not (tmp_path / ".cache").exists()
    assert sorted(path.name for path in (tmp_path / "pack").iterdir()) == [
        "labels.csv",
        "pack.json",
        "pixels.npy",
    ]


def test_what_is_tried_before_a_run_needs_no_photos_beside_a_pack(
    whale_folder: Path, tmp_path: Path
) -> None:
    photos = Path(shutil.copytree(whale_folder, tmp_path / "photos"))
    given = (
        "data",
        "pack",
        photos / "labels.csv",
        "--photos",
        photos,
        "--out",
        tmp_path / "pack",
        "--recipe",
        "tiny",
    )
    assert invoke(*given).exit_code == 0
    shutil.rmtree(photos)
    memorised = invoke("train", "tiny", "--photos", tmp_path / "pack", "--overfit", "8")
    assert memorised.exit_code == 0, memorised.output
    assert "8 photos of" in memorised.output
    shown = invoke(
        "train",
        "tiny",
        "--photos",
        tmp_path / "pack",
        "--show-augmentation",
        tmp_path / "sheet.png",
    )
    assert shown.exit_code == 0, shown.output
    assert (tmp_path / "sheet.png").stat().st_size > 10_000
    assert sorted(path.name for path in (tmp_path / "pack").iterdir()) == [
        "labels.csv",
        "pack.json",
        "pixels.npy",
    ]


def test_unreadable_photos_are_listed_and_the_exit_code_says_so(
    tmp_path: Path, whale_folder: Path
) -> None:
    photo = (whale_folder / "w00_0.png").read_bytes()
    for name, data in (("a.png", photo), ("b.png", b""), ("c.png", photo)):
        (tmp_path / name).write_bytes(data)
    (tmp_path / "labels.csv").write_text("image,label\na.png,w\nb.png,w\nc.png,w\nd.png,w\n")
    given = (
        "data",
        "pack",
        tmp_path / "labels.csv",
        "--photos",
        tmp_path,
        "--out",
        tmp_path / "pack",
    )
    assert isinstance(invoke(*given).exception, BadLabels)  # d.png isn't there
    done = invoke(*given, "--skip-bad")
    assert (
        done.exit_code == 0
        and "left out: b.png: " in done.output
        and "d.png; they are left out" in done.output
    )
    (tmp_path / "labels.csv").write_text("image,label\na.png,w\nb.png,w\n")
    done = invoke(*given[:-1], tmp_path / "other")
    assert done.exit_code == 1 and read_pack(tmp_path / "other").photos == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--size", "large"), "--size large: give pixels"),
        (("--size", "1x2x3"), "--size 1x2x3: give pixels"),
        (("--size", "4"), "allowed are 8 to 4096"),
        (("--fit", "stretch"), "fit 'stretch'"),
        (("--recipe", "tiny", "--grey"), "--recipe says what --size"),
    ],
)
def test_slips_are_told_and_leave_nothing(
    options: tuple[str, ...], said: str, labels: tuple[object, ...], tmp_path: Path
) -> None:
    done = invoke("data", "pack", *labels, "--out", tmp_path / "pack", *options)
    told = (
        str(done.exception)
        if isinstance(done.exception, FlukeprintError)
        else " ".join(done.output.split())
    )
    assert done.exit_code and said in told.replace("│ ", "").replace(" │", "")
    assert not (tmp_path / "pack").exists()


def test_ctrl_c_says_how_to_go_on(
    labels: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(packing, "decoded", stopped)
        done = invoke("data", "pack", *labels, "--out", tmp_path / "pack", "--size", "16")
    assert (
        done.exit_code
        and f"the same command goes on with the pack in {tmp_path / 'pack'}" in done.output
    )
    assert not is_pack(tmp_path / "pack")
    assert (
        invoke("data", "pack", *labels, "--out", tmp_path / "pack", "--size", "16").exit_code == 0
    )
