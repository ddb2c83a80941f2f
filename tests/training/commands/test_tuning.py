"""training/commands/tuning.py: what a user types, and what is said back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner, Result

from embedding.checkpoint import read_header
from embedding.errors import FlukeprintError
from index.labels.reader import LabelledPhoto
from training.commands import train
from training.splits.protocol import make_split, write_split
from training.tuning.sweep.study import BadStudy


def invoke(*arguments: object) -> Result:
    app = typer.Typer()
    train.register(app)
    return CliRunner().invoke(app, [str(each) for each in arguments])


@pytest.fixture
def labels(whale_folder: Path, pixel_cache: Path) -> tuple[object, ...]:
    return ("--csv", whale_folder / "labels.csv", "--photos", whale_folder, "--cache", pixel_cache)


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others(
    labels: tuple[object, ...], fast_options: list[str], tmp_path: Path
) -> None:
    for name, seed in (("first", 3), ("again", 3), ("other", 4)):
        options = ("--out", tmp_path / name, *fast_options, "--set", f"seed={seed}")
        done = invoke("train", "tiny", *labels, *options)
        assert done.exit_code == 0, done.output
    same = invoke(
        "runs",
        "compare",
        tmp_path / "first",
        tmp_path / "again",
        "--curves",
        tmp_path / "curves.png",
    )
    assert same.exit_code == 0, same.output
    assert "choices: identical" in same.output and "different" not in same.output
    assert "figures of every epoch, to the last digit: identical" in same.output
    assert "checkpoint's fingerprint: identical" in same.output
    assert (tmp_path / "curves.png").exists()
    parted = json.loads(
        invoke("runs", "compare", tmp_path / "first", tmp_path / "other", "--json").output
    )
    assert parted["choices"] == [["seed", 3, 4]]
    assert (parted["has_same_metrics"], parted["has_same_fingerprint"], parted["parts_at"]) == (
        False,
        False,
        1,
    )
    assert parted["has_same_photos"]

    listed = invoke("runs", tmp_path, "--filter", "recipe=tiny")
    assert listed.exit_code == 0 and "over seeds" in listed.output, listed.output
    told = json.loads(invoke("runs", tmp_path, "--json", "--sort", "-run").output)
    assert [Path(run["run"]).name for run in told["runs"]] == ["again", "first", "other"]
    assert (
        told["runs"][0]["fingerprint"]
        == told["runs"][1]["fingerprint"]
        != told["runs"][2]["fingerprint"]
    )
    assert all(
        run["is_finished"] and run["seconds"] > 0 and run["machine"]["threads"] == 1
        for run in told["runs"]
    )
    (group,) = told["over_seeds"]
    assert group["seeds"] == [3, 4]
    assert (
        invoke("runs", "list", tmp_path, "--json", "--sort", "-run").output
        == json.dumps(told, indent=2) + "\n"
    )


def test_a_sweep_of_real_trainings(
    labels: tuple[object, ...], fast_options: list[str], tmp_path: Path
) -> None:
    vary = (
        "--vary",
        "optimiser.kind=adamw|sgd",
        "--sampler",
        "grid",
        "--pruner",
        "none",
        "--workers",
        2,
    )
    options = ("--out", tmp_path / "sweep", *fast_options, "--set", "schedule.epochs=1")
    done = invoke("sweep", "tiny", *labels, *vary, *options)
    assert done.exit_code == 0, done.output
    assert f"train it by: flukeprint train {tmp_path / 'sweep' / 'best.toml'}" in done.output
    told = json.loads(invoke("runs", tmp_path / "sweep", "--json").output)
    scores = [run["metrics"]["score"] for run in told["runs"]]
    assert f"score {scores[0]:.4f}" in done.output and len(scores) == 2
    again = invoke("train", tmp_path / "sweep" / "best.toml", *labels, "--out", tmp_path / "best")
    assert again.exit_code == 0, again.output
    (run,) = json.loads(invoke("runs", tmp_path / "best", "--json").output)["runs"]
    assert run["metrics"]["score"] == scores[0]


def test_a_sweep_learns_from_extra_photos_by_a_split_and_goes_on_with_no_others(
    labels: tuple[object, ...], whales: list[LabelledPhoto], fast_options: list[str], tmp_path: Path
) -> None:
    split, more = tmp_path / "split.csv", tmp_path / "more"
    write_split(make_split(whales, 7), split)
    more.mkdir()
    Image.new("RGB", (48, 32), (9, 90, 200)).save(more / "x.png")
    (more / "x.csv").write_text("image,label,probability\nx.png,new_whale,0.9\n")
    beginning = (
        "sweep",
        "tiny",
        *labels,
        "--out",
        tmp_path / "sweep",
        *fast_options,
        "--set",
        "schedule.epochs=1",
    )
    beginning = (*beginning, "--vary", "optimiser.kind=adamw|sgd", "--trials", 1)
    given = {"--split": split, "--extra-photos": more, "--extra-csv": more / "x.csv"}

    def words(**other: Path | None) -> list[object]:
        named = given | {f"--{name.replace('_', '-')}": path for name, path in other.items()}
        return [word for name, path in named.items() if path is not None for word in (name, path)]

    done = invoke(*beginning, *words())
    assert done.exit_code == 0, done.output
    trial = tmp_path / "sweep" / "trials" / "000"
    assert (trial / "split.csv").read_bytes() == split.read_bytes()
    card = read_header(trial / "best.safetensors").card
    alone = invoke("train", tmp_path / "sweep" / "best.toml", *labels, "--out", tmp_path / "alone")
    assert alone.exit_code == 0, alone.output
    assert (tmp_path / "alone" / "split.csv").read_bytes() == split.read_bytes()
    assert card["photos"] == read_header(tmp_path / "alone" / "best.safetensors").card["photos"] + 1

    (tmp_path / "copy.csv").write_bytes((more / "x.csv").read_bytes())
    for other in ({"split": None}, {"extra_csv": None}, {"extra_csv": tmp_path / "copy.csv"}):
        refused = invoke(*beginning, *words(**other), "--resume")
        assert isinstance(refused.exception, BadStudy)
        assert "begun with other split and extra labels" in str(refused.exception)
    write_split(make_split(whales, 8), split)  # the same name, and other content
    assert isinstance(invoke(*beginning, *words(), "--resume").exception, BadStudy)
    write_split(make_split(whales, 7), split)
    assert invoke(*beginning, *words(), "--resume").exit_code == 0
    missing = invoke(*beginning, *words(extra_photos=None), "--resume")
    assert missing.exit_code == 2
    assert "give that folder too" in " ".join(missing.output.replace("│", " ").split())


def test_a_sweep_tells_a_slip_before_it_begins(labels: tuple[object, ...], tmp_path: Path) -> None:
    out = ("--out", tmp_path / "sweep")
    for arguments, said in (
        (("tiny", *labels, *out), "nothing is varied"),
        (("tinny", *labels, *out, "--vary", "seed=0|1"), "no recipe 'tinny'"),
        (("tiny", "--photos", tmp_path / "absent", *out, "--vary", "seed=0|1"), "no such folder"),
        (("tiny", *labels, *out, "--vary", "sede=0|1"), "unknown key 'sede'"),
        (
            ("tiny", *labels, *out, "--vary", "seed=0|1", "--split", tmp_path / "nope.csv"),
            "nope.csv: there is no such",
        ),
    ):
        done = invoke("sweep", *arguments)
        assert isinstance(done.exception, FlukeprintError) and said in str(done.exception), (
            done.output
        )
    assert not (tmp_path / "sweep").exists()
    assert invoke("sweep", "tiny", *labels, *out, "--sampler", "guess").exit_code == 2


def test_a_model_is_summed_up() -> None:
    recipe = ("--recipe", "tiny", "--set", "network.backbone=test_resnet", "--device", "cpu")
    told = json.loads(invoke("model", "summary", *recipe, "--json", "--no-speed").output)
    assert told["dimension"] == 32 and told["measured"] is None
    shown = invoke("model", "summary", *recipe, "--batch", 4)
    assert shown.exit_code == 0, shown.output
    assert (
        "backbone" in shown.stdout
        and "photos/s" in shown.stdout
        and f"{told['parameters']:,}" in shown.stdout
    )
    assert shown.stderr.startswith(
        "timing photos a second in batches of 1 and 4; --no-speed leaves it out\n"
    )
    # The tables come first, since timing takes a while.
    assert (
        0
        < shown.output.index("parameters")
        < shown.output.index("timing photos")
        < shown.output.index("photos/s")
    )
    refused = invoke("model", "summary", "--set", "input.width_px=64")
    assert refused.exit_code == 2 and "--recipe" in refused.output
