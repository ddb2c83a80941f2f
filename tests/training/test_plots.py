"""training/plots.py: metrics as CSV and PNG, whole after every epoch."""

from __future__ import annotations

import csv
import io
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from training import plots
from training.plots import draw_curves, figure, metrics_csv

HISTORY = [
    {"epoch": 1, "loss": 2.5, "rate": 0.1},
    {"epoch": 2, "loss": 1.5, "rate": 0.05, "score": 0.5, "known_top1": 0.25, "auroc": 0.75},
    {"epoch": 3, "loss": 1.25, "rate": 0.01},
]


def test_an_epoch_that_was_not_validated_has_empty_fields() -> None:
    rows = list(csv.DictReader(io.StringIO(metrics_csv(HISTORY))))
    assert list(rows[0]) == ["epoch", "loss", "rate", "score", "known_top1", "auroc"]
    assert [row["loss"] for row in rows] == ["2.5", "1.5", "1.25"]
    assert [row["auroc"] for row in rows] == ["", "0.75", ""]


@pytest.mark.parametrize(("count", "width_px"), [(1, 600), (3, 1200)])
def test_curves_have_a_panel_for_the_loss_and_one_for_what_was_validated(
    count: int, width_px: int, tmp_path: Path
) -> None:
    draw_curves(HISTORY[:count], tmp_path / "curves.png", "tiny")
    with Image.open(tmp_path / "curves.png") as picture:
        picture.load()
        assert (picture.format, picture.size) == ("PNG", (width_px, 400))
        assert len(picture.convert("RGB").getcolors(2**20) or []) > 50  # something is drawn
    assert [path.name for path in tmp_path.iterdir()] == ["curves.png"]


@pytest.mark.parametrize(
    ("is_of_classes", "labels"),
    [(False, ["known, top-1", "known/new, AUROC"]), (True, ["accuracy (by the nearest photo)"])],
)
def test_what_is_validated_is_called_by_what_was_asked(
    is_of_classes: bool, labels: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []

    @contextmanager
    def kept(*arguments: Any, **options: Any) -> Generator[list[Any]]:
        with figure(*arguments, **options) as axes:
            drawn.extend(axes)
            yield axes

    monkeypatch.setattr(plots, "figure", kept)
    draw_curves(HISTORY, tmp_path / "curves.png", "tiny", is_of_classes=is_of_classes)
    assert [text.get_text() for text in drawn[1].get_legend().get_texts()] == labels


def test_axes_come_row_by_row(tmp_path: Path) -> None:
    with figure(tmp_path / "f.png", columns=3, rows=2, width_inches=2, height_inches=1) as axes:
        places = [
            (panel.get_subplotspec().rowspan.start, panel.get_subplotspec().colspan.start)
            for panel in axes
        ]
    assert places == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    with Image.open(tmp_path / "f.png") as picture:
        assert picture.size == (600, 200)


def test_a_drawing_that_fails_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no data"), figure(tmp_path / "f.png"):
        raise RuntimeError("no data")
    assert list(tmp_path.iterdir()) == []
