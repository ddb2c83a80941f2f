"""training/run/decoding.py: the locator is trained, inherited, or absent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from embedding.checkpoint import fingerprint_of, read_detector, read_header
from embedding.embedder import Embedder
from embedding.photos.photo import Box
from index.labels.reader import LabelledPhoto
from tests.training.run.conftest import EVERY_STEP, Killed, Train, stopped_at_write


def test_photos_with_boxes_train_a_locator_that_travels_with_the_checkpoint(
    run: Train, whales: list[LabelledPhoto], tmp_path: Path
) -> None:
    boxed = [
        LabelledPhoto(p.name, p.path, p.individual, box=Box(0.1, 0.2, 0.9, 0.8)) for p in whales
    ]
    options = (
        "input.crop=box",
        "locator.epochs=2",
        "locator.weights=random",
        "locator.detector_steps=2",
        "data.hold_out_test=false",
        *EVERY_STEP,
    )
    with pytest.MonkeyPatch.context() as patch:
        stopped_at_write(patch, 6, before=False)
        with pytest.raises(Killed):
            run(tmp_path / "run", *options, photos=boxed)
    best = run(tmp_path / "run", *options, photos=boxed, resume=True)
    assert fingerprint_of(run(tmp_path / "again", *options, photos=boxed)) == fingerprint_of(best)
    assert read_header(best).has_locator and 0 < read_header(best).card["locator_overlap"] <= 1
    embedder = Embedder.load(best, device="cpu")
    assert embedder.locator is not None and embedder.runtime.detector_px == 160
    (one, other) = (read_detector(each) for each in (best, tmp_path / "again" / "best.safetensors"))
    assert one is not None and other is not None and one[0] == {"seed": 0, "steps": 2}
    np.testing.assert_array_equal(one[1]["last.weight"], other[1]["last.weight"])


def test_photos_without_boxes_are_cropped_by_the_first_weights_own_locator(
    run: Train, whales: list[LabelledPhoto], tmp_path: Path
) -> None:
    boxed = [
        LabelledPhoto(p.name, p.path, p.individual, box=Box(0.1, 0.2, 0.9, 0.8)) for p in whales
    ]
    options = (
        "input.crop=box",
        "locator.epochs=2",
        "locator.weights=random",
        "data.hold_out_test=false",
        "schedule.epochs=0",
    )
    first = run(tmp_path / "first", *options, photos=boxed)
    tuned = run(tmp_path / "tuned", *options, f"network.weights={first}")
    assert read_header(tuned).has_locator and "locator_overlap" not in read_header(tuned).card
    inherited, given = (
        Embedder.load(tuned, device="cpu").locator,
        Embedder.load(first, device="cpu").locator,
    )
    assert inherited is not None and given is not None
    weights = given.state_dict()
    assert all(
        bool((value == weights[name]).all()) for name, value in inherited.state_dict().items()
    )


def test_with_few_boxes_no_locator_is_trained(
    run: Train, whales: list[LabelledPhoto], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    best = run(tmp_path / "run", "input.crop=box", "locator.epochs=2", "schedule.epochs=0")
    assert not read_header(best).has_locator
    assert "0 of" in capsys.readouterr().err
