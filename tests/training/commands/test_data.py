"""training/commands/data.py: what a user types, and what is said back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner, Result

from embedding.checkpoint import CannotWrite
from embedding.errors import FlukeprintError
from index.labels.reader import BadLabels
from training.commands import data


def invoke(*arguments: object) -> Result:
    app = typer.Typer()
    data.register(app)
    return CliRunner().invoke(app, ["data", *(str(each) for each in arguments)])


@pytest.fixture
def labels(tmp_path: Path) -> tuple[object, ...]:
    rng = np.random.default_rng(3)
    for name in ("a.png", "b.png", "c.png"):
        coarse = Image.fromarray(rng.integers(0, 256, (6, 12, 3), np.uint8))
        coarse.resize((96, 64)).save(tmp_path / name)
    (tmp_path / "labels.csv").write_text("image,label\na.png,w_1\nb.png,w_1\nc.png,w_2\n")
    return (tmp_path / "labels.csv", "--photos", tmp_path)


def test_a_clean_set_is_exit_code_0(labels: tuple[object, ...]) -> None:
    checked = invoke("check", *labels)
    assert checked.exit_code == 0, checked.output
    assert "Nothing is wrong." in checked.output


def test_findings_are_exit_code_1_and_written(labels: tuple[object, ...], tmp_path: Path) -> None:
    (tmp_path / "c.png").unlink()
    out = tmp_path / "reports"
    checked = invoke("check", *labels, "--json", out / "check.json", "--html", out / "check.html")
    assert checked.exit_code == 1 and "labels without a photo" in checked.output
    assert json.loads((out / "check.json").read_text())["findings"][0]["kind"] == "no_photo"
    assert (out / "check.html").read_text().startswith("<!doctype html>")
    alone = invoke("check", *labels, "--json", "-")
    assert alone.exit_code == 1 and json.loads(alone.stdout)["is_clean"] is False


def test_a_folder_for_a_file_is_refused_before_the_work(
    labels: tuple[object, ...], tmp_path: Path
) -> None:
    refused = invoke("check", *labels, "--html", tmp_path)
    assert isinstance(refused.exception, FlukeprintError) and "is a folder" in str(
        refused.exception
    )
    refused = invoke("explore", *labels, "--out", tmp_path / "a.png")
    assert isinstance(refused.exception, FlukeprintError) and "is a file" in str(refused.exception)


@pytest.mark.parametrize(
    "words",
    [
        ("check", "--json"),
        ("check", "--html"),
        ("explore", "--out"),
        ("split", "--out"),
    ],
)
def test_a_place_that_can_not_be_written_is_refused_before_a_photo_is_read(
    words: tuple[str, str],
    labels: tuple[object, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def read(*_: object, **__: object) -> None:
        raise AssertionError("photos were read first")

    for place in (
        "splits.split_set.read_sets",
        "data.check.check_set",
        "sets.labelled.read_labelled",
    ):
        monkeypatch.setattr(f"training.{place}", read)
    command, option = words
    refused = invoke(command, *labels, option, tmp_path / "labels.csv" / "out")
    assert isinstance(refused.exception, CannotWrite)
    assert "can't be written: Not a directory. Give another place" in str(refused.exception)


@pytest.mark.parametrize("command", ["explore", "split"])
def test_a_set_that_is_no_good_is_counted_and_data_check_is_named(
    command: str, labels: tuple[object, ...], tmp_path: Path
) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("image,label\nb.png,\nc.png,\na.png,w_1\na.png,w_2\nd.png,w_3\ne.png,w_3\n")
    refused = invoke(command, *labels, "--out", tmp_path / "out")
    assert isinstance(refused.exception, BadLabels)
    said = str(refused.exception)
    assert said.startswith(f"{file}, line 2, photo b.png: the label is empty")
    assert said.endswith(
        ". In all: 2 rows that can't be understood, 1 photo whose rows disagree, 2 labelled "
        "photos that aren't there; "
        f"`flukeprint data check {file} --photos {tmp_path}` lists each"
    )


@pytest.mark.parametrize("command", ["check", "explore", "split", "pack"])
def test_labels_that_are_not_there_say_what_is_allowed(command: str, tmp_path: Path) -> None:
    out = () if command == "check" else ("--out", tmp_path / "out")
    refused = invoke(command, tmp_path / "nope.csv", "--photos", tmp_path, *out)
    assert isinstance(refused.exception, BadLabels)
    assert "nope.csv: there is no such file. Give the labels as a CSV with the columns" in str(
        refused.exception
    )
    refused = invoke(command, "--photos", tmp_path / "nope", *out)
    assert "there is no such folder; give the folder of the photographs (--photos)" in str(
        refused.exception
    )


def test_explore_writes_everything(labels: tuple[object, ...], tmp_path: Path) -> None:
    out = tmp_path / "out"
    explored = invoke("explore", *labels, "--out", out, "--sheets", 1, "--label", "w_2")
    assert explored.exit_code == 0, explored.output
    assert {path.name for path in out.iterdir()} == {
        "explore.html",
        "explore.json",
        "photos-per-label.png",
        "sheet-01.png",
        "sheet-02.png",
        "tones.png",
    }
    assert json.loads((out / "explore.json").read_text())["per_label"] == {"w_1": 2, "w_2": 1}
    assert "with 2 figures and 2 contact sheets" in explored.output.replace("\n", " ")
