"""training/splits/split_set.py and the command: what is typed, what is written, what is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from embedding.errors import FlukeprintError
from index.labels.reader import LabelledPhoto, read_labels
from training.commands.data import register
from training.splits.protocol import BadSplit, make_split, write_split
from training.splits.stratified import BadShares


def invoke(*arguments: object) -> Result:
    app = typer.Typer()
    register(app)
    app.command("other")(lambda: None)
    return CliRunner().invoke(app, ["data", "split", *map(str, arguments)], env={"COLUMNS": "120"})


Labelled = Callable[[str], tuple[Path, Path]]


@pytest.fixture
def labelled(tmp_path: Path) -> Labelled:
    """Write a label file and an empty file for every photo of it."""

    def _labelled(text: str) -> tuple[Path, Path]:
        folder = tmp_path / "photos"
        folder.mkdir()
        for line in text.splitlines()[1:]:
            (folder / line.partition(",")[0]).touch()
        (tmp_path / "labels.csv").write_text(text)
        return tmp_path / "labels.csv", folder

    return _labelled


PETS = "image,label\n" + "".join(
    f"{pet}{at}.jpg,{pet}\n" for pet in ("cat", "dog") for at in range(50)
)
MET = "image,label,encounter,taken_at\n" + "".join(
    f"{at}_{day}_{one}.jpg,w{at},e{at}{day},2020-{day:02}-{1 + at:02}\n"
    for at in range(10)
    for day in range(1, 6)
    for one in range(2)
)


def test_cats_and_dogs(labelled: Labelled, tmp_path: Path) -> None:
    labels, folder = labelled(PETS)
    done = invoke(labels, "--photos", folder, "--out", tmp_path / "split.csv")
    assert done.exit_code == 0, done.output
    assert "closed-set, seed 0" in done.output and "60.0%" in done.output
    assert "checked: train holds every individual that is asked about" in done.output
    rows = [line.split(",") for line in (tmp_path / "split.csv").read_text().splitlines()]
    assert rows[0] == ["image", "part", "role"]
    assert sum(name.startswith("cat") and part == "test" for name, part, _ in rows) == 10


def test_the_same_seed_is_the_same_file(labelled: Labelled, tmp_path: Path) -> None:
    labels, folder = labelled(PETS)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        invoke(labels, "--photos", folder, "--out", tmp_path / name, "--seed", seed)
    first, again, other = ((tmp_path / name).read_bytes() for name in "abc")
    assert first == again != other


def test_encounters_and_the_calendar_are_heeded_where_they_are_told(
    labelled: Labelled, tmp_path: Path
) -> None:
    labels, folder = labelled(MET)
    done = invoke(labels, "--photos", folder, "--out", tmp_path / "split.csv", "--json")
    assert "note: split by the calendar, as 100 of 100 photos have taken_at" in done.output
    told = json.loads(done.stdout)
    assert (told["by_encounter"], told["by_time"]) == (True, True)
    assert told["parts"]["test"] == {
        "photos": 20,
        "individuals": 10,
        "encounters": 10,
        "new_whale": 0,
        "roles": {"known_query": 20},
    }
    assert "the test begins 2020-05-01, and train ends 2020-03-10" in told["checked"]
    plain = invoke(
        labels,
        "--photos",
        folder,
        "--out",
        tmp_path / "b.csv",
        "--json",
        "--no-time",
        "--no-encounters",
    )
    assert json.loads(plain.stdout)["by_encounter"] is False


def test_protocol_is_the_file_that_train_leaves(
    whale_folder: Path, whales: list[LabelledPhoto], tmp_path: Path
) -> None:
    write_split(make_split(whales, 3), tmp_path / "theirs.csv")
    labels = whale_folder / "labels.csv"
    done = invoke(
        labels,
        "--photos",
        whale_folder,
        "--out",
        tmp_path / "ours.csv",
        "--kind",
        "protocol",
        "--seed",
        "3",
    )
    assert done.exit_code == 0 and "unknown_query" in done.output
    assert (tmp_path / "ours.csv").read_bytes() == (tmp_path / "theirs.csv").read_bytes()


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        (
            ("--kind", "open"),
            BadSplit,
            "--kind open; allowed are closed-set, open-set, identity-disjoint, protocol",
        ),
        (("--kind", "protocol", "--test", "0.1"), BadSplit, "give it --seed alone"),
        (("--validation", "0.6", "--test", "0.5"), BadShares, "less than 1"),
        (("--unknown", "-1"), BadShares, "unknown share -1"),
        (("--time",), BadSplit, "no photo has the column taken_at filled"),
        (("--encounters",), BadSplit, "no photo has the column encounter filled"),
        (("--kind", "identity-disjoint"), BadSplit, "leaves validation without a photo"),
    ],
)
def test_slips_are_told_and_leave_nothing(
    options: tuple[str, ...],
    kind: type[FlukeprintError],
    said: str,
    labelled: Labelled,
    tmp_path: Path,
) -> None:
    labels, folder = labelled(
        "image,label\n" + "".join(f"{at}.jpg,w{at % 2}\n" for at in range(20))
    )
    done = invoke(labels, "--photos", folder, "--out", tmp_path / "split.csv", *options)
    assert isinstance(done.exception, kind) and said in str(done.exception)
    assert not (tmp_path / "split.csv").exists()


def test_an_open_set_without_strangers_is_noted(labelled: Labelled, tmp_path: Path) -> None:
    labels, folder = labelled(PETS)
    done = invoke(labels, "--photos", folder, "--out", tmp_path / "split.csv", "--kind", "open-set")
    assert "note: too few individuals for one to be unknown" in done.output


@pytest.mark.shared
@pytest.mark.parametrize("kind", ["closed-set", "open-set", "identity-disjoint"])
def test_real_labels_keep_all_promises(kind: str, shared: Path, tmp_path: Path) -> None:
    humpback = shared / "data" / "humpback"
    options = ("--out", tmp_path / "split.csv", "--kind", kind, "--json")
    told = json.loads(
        invoke(humpback / "train.csv", "--photos", humpback / "photos", *options).stdout
    )
    assert told["photos"] == len(read_labels(humpback / "train.csv", humpback / "photos").photos)
    assert "individuals of a single photo are in train (996 individuals)" in told["checked"]
    assert told["parts"]["test"]["photos"] > 800
