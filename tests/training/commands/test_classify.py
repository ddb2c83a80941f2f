from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from embedding.checkpoint import DEFAULT_CHECKPOINT

ROOT = Path(__file__).resolve().parents[3]


def flukeprint(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flukeprint", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )


def test_a_folder_is_classified_and_an_unreadable_photo_stops_nobody(
    learned: Path, kind_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "asked"
    (folder / "sub").mkdir(parents=True)
    for name in ("bumble_00.png", "sub/wasp_01.png"):
        (folder / name).write_bytes((kind_folder / Path(name).name).read_bytes())
    (folder / "empty.jpg").touch()

    done = flukeprint(
        "classify",
        folder,
        "--checkpoint",
        learned / "best.safetensors",
        "--out",
        tmp_path / "p.csv",
    )

    assert done.returncode == 1
    assert "empty.jpg" in done.stderr
    assert done.stdout.startswith(f"{tmp_path / 'p.csv'}: 2 photos; most are ")
    with (tmp_path / "p.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == ["bumble_00.png", "sub/wasp_01.png"]
    for row in rows:
        assert {row["label"], row["second_label"]} < {"bumble", "honey", "wasp"}
        assert 1.0002 > float(row["probability"]) + float(row["second_probability"]) > 0.6


def test_a_checkpoint_of_individuals_is_refused_before_any_photo(
    kind_folder: Path, tmp_path: Path
) -> None:
    done = flukeprint(
        "classify", kind_folder, "--checkpoint", DEFAULT_CHECKPOINT, "--out", tmp_path / "p.csv"
    )
    assert done.returncode == 2
    assert "knows no classes. Train one that does: `flukeprint train classify" in done.stderr
    assert not (tmp_path / "p.csv").exists()


def test_nothing_is_written_where_no_photo_can_be_read(learned: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    done = flukeprint(
        "classify",
        tmp_path / "empty.jpg",
        "--checkpoint",
        learned / "best.safetensors",
        "--out",
        tmp_path / "p.csv",
    )
    assert done.returncode == 2
    assert "no photo could be read" in done.stderr
    assert not (tmp_path / "p.csv").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--photos", "a", "--photos", "b"], "0 label files and 2 folders"),
        (["--photos", "a", "--extra-photos", "b"], "--extra-photos is for recipes of individuals"),
    ],
)
def test_train_says_what_a_recipe_for_classes_does_not_take(
    words: list[str], said: str, tmp_path: Path
) -> None:
    done = flukeprint("train", "classify", *words, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert said in " ".join(done.stderr.replace("│", " ").split())
    assert not (tmp_path / "run").exists()
