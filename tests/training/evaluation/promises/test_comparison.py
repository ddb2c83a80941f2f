"""training/evaluation/promises/comparison.py: all sections measured, written and drawn."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from training.evaluation.promises import rates
from training.evaluation.promises.comparison import compare_all, write_page_and_picture
from training.evaluation.promises.draws import PhotoSet

SECTIONS = {"rates", "small", "shares", "bursts", "encounters", "species"}


def test_all_sections_are_measured_and_written(
    make_herd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "SIZES", (40,))
    monkeypatch.setattr(rates, "SMALL_SIZES", (12,))
    herd = make_herd(50, 5, 30, species="fin") + make_herd(50, 5, 0, species="sei")
    figures = compare_all(PhotoSet.of(herd.vectors, herd.photos), 7, draws=2)
    assert set(figures) == {"seed", *SECTIONS} and all(figures.values()) and figures["seed"] == 7
    json.dumps(figures, allow_nan=False)
    write_page_and_picture(figures, tmp_path, "herd")
    page = (tmp_path / "promises.md").read_text()
    assert page.startswith("# Promises and what came of them, measured on herd\n")
    assert "Not measured" not in page and page.count("\nRead: ") == 6
    assert "the mean share over 2 draws" in page
    for line, after in zip(page.splitlines(), page.splitlines()[1:], strict=False):
        if line.startswith("|") and after.startswith("|"):
            assert line.count("|") == after.count("|"), after
    assert (tmp_path / "promises.png").read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_measured_is_said(make_herd, tmp_path: Path) -> None:
    herd = make_herd(4, 2, 0)
    figures = compare_all(PhotoSet.of(herd.vectors, herd.photos), draws=1)
    assert [name for name in SECTIONS if figures[name]] == ["rates"]
    assert {row["is_refused"] for row in figures["rates"]} == {True}
    write_page_and_picture({**figures, "rates": []}, tmp_path, "herd")
    page = (tmp_path / "promises.md").read_text()
    assert page.count("Not measured: the labels hold too few photos of a kind.") == 6
    assert not (tmp_path / "promises.png").exists()
