"""training/localisation/train_detector.py: what cells should say, and training that goes on."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from embedding.networks.detection.detector import CELLS, DETECTOR_PX, Detector, weights_of
from embedding.photos.box import Box
from tests.training.localisation.test_scenes import picture
from training.localisation import train_detector as module
from training.localisation.scenes import Scene, SceneComposer
from training.localisation.train_detector import DetectorSteps, targets, train_detector


def scene_of(*boxes: tuple[float, float, float, float]) -> Scene:
    return Scene(np.zeros((4, 4, 3), np.uint8), np.float32(boxes).reshape(-1, 4))


def detector() -> Detector:
    torch.manual_seed(1)
    return Detector()


def test_the_cell_of_an_animal_s_middle_is_sure_and_its_neighbours_less() -> None:
    wanted = targets(scene_of((0.2, 0.4, 0.6, 0.6)))
    scores = wanted.scores.reshape(CELLS, CELLS).numpy()
    row, column = int(0.5 * CELLS), int(0.4 * CELLS)
    assert scores[row, column] == 1 == scores.max()
    assert 0 < scores[row + 1, column] < scores[row, column + 1] < 1  # it is wider than high
    learned = wanted.weights.numpy() > 0
    np.testing.assert_allclose(
        wanted.boxes.numpy()[learned], [(0.2, 0.4, 0.6, 0.6)] * learned.sum(), atol=1e-6
    )
    assert wanted.weights.sum().item() == pytest.approx(1)


def test_a_scene_without_animals_wants_nothing() -> None:
    wanted = targets(scene_of())
    assert wanted.scores.max() == 0 == wanted.weights.max()


def test_of_two_animals_in_one_place_the_smaller_has_the_cell() -> None:
    wanted = targets(scene_of((0.4, 0.4, 0.6, 0.6), (0.0, 0.0, 1.0, 1.0)))
    middle = int(0.5 * CELLS) * CELLS + int(0.5 * CELLS)
    np.testing.assert_allclose(wanted.boxes[middle], (0.4, 0.4, 0.6, 0.6), atol=1e-6)


def test_training_goes_on_where_it_stopped_and_ends_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boxes = [Box(0.3, 0.4, 0.7, 0.6), Box(0.2, 0.5, 0.6, 0.8)]
    composer = SceneComposer([[picture(box) for box in boxes]], [], DETECTOR_PX)
    choices = DetectorSteps(4, batch=2, seed=3)
    whole = train_detector(detector(), composer, choices, tmp_path / "whole")
    assert not whole.training

    monkeypatch.setattr(module, "_SAVED_EVERY", 2)

    class Stopped(Exception):
        pass

    class Stopping:
        def __init__(self) -> None:
            self.drawn = 0

        def scene(self, rng: np.random.Generator) -> Scene:
            self.drawn += 1
            if self.drawn > 5:
                raise Stopped
            return composer.scene(rng)

    stopping: SceneComposer = Stopping()  # type: ignore[assignment]
    with pytest.raises(Stopped):
        train_detector(detector(), stopping, choices, tmp_path / "state")
    assert (tmp_path / "state").exists()
    resumed = train_detector(detector(), composer, choices, tmp_path / "state")
    for name, value in weights_of(whole).items():
        np.testing.assert_array_equal(weights_of(resumed)[name], value, err_msg=name)
    other = dataclasses.replace(choices, seed=4)
    changed = train_detector(detector(), composer, other, tmp_path / "other")
    assert not np.array_equal(weights_of(changed)["last.weight"], weights_of(whole)["last.weight"])
