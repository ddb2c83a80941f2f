"""Every command of README.md runs, in order, on drawn whales; then docs/formats.md reads the files
they left.
"""

from __future__ import annotations

import ast
import csv
import json
import re
import shutil
import sys
from collections.abc import Generator, Iterable
from pathlib import Path

import numpy as np
import pytest

from demo.anatomy import Individual
from demo.photograph import photograph
from embedding.photos.photo import save_jpeg
from tests.house.fenced_blocks import (
    BLOCK,
    INSTEAD,
    ROOT,
    Walk,
    blocks_of,
    free_port,
    walk_through,
)


def draw(
    folder: Path, labels: Path, header: tuple[str, str], photos: Iterable[tuple[str, int, int, str]]
) -> None:
    """Draw (file name, whale, number of its photo, label) into a folder, and write the labels."""
    folder.mkdir(parents=True)
    rows = [header]
    for name, whale, number, label in photos:
        save_jpeg(
            photograph(Individual.from_seed(whale), np.random.default_rng([whale, number])),
            folder / name,
        )
        rows.append((name, label))
    with labels.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def lay_out(folder: Path) -> None:
    """The files that the README's commands name."""
    whales = [
        (f"w_{whale:02d}_{number}.jpg", whale, number, f"w_{whale:02d}")
        for whale in range(20)
        for number in range(4)
    ]
    draw(folder / "photos", folder / "whales.csv", ("image", "label"), whales)
    season = [
        (f"s_{whale:02d}_{number}.jpg", whale, 10 + number, f"w_{whale:02d}")
        for whale in (3, 20, 21)
        for number in range(2)
    ]
    draw(folder / "season", folder / "season.csv", ("image", "label"), season)
    shutil.copy(folder / "photos" / "w_03_1.jpg", folder / "fluke.jpg")
    kaggle = folder / "humpback"
    train = [
        (f"{whale}{number}.jpg", whale, number, f"w_{whale:02d}")
        for whale in range(30, 38)
        for number in range(2)
    ]
    unknown = [(f"new{whale}.jpg", whale, 0, "new_whale") for whale in (40, 41)]
    draw(kaggle / "train", kaggle / "train.csv", ("Image", "Id"), [*train, *unknown])
    test = [(f"test{whale}.jpg", whale, 5, "new_whale w_1 w_2 w_3 w_4") for whale in range(30, 35)]
    draw(kaggle / "test", kaggle / "sample_submission.csv", ("Image", "Id"), test)
    (folder / ".venv").symlink_to(sys.prefix)


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Generator[Walk]:
    """The README walked through from its first command to its last, then docs/formats.md in the
    same folder.
    """
    folder = tmp_path_factory.mktemp("readme")
    lay_out(folder)
    port = free_port()
    readme = blocks_of((ROOT / "README.md").read_text("utf-8"), INSTEAD, port)
    formats = blocks_of((ROOT / "docs" / "formats.md").read_text("utf-8"), {}, port)
    return walk_through([*readme, *formats], folder, port)


@pytest.mark.slow
def test_curl_and_python_are_told_whose_fluke_it_is(walk: Walk) -> None:
    first = json.JSONDecoder().raw_decode(walk.of("curl"))[0]
    match = first["results"][0]["matches"][0]
    # The photo asked about is one of the catalogue's: at no distance from itself.
    assert (match["individual"], match["photo"], match["distance"]) == ("w_03", "w_03_1.jpg", 0.0)
    assert first["results"][0]["decision"] == "known"
    assert walk.of("import httpx").splitlines()[1].startswith("1 w_03 0.0 ")


@pytest.mark.slow
def test_the_service_ends_cleanly_on_ctrl_c(walk: Walk) -> None:
    assert walk.served_with == 0


@pytest.mark.slow
def test_the_season_is_in_the_catalogue(walk: Walk) -> None:
    assert "6 photos added" in walk.of("flukeprint index update --csv season.csv")


@pytest.mark.slow
def test_the_submission_has_a_row_a_test_photo(walk: Walk) -> None:
    with (walk.folder / "submission.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["Image"] for row in rows] == [f"test{whale}.jpg" for whale in range(30, 35)]
    assert all(len(set(row["Id"].split())) == 5 and "new_whale" in row["Id"] for row in rows)


@pytest.mark.slow
def test_the_formats_page_reads_what_the_readme_left(walk: Walk) -> None:
    printed = "\n".join(walk.printed.values())
    assert re.search(r"^\['mobilenetv2_100'\] 112 humpback-vlad$", printed, flags=re.MULTILINE)
    assert re.search(r"^revision 3 with 86 vectors of length 1\.0$", printed, flags=re.MULTILINE)
    assert re.search(r"^5 photos; test30\.jpg -> \[", printed, flags=re.MULTILINE)


def test_the_formats_page_needs_numpy_at_most() -> None:
    blocks = blocks_of((ROOT / "docs" / "formats.md").read_text("utf-8"), {}, 0)
    assert len(blocks) >= 5
    imported = {
        name.name.partition(".")[0]
        for block in blocks
        for node in ast.walk(ast.parse(block.run))
        if isinstance(node, ast.Import)
        for name in node.names
    }
    assert not any(
        isinstance(node, ast.ImportFrom)
        for block in blocks
        for node in ast.walk(ast.parse(block.run))
    )
    assert imported - set(sys.stdlib_module_names) == {"numpy"}


def test_every_replacement_is_of_something_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert [old for old in INSTEAD if old not in text] == []


def test_every_fenced_block_is_run() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(BLOCK.findall(text)) == text.count("```") / 2 >= 10
