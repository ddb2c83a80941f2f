"""training/run/tensorboard.py: TensorBoard where it is installed, and the way to it where it is
not.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from training.run.tensorboard import NoTensorBoard, add_row, require_tensorboard


def test_each_epoch_adds_its_metrics(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for epoch, loss in enumerate([2.0, 1.5, 1.25], start=1):
        add_row(tmp_path / "board", {"epoch": epoch, "loss": loss, "score": epoch / 4})
    events = EventAccumulator(str(tmp_path / "board")).Reload()
    assert [(each.step, each.value) for each in events.Scalars("loss")] == [
        (1, 2.0),
        (2, 1.5),
        (3, 1.25),
    ]
    assert sorted(events.Tags()["scalars"]) == ["loss", "score"]


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(NoTensorBoard, match=r"pip install 'flukeprint\[tensorboard\]'"):
        require_tensorboard()
