"""training/evaluation/promises/picture.py: every panel has its curves, and empty sections none."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from training.evaluation.promises import picture
from training.evaluation.promises.picture import draw_reliability

BINS = {"error": 0.1, "bins": [{"stated": 0.2, "right": 0.3, "weight": 1.0}]}
OTHER_BINS = {"error": 0.2, "bins": [{"stated": 0.2, "right": 0.4, "weight": 1.0}]}


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The axes of the picture, as they are when it is written."""
    panels: list[Any] = []
    figure = picture.figure

    @contextmanager
    def noted(*given: Any, **options: Any) -> Generator[list[Any]]:
        with figure(*given, **options) as axes:
            yield axes
            panels.extend(axes)

    monkeypatch.setattr(picture, "figure", noted)
    return panels


def labels(axes: Any) -> list[str]:
    return axes.get_legend_handles_labels()[1]


def test_each_panel_has_its_curves(drawn: list[Any], tmp_path: Path) -> None:
    rows = [
        {"individuals": size, "promised": rate, "absent": rate, "new_whales": None, "measured": 0.0}
        for size in (300, 2346)
        for rate in (0.3, 0.1)
    ]
    shares = [
        {"share": share, "set": BINS, "unset": BINS if share == 0.3 else OTHER_BINS}
        for share in (0.1, 0.3, 0.5, 0.8)
    ]
    figures = {
        "shares": shares,
        "bursts": {"facts": BINS, "blind": OTHER_BINS},
        "rates": rows,
        "small": rows,
    }
    draw_reliability(figures, tmp_path / "promises.png", "herd")
    assert (tmp_path / "promises.png").read_bytes().startswith(b"\x89PNG")
    assert len(drawn) == 8
    assert [sorted(labels(each)) for each in drawn[:2]] == [
        ["as stated", "share set", "share unset"],
        ["as stated", "share set"],
    ]
    assert drawn[0].get_title() == "herd: 10% new"
    assert sorted(labels(drawn[4])) == ["as stated", "encounters known", "encounters unknown"]
    assert sorted(labels(drawn[5])) == ["2,346 individuals", "300 individuals", "as promised"]
    assert labels(drawn[6]) == ["as promised"]
    # No stranger passed: a scale of powers has no 0, so the line lies at its end.
    assert set(drawn[7].lines[0].get_ydata()) == {1e-3}


def test_sections_that_are_empty_leave_empty_panels(drawn: list[Any], tmp_path: Path) -> None:
    figures: dict[str, Any] = {"shares": [], "bursts": {}, "rates": [], "small": []}
    draw_reliability(figures, tmp_path / "promises.png", "herd")
    assert [labels(each) for each in drawn[4:]] == [["as stated"], *[["as promised"]] * 3]
