"""training/evaluation/figures.py: pictures of an evaluation that show what they say."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from embedding.embedder import Embedder
from embedding.explanation.heatmap import RIGHT, WRONG
from embedding.networks.network import Network, NetworkConfig
from embedding.photos.photo import Box, crop, read_photo, resize, to_array
from embedding.photos.preprocessing import Preprocessing
from index.labels.reader import LabelledPhoto
from training.evaluation.failures import known_results
from training.evaluation.figures import (
    PhotoReader,
    draw_cmc,
    draw_det,
    draw_numbered_sheets,
    draw_sheets,
)
from training.evaluation.protocol import Answers, answers_of
from training.splits.protocol import Split, make_split

QUERIES = 12  # at most, on a sheet
TILE_PX = (224, 128)
ROW_PX, TOP_PX = 128 + 2 * 17 + 10, 37  # two lines of words below each tile, and the heading


def drawn(path: Path) -> tuple[tuple[int, int], np.ndarray]:
    """The picture's size and pixels; fails for anything but a whole PNG."""
    with Image.open(path) as picture:
        picture.load()
        assert picture.format == "PNG"
        return picture.size, np.asarray(picture.convert("RGB"))


@pytest.fixture(scope="module")
def split(whales: list[LabelledPhoto]) -> Split:
    return make_split(whales)


def answers(whales: list[LabelledPhoto], split: Split, noise: float) -> Answers:
    """Vectors near their individual's own direction; the noise makes misses."""
    rng = np.random.default_rng(8)
    individuals = [photo.individual or photo.name for photo in whales]
    ids = sorted(set(individuals))
    directions = rng.normal(size=(len(ids), 16))
    vectors = directions[[ids.index(one) for one in individuals]] + noise * rng.normal(
        size=(len(whales), 16)
    )
    return answers_of(
        (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), whales, split
    )


def test_det_and_cmc_are_curves_on_white(
    whales: list[LabelledPhoto], split: Split, tmp_path: Path
) -> None:
    found = answers(whales, split, 1.0)
    draw_det(found, tmp_path / "det.png", "whales")
    draw_cmc(found, tmp_path / "cmc.png", "whales")
    for name in ("det.png", "cmc.png"):
        size, pixels = drawn(tmp_path / name)
        assert size == (600, 500)
        assert (pixels == 255).all(axis=2).mean() > 0.5
        assert (np.ptp(pixels.astype(int), axis=2) > 60).sum() > 200  # a coloured line


def test_sheets_show_query_answer_and_other_in_rows(
    whales: list[LabelledPhoto], split: Split, tmp_path: Path
) -> None:
    found = answers(whales, split, 1.0)
    hits, misses = int((found.known_ranks == 1).sum()), int((found.known_ranks > 1).sum())
    assert hits and misses
    draw_sheets(found, PhotoReader.of(whales), tmp_path)
    for name, count, frames in (
        ("hits.png", hits, (RIGHT, WRONG)),
        ("misses.png", misses, (WRONG, RIGHT)),
    ):
        size, pixels = drawn(tmp_path / name)
        assert size == (3 * 234 + 10, min(count, QUERIES) * ROW_PX + TOP_PX)
        assert tuple(pixels[TOP_PX + 20, 7]) not in (
            RIGHT,
            WRONG,
        )  # beside the query, the answer and the other
        assert tuple(pixels[TOP_PX + 20, 241]) == frames[0]
        assert tuple(pixels[TOP_PX + 20, 475]) == frames[1]


def test_a_sheet_shows_the_photos_themselves_nearest_first(
    whales: list[LabelledPhoto], split: Split, tmp_path: Path
) -> None:
    found = answers(whales, split, 0.1)
    draw_sheets(found, PhotoReader.of(whales), tmp_path)
    _, pixels = drawn(tmp_path / "hits.png")
    hits = [each for each in known_results(found) if each.rank == 1]
    first = min(hits, key=lambda each: (each.own.distance, each.photo.name))
    assert first.other is not None
    for column, name in enumerate((first.photo.name, first.own.photo, first.other.photo)):
        wanted = to_array(
            resize(read_photo(next(p.path for p in whales if p.name == name)), *TILE_PX)
        )
        left = 10 + 234 * column
        np.testing.assert_array_equal(
            pixels[TOP_PX : TOP_PX + TILE_PX[1], left : left + TILE_PX[0]], wanted
        )


def test_with_an_embedder_heat_follows_and_boxes_are_cut_out(
    whales: list[LabelledPhoto], split: Split, tmp_path: Path
) -> None:
    torch.manual_seed(3)
    network = Network(NetworkConfig("test_resnet", 4))
    embedder = Embedder(
        network, Preprocessing(32, 32, crop="box", box_margin=0.0), "", device="cpu"
    )
    boxed = [dataclasses.replace(photo, box=Box(0.0, 0.0, 0.5, 1.0)) for photo in whales]
    found = answers(boxed, split, 0.1)
    name = min(
        (each for each in known_results(found) if each.rank == 1),
        key=lambda each: (each.own.distance, each.photo.name),
    ).photo.name
    image = read_photo(next(photo.path for photo in whales if photo.name == name))
    for with_boxes, shown in ((True, crop(image, Box(0.0, 0.0, 0.5, 1.0))), (False, image)):
        reader = PhotoReader.of(boxed, embedder, with_boxes=with_boxes)
        draw_sheets(found, reader, tmp_path)
        size, pixels = drawn(tmp_path / "hits.png")
        assert size[0] == 7 * 234 + 10
        query = pixels[TOP_PX : TOP_PX + TILE_PX[1], 10 : 10 + TILE_PX[0]]
        np.testing.assert_array_equal(query, to_array(resize(shown, *TILE_PX)))
        heated = pixels[TOP_PX : TOP_PX + TILE_PX[1], 10 + 3 * 234 : 10 + 3 * 234 + TILE_PX[0]]
        assert not np.array_equal(heated, query)


def test_without_misses_there_is_no_sheet_of_them(
    whales: list[LabelledPhoto], split: Split, tmp_path: Path
) -> None:
    draw_sheets(answers(whales, split, 0.01), PhotoReader.of(whales), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["hits.png"]


def test_the_same_answers_make_the_same_sheets(
    whales: list[LabelledPhoto], split: Split, tmp_path: Path
) -> None:
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        draw_sheets(answers(whales, split, 1.0), PhotoReader.of(whales), folder)
    assert (tmp_path / "one" / "misses.png").read_bytes() == (
        tmp_path / "two" / "misses.png"
    ).read_bytes()


def test_numbered_sheets_show_all_of_them(
    whales: list[LabelledPhoto], split: Split, tmp_path: Path
) -> None:
    asked = known_results(answers(whales, split, 1.0))
    paths = draw_numbered_sheets(asked, PhotoReader.of(whales), tmp_path, "asked", rows=4)
    assert [path.name for path in paths] == [
        f"asked-{number:02}.png" for number in range(1, -(-len(asked) // 4) + 1)
    ]
    rows = [(drawn(path)[0][1] - TOP_PX) // ROW_PX for path in paths]
    assert sum(rows) == len(asked) and set(rows[:-1]) == {4}
    assert draw_numbered_sheets([], PhotoReader.of(whales), tmp_path) == []
