from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from demo.pose import Pose

SQUARE_ON = Pose(
    span=0.8,
    centre_x=0.5,
    roll_degrees=0,
    tallness=1,
    widths=(1, 1),
    lifts=(0, 0),
    droop=0,
    waterline=-0.4,
    waterline_at=0.8,
)


def test_square_on_the_tips_and_the_waterline_are_where_the_pose_says() -> None:
    x, y = SQUARE_ON.on_fluke(500, 250)
    assert x.shape == y.shape == (250, 500)
    # The span is 0.8 of 500 px, so the tips lie 200 px beside the middle, and a half-span is 200
    # px.
    assert np.interp(-1, x[0], np.arange(500) + 0.5) == pytest.approx(50, abs=0.01)
    assert np.interp(1, x[0], np.arange(500) + 0.5) == pytest.approx(450, abs=0.01)
    # The waterline, 0.4 under the notch, is at 0.8 of 250 px = 200, and the notch 80 px above it.
    assert np.interp(0.4, -y[:, 0], np.arange(250) + 0.5) == pytest.approx(200, abs=0.01)
    assert np.interp(0.0, -y[:, 0], np.arange(250) + 0.5) == pytest.approx(120, abs=0.01)


def test_a_turned_whale_shows_one_lobe_narrower_and_stays_centred() -> None:
    turned = dataclasses.replace(SQUARE_ON, widths=(0.5, 1.0))
    x, _ = turned.on_fluke(500, 250)
    left, notch, right = np.interp([-1, 0, 1], x[0], np.arange(500) + 0.5)
    assert right - notch == pytest.approx(2 * (notch - left), rel=0.01)
    assert (left + right) / 2 == pytest.approx(250, abs=1)
    assert right - left == pytest.approx(400, abs=1)


def test_raised_tips_stand_higher_in_the_picture_than_the_notch() -> None:
    raised = dataclasses.replace(SQUARE_ON, lifts=(0.4, 0.4))
    x, y = raised.on_fluke(500, 250)
    tip, notch = int(np.argmin(np.abs(x[0] - 0.98))), 250
    tip_row = np.interp(0, -y[:, tip], np.arange(250))
    assert np.interp(0, -y[:, notch], np.arange(250)) - tip_row == pytest.approx(0.4 * 200, rel=0.1)


def test_poses_are_drawn_alike_from_one_seed_and_stay_in_the_frame() -> None:
    assert Pose.from_rng(np.random.default_rng(3)) == Pose.from_rng(np.random.default_rng(3))
    for seed in range(50):
        x, y = Pose.from_rng(np.random.default_rng(seed)).on_fluke(450, 225)
        on = (np.abs(x) < 0.9) & (np.abs(y + 0.1) < 0.1)
        # The middle of both lobes is in the picture: about as many pixels as it would have
        # unturned.
        assert np.count_nonzero(on & (x < 0)) > 1500
        assert np.count_nonzero(on & (x > 0)) > 1500
