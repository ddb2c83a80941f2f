"""embedding/explanation/heatmap.py: colours that mean something, tiles that stay where they
belong.
"""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from embedding.explanation.heatmap import RIGHT, WRONG, Tile, heat_over, png_bytes, tiled
from embedding.photos.photo import to_array

GREEN = np.full((40, 60, 3), (20, 200, 20), np.uint8)
PAPER = (252, 252, 250)


def test_red_speaks_for_blue_against_and_nothing_for_nothing() -> None:
    heat = np.array([[1.0, 0.0, -1.0]])
    over = heat_over(np.full((20, 300, 3), 128, np.uint8), heat, 1.0).astype(int)
    left, middle, right = over[10, 5], over[10, 150], over[10, 295]
    assert left[0] > left[2] + 100 and right[2] > right[0] + 100
    assert np.abs(middle - 128).max() < 3


def test_the_photo_shows_through_in_grey() -> None:
    over = heat_over(GREEN, np.zeros((2, 3)), 1.0).astype(int)
    assert np.ptp(over) == 0 and over[0, 0, 0] == pytest.approx(
        0.299 * 20 + 0.587 * 200 + 0.114 * 20, abs=1
    )
    assert (
        heat_over(GREEN, np.zeros((2, 3)), 0.0).tolist() == over.tolist()
    )  # two photos without any heat


def test_colour_is_as_strong_as_the_share_of_the_strongest() -> None:
    view = np.zeros((8, 8, 3), np.uint8)
    full, half, beyond = (
        heat_over(view, np.array([[value]]), 2.0)[4, 4].astype(int) for value in (2.0, 1.0, 9.0)
    )
    np.testing.assert_allclose(half, full / 2, atol=1)
    assert full.tolist() == beyond.tolist()


def test_tiles_stand_in_their_rows_with_frames_around_and_words_below() -> None:
    red, blue = (np.full((40, 60, 3), colour, np.uint8) for colour in ((200, 0, 0), (0, 0, 200)))
    rows = [
        [Tile(GREEN, ("query",)), Tile(red, ("wrong",), WRONG)],
        [Tile(blue, ("right",), RIGHT)],
    ]
    pixels = to_array(tiled(rows))
    assert pixels.shape == (2 * (40 + 17 + 10) + 10, 2 * 70 + 10, 3)
    assert pixels[30, 40].tolist() == [20, 200, 20]
    assert pixels[30, 110].tolist() == [200, 0, 0]
    assert pixels[97, 40].tolist() == [0, 0, 200]
    assert tuple(pixels[97, 110]) == PAPER
    for at in ((8, 110), (30, 78), (51, 110), (30, 141)):  # above, left, below, right
        assert tuple(pixels[at]) == WRONG
    assert tuple(pixels[30, 8]) == PAPER and tuple(pixels[97, 8]) == RIGHT
    assert (pixels[54:70, 10:70].min(axis=2) < 128).sum() > 30


def test_a_heading_moves_everything_down() -> None:
    pixels = to_array(tiled([[Tile(GREEN)]], "heading"))
    assert pixels[57, 40].tolist() == [20, 200, 20]
    assert (pixels[:30].min(axis=2) < 128).sum() > 30


def test_long_words_stay_over_their_own_tile_and_keep_both_ends() -> None:
    long = tiled([[Tile(GREEN, ("a" * 400,)), Tile(GREEN)]])
    assert tuple(to_array(long)[54:70, 74:130].reshape(-1, 3).min(axis=0)) == PAPER
    ends = [to_array(tiled([[Tile(GREEN, (f"w{'x' * 200}{end}",))]])).tolist() for end in "18"]
    assert ends[0] != ends[1]


def test_no_tiles_are_an_empty_sheet() -> None:
    assert tiled([]).size == (10, 10)


def test_png_reads_back() -> None:
    image = tiled([[Tile(GREEN)]])
    with Image.open(io.BytesIO(png_bytes(image))) as read:
        assert read.format == "PNG" and np.array_equal(np.asarray(read), np.asarray(image))
