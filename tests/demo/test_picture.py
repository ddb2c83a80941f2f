from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from demo.album import Query
from demo.picture import draw_answers, save_answers
from demo.serving import Answer
from embedding.photos.photo import from_array, read_photo, save_jpeg, to_array
from index.search.matching import Match

GREEN, RED, BLUE = (0, 200, 0), (200, 0, 0), (0, 0, 200)


@pytest.fixture
def answers(tmp_path: Path) -> list[Answer]:
    for name, colour in (("question.jpg", RED), ("a.jpg", GREEN), ("b.jpg", BLUE)):
        save_jpeg(from_array(np.full((60, 120, 3), colour, np.uint8)), tmp_path / name)
    matches = (Match("w_a", 0.1, 0.9, "a.jpg"), Match("w_b", 0.5, 0.1, "b.jpg"))
    query = Query(tmp_path / "question.jpg", "w_a")
    return [
        Answer(query, "known", 0.9, matches),
        Answer(Query(query.photo, None), "known", 0.9, matches[:1]),
    ]


def test_each_row_is_the_query_and_then_its_matches_in_order(
    answers: list[Answer], tmp_path: Path
) -> None:
    pixels = to_array(draw_answers(answers, tmp_path)).astype(int)
    row_px = pixels.shape[0] // 2

    def at(row: int, column: int) -> np.ndarray:
        return pixels[row * row_px + 80, column * pixels.shape[1] // 4 + pixels.shape[1] // 8]

    assert np.abs(at(0, 0) - RED).max() < 8
    assert np.abs(at(0, 1) - GREEN).max() < 8
    assert np.abs(at(0, 2) - BLUE).max() < 8
    assert at(0, 3).min() > 240  # no third match: paper
    assert np.abs(at(1, 1) - GREEN).max() < 8
    assert at(1, 2).min() > 240


def test_right_rows_are_framed_green_and_wrong_ones_red(
    answers: list[Answer], tmp_path: Path
) -> None:
    pixels = to_array(draw_answers(answers, tmp_path)).astype(int)
    row_px = pixels.shape[0] // 2
    right, wrong = pixels[12, 100], pixels[row_px + 8, 100]
    assert right[1] > right[0] + 50
    assert wrong[0] > wrong[1] + 50


def test_captions_are_written_under_the_photos(answers: list[Answer], tmp_path: Path) -> None:
    pixels = to_array(draw_answers(answers, tmp_path))
    caption = pixels[14 + 150 + 3 : 14 + 150 + 38, 14:314]
    assert (caption.min(axis=2) < 128).sum() > 200


def test_the_saved_picture_is_a_png_that_reads_back(answers: list[Answer], tmp_path: Path) -> None:
    path = tmp_path / "answers.png"
    save_answers(answers, tmp_path, path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert np.array_equal(to_array(read_photo(path)), to_array(draw_answers(answers, tmp_path)))
