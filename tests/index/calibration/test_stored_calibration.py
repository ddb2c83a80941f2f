"""A calibration as it is stored, and read back."""

from __future__ import annotations

import json

import numpy as np
import pytest

from index.calibration.calibration import BadCalibration, Calibration
from index.calibration.fitting import calibrate, fit_trials
from index.search.matching import Score
from tests.index.calibration.test_calibration import fitted, herd, trials


@pytest.mark.parametrize("score", ["nearest", "centre", "blend"])
def test_json_restores_an_equal_calibration(rng: np.random.Generator, score: Score) -> None:
    calibration = calibrate(*herd(rng, 30, 3), score=score)
    text = json.dumps(calibration.to_json(), allow_nan=False)
    assert Calibration.from_json(json.loads(text)) == calibration
    assert calibration.score == score


def test_a_large_calibration_is_stored_small(rng: np.random.Generator) -> None:
    known = trials(
        rng.uniform(0, 1, size=50_000).tolist(), rng.integers(1, 4, size=50_000).tolist()
    )
    calibration = fit_trials(known, rng.uniform(0.3, 1.3, size=50_000))
    assert len(json.dumps(calibration.to_json())) < 100_000


def test_an_unfitted_calibration_is_stored_too() -> None:
    calibration = calibrate(np.zeros((0, 2), np.float32), [])
    assert (
        Calibration.from_json(json.loads(json.dumps(calibration.to_json(), allow_nan=False)))
        == calibration
    )


def test_a_stored_calibration_with_other_fields_names_the_mending_command() -> None:
    stored = fitted([0.5] * 10).to_json()
    del stored["later"]
    with pytest.raises(BadCalibration, match="flukeprint index update"):
        Calibration.from_json(stored)


@pytest.mark.parametrize(
    ("field", "value"), [("first", None), ("later", {"distances": [0.1]}), ("bounds", 3)]
)
def test_a_damaged_stored_calibration_names_the_mending_command(field: str, value: object) -> None:
    with pytest.raises(BadCalibration, match=r"cannot be read .*flukeprint index update"):
        Calibration.from_json(fitted([0.5] * 10).to_json() | {field: value})
