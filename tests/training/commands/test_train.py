"""training/commands/train.py: what a user types, and what is said back."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from PIL import Image, ImageOps
from typer.testing import CliRunner, Result

from embedding.checkpoint import read_header
from embedding.embedder import Embedder
from embedding.errors import FlukeprintError
from training.commands import train
from training.recipes.choices import BadRecipe


def invoke(*arguments: object) -> Result:
    app = typer.Typer()
    train.register(app)
    return CliRunner().invoke(app, [str(each) for each in arguments])


@pytest.fixture
def labels(whale_folder: Path, tmp_path: Path) -> tuple[object, ...]:
    return ("--csv", whale_folder / "labels.csv", "--photos", whale_folder)


def test_train_and_evaluate_by_command(
    labels: tuple[object, ...], fast_options: list[str], tmp_path: Path
) -> None:
    run, report = tmp_path / "runs" / "one", tmp_path / "report"
    trained = invoke(
        "train", "tiny", *labels, "--out", run, *fast_options, "--set", "schedule.epochs=1"
    )
    assert trained.exit_code == 0, trained.output
    assert f"best checkpoint: {run / 'best.safetensors'}" in trained.output
    assert Embedder.load(run / "best.safetensors", device="cpu").runtime.name == "openvino"
    assert (tmp_path / "runs" / ".cache").is_dir()  # beside the run, for the next one
    checkpoint = ("--checkpoint", run / "best.safetensors", "--split", run / "split.csv")
    measured = invoke("evaluate", *labels, "--out", report, *checkpoint, "--json")
    assert measured.exit_code == 0, measured.output
    assert json.loads((report / "report.json").read_text())["known"]["queries"] > 5
    again = invoke(
        "train",
        "tiny",
        *labels,
        "--out",
        run,
        *fast_options,
        "--set",
        "schedule.epochs=1",
        "--resume",
    )
    assert again.exit_code == 0 and "the run is finished" in again.output


def test_a_folder_per_individual_needs_no_csv(
    whale_folder: Path, fast_options: list[str], tmp_path: Path
) -> None:
    for photo in whale_folder.glob("w*.png"):
        folder = tmp_path / "photos" / photo.name.partition("_")[0]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / photo.name).write_bytes(photo.read_bytes())
    options = (
        "--photos",
        tmp_path / "photos",
        "--out",
        tmp_path / "run",
        "--cache",
        tmp_path / "cache",
    )
    done = invoke("train", "tiny", *options, *fast_options, "--set", "schedule.epochs=1")
    assert done.exit_code == 0, done.output
    assert any((tmp_path / "cache").iterdir())


def test_notes_about_the_labels_are_told(
    labels: tuple[object, ...], whale_folder: Path, fast_options: list[str], tmp_path: Path
) -> None:
    (tmp_path / "some.csv").write_text(
        "\n".join(
            line
            for line in (whale_folder / "labels.csv").read_text().splitlines()
            if "w00" not in line
        )
    )
    some = ("--csv", tmp_path / "some.csv", "--photos", whale_folder)
    done = invoke(
        "train",
        "tiny",
        *some,
        "--out",
        tmp_path / "run",
        *fast_options,
        "--set",
        "schedule.epochs=0",
    )
    assert (
        done.exit_code == 0
        and "note: 2 photos in" in done.output
        and "have no label" in done.output
    )


def test_a_slip_is_an_error_before_anything_is_read(tmp_path: Path) -> None:
    nowhere = ("--photos", tmp_path / "absent", "--out", tmp_path / "run")
    slipped = invoke("train", "tiny", *nowhere, "--set", "schedule.epoch=1")
    assert isinstance(slipped.exception, BadRecipe) and "known are epochs" in str(slipped.exception)
    absent = invoke("train", "tiny", *nowhere)
    assert isinstance(absent.exception, FlukeprintError) and "no such folder" in str(
        absent.exception
    )
    assert not (tmp_path / "run").exists()


def test_ctrl_c_says_how_to_go_on(
    labels: tuple[object, ...],
    fast_options: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from training.run import loop

    def interrupted(*_: object) -> dict[str, float]:
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "validation_metrics", interrupted)
    done = invoke("train", "tiny", *labels, "--out", tmp_path / "run", *fast_options)
    assert done.exit_code != 0
    assert (
        f"stopped; the same command with --resume continues the run in {tmp_path / 'run'}"
        in done.output
    )


def test_tensorboard_is_asked_for_before_the_photos_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tensorboard", None)
    done = invoke(
        "train", "tiny", "--photos", tmp_path / "absent", "--out", tmp_path / "run", "--tensorboard"
    )
    assert "flukeprint[tensorboard]" in str(done.exception)


def test_help_loads_no_torch(start_python: Callable[..., subprocess.Popen[str]]) -> None:
    program = (
        "import sys; sys.modules['torch'] = sys.modules['matplotlib'] = sys.modules['numpy'] = "
        "None\n"
        "import typer; from training.commands.train import register\n"
        "app = typer.Typer(); register(app); app(sys.argv[1:])"
    )
    process = start_python("-c", program, "train", "--help")
    said = process.communicate()[0]
    assert process.returncode == 0 and "--resume" in said, said


def test_pseudo_labels_are_learned_from(
    labels: tuple[object, ...], whale_folder: Path, fast_options: list[str], tmp_path: Path
) -> None:
    run, extra = tmp_path / "run", tmp_path / "unlabelled"
    options = (*labels, *fast_options, "--set", "schedule.epochs=1", "--cache", tmp_path / "cache")
    assert invoke("train", "tiny", *options, "--out", run).exit_code == 0
    extra.mkdir()
    split = dict(line.split(",") for line in (run / "split.csv").read_text().splitlines()[1:])
    copied = next(name for name, role in split.items() if role == "fit" and name.startswith("w"))
    for name, original in (("x.png", copied), ("y.png", "new_00.png")):
        # Another picture with the same embedding: a labelled photo's own would be left out.
        ImageOps.mirror(Image.open(whale_folder / original)).save(extra / name)
    (extra / "copy.png").write_bytes(
        (whale_folder / copied).read_bytes()
    )  # a labelled photo, and so left out
    asked = (
        "--unlabelled",
        extra,
        "--split",
        run / "split.csv",
        "--checkpoint",
        run / "best.safetensors",
    )
    done = invoke(
        "pseudo-label", *labels, *asked, "--out", tmp_path / "pseudo.csv", "--max-fpir", "0.3"
    )
    assert done.exit_code == 0, done.output
    rows = (tmp_path / "pseudo.csv").read_text().splitlines()
    assert rows[0] == "image,label,probability,distance"
    assert any(row.startswith(f"x.png,{copied.partition('_')[0]},") for row in rows)
    assert "of 2 photos labelled" in done.output and not any(row.startswith("copy") for row in rows)
    more = ("--extra-csv", tmp_path / "pseudo.csv", "--extra-photos", extra)
    trained = invoke("train", "tiny", *options, "--out", tmp_path / "more", *more)
    assert trained.exit_code == 0, trained.output
    unlabelled = invoke(
        "train", "tiny", *options, "--out", tmp_path / "again", "--extra-photos", extra
    )
    assert unlabelled.exit_code == 0, unlabelled.output
    refused = invoke(
        "train",
        "tiny",
        *options,
        "--out",
        tmp_path / "never",
        "--extra-csv",
        tmp_path / "pseudo.csv",
    )
    assert refused.exit_code == 2 and "--extra-photos" in refused.output
    empty = ("--unlabelled", tmp_path / "cache", "--out", tmp_path / "none.csv")
    nothing = invoke("pseudo-label", *labels, *asked[2:], *empty)
    assert isinstance(nothing.exception, FlukeprintError) and "holds no photo to label" in str(
        nothing.exception
    )


def test_several_species_are_learned_together(
    labels: tuple[object, ...], whale_folder: Path, fast_options: list[str], tmp_path: Path
) -> None:
    other = tmp_path / "orca"
    other.mkdir()
    for photo in whale_folder.iterdir():
        (other / photo.name).write_bytes(photo.read_bytes())
    sets = (*labels, "--csv", other / "labels.csv", "--photos", other)
    done = invoke(
        "train",
        "tiny",
        *sets,
        "--out",
        tmp_path / "run",
        *fast_options,
        "--set",
        "schedule.epochs=1",
    )
    assert done.exit_code == 0, done.output
    header = (tmp_path / "run" / "metrics.csv").read_text().splitlines()[0].split(",")
    assert {"known_top1", "orca known_top1", f"{whale_folder.name} known_top1"} <= set(header)
    both = invoke(
        "combine",
        *[tmp_path / "run" / "best.safetensors"] * 2,
        "--out",
        tmp_path / "both.safetensors",
    )
    assert both.exit_code == 0 and "2 members" in both.output
    for numbers in ("\u00b2", "1,,2", "1;2"):  # the first is a digit, and no number
        refused = invoke(
            "combine",
            *[tmp_path / "run" / "best.safetensors"] * 2,
            "--out",
            tmp_path / "no.st",
            "--apart",
            numbers,
        )
        assert refused.exit_code == 2 and "as in 1,2" in refused.output
    thin = invoke(
        "combine",
        *[tmp_path / "run" / "best.safetensors"] * 2,
        *("--out", tmp_path / "thin.safetensors", "--dimensions", "3,5", *sets),
    )
    assert thin.exit_code == 0, thin.output
    assert [
        one["embedding_dim"]
        for one in read_header(tmp_path / "thin.safetensors").network["members"]
    ] == [3, 5]
