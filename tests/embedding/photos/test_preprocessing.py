"""embedding/photos/preprocessing.py: what becomes of an image's pixels, and how the description
travels.
"""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from embedding.photos.photo import Box
from embedding.photos.preprocessing import BadPreprocessing, Preprocessing

BLUE, RED = (0, 0, 255), (255, 0, 0)


def half_red(width: int = 80, height: int = 40) -> Image.Image:
    """Blue on the left, red on the right."""
    image = Image.new("RGB", (width, height), BLUE)
    image.paste(RED, (width // 2, 0, width, height))
    return image


def test_squash_fills_the_input_whatever_the_aspect() -> None:
    pixels = Preprocessing(32, 16).pixels(half_red(31, 90))
    assert pixels.shape == (16, 32, 3) and pixels.dtype == np.uint8
    assert (pixels[:, :12] == BLUE).all() and (pixels[:, 20:] == RED).all()


def test_pad_keeps_the_aspect_and_fills_with_the_mean() -> None:
    pixels = Preprocessing(40, 40, mean=(0.2, 0.4, 0.6), fit="pad").pixels(half_red(80, 40))
    assert (pixels[:10] == (51, 102, 153)).all() and (pixels[30:] == (51, 102, 153)).all()
    assert (pixels[10:30, :18] == BLUE).all() and (pixels[10:30, 22:] == RED).all()


def test_the_region_is_what_the_pixels_show() -> None:
    image, box = half_red(80, 40), Box(0.25, 0.0, 0.75, 1.0)
    squashed = Preprocessing(40, 40, crop="box", box_margin=0.1)
    assert squashed.region(image) == Box(0.0, 0.0, 1.0, 1.0)
    assert squashed.region(image, box) == pytest.approx((0.2, 0.0, 0.8, 1.0))
    padded = Preprocessing(40, 40, fit="pad")
    assert padded.region(image, box) == pytest.approx((0.0, -0.5, 1.0, 1.5))
    both = Preprocessing(40, 20, fit="pad", crop="box", box_margin=0.0)
    assert both.region(image, box) == pytest.approx((0.0, 0.0, 1.0, 1.0))


def test_pad_of_a_thread_keeps_a_pixel_of_it() -> None:
    pixels = Preprocessing(32, 32, fit="pad").pixels(Image.new("RGB", (2000, 2), RED))
    assert (pixels[15:16] == RED).all() and (pixels[17:] == 128).all()


def test_a_box_is_cut_out_only_where_asked_and_known() -> None:
    right_half = Box(0.5, 0.0, 1.0, 1.0)
    cropped = Preprocessing(16, 16, crop="box", box_margin=0.0)
    assert (cropped.pixels(half_red(), right_half) == RED).all()
    assert np.array_equal(
        cropped.pixels(half_red(), None), Preprocessing(16, 16).pixels(half_red(), right_half)
    )


def test_a_box_grows_by_its_margin_but_never_beyond_the_photo() -> None:
    # The box is columns 40 to 80; a quarter of its width more on the left is columns 30 to 80, a
    # fifth of it blue.
    pixels = Preprocessing(50, 20, crop="box", box_margin=0.25).pixels(
        half_red(), Box(0.5, 0.0, 1.0, 1.0)
    )
    assert (pixels[:, :9] == BLUE).all() and (pixels[:, 12:] == RED).all()


def test_a_photo_needs_the_longer_side_and_twice_that_where_a_box_is_cut_out() -> None:
    assert Preprocessing(512, 256).input_px == Preprocessing(256, 512).input_px == 512
    assert Preprocessing(512, 256, crop="box").input_px == 1024


def test_the_description_survives_its_dictionary() -> None:
    described = Preprocessing(64, 32, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6), "box", "pad", 0.1)
    plain = described.to_dict()
    assert Preprocessing.from_dict({**plain, "mean": list(plain["mean"])}) == described


def test_an_unknown_key_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        BadPreprocessing, match=r"\['colour'\]; known are \['box_margin', 'crop', 'fit'"
    ):
        Preprocessing.from_dict({"width_px": 32, "height_px": 32, "colour": "grey"})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"width_px": 7, "height_px": 32}, "7 x 32 px; allowed are 8 to 4096"),
        ({"width_px": 32, "height_px": 5000}, "32 x 5000 px"),
        ({"width_px": 32, "height_px": 32, "fit": "stretch"}, "fit 'stretch'; allowed are crop"),
        ({"width_px": 32, "height_px": 32, "crop": "fluke"}, "crop 'fluke'"),
    ],
)
def test_values_out_of_range_are_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(BadPreprocessing, match=said):
        Preprocessing.from_dict(given)
