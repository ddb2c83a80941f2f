"""training/evaluation/compare/gallery_growth.py: refitted thresholds keep their promise, kept ones
let more pass, and it is drawn.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from embedding.photos.photo import read_photo
from index.calibration.fitting import calibrate
from training.evaluation.compare.gallery_growth import draw_growth, growth
from training.evaluation.queries import LabelledVectors, protocol_queries


def test_a_threshold_kept_from_a_small_gallery_lets_more_pass(herd: LabelledVectors) -> None:
    rows = growth(herd, sizes=(6, 20, 500), seeds=3)
    assert [row["individuals"] for row in rows] == [
        6,
        20,
        60,
    ]  # 500 is more than there are: the whole gallery ends it
    thresholds = [row["threshold"] for row in rows]
    assert thresholds == sorted(thresholds, reverse=True)
    assert rows[0]["fpir"] == rows[0]["fpir_kept"] and rows[0]["fnir"] == rows[0]["fnir_kept"]
    assert rows[2]["fpir_kept"] > 2 * rows[2]["fpir"] and rows[2]["fnir_kept"] <= rows[2]["fnir"]
    assert all(row["fpir_lowest"] <= row["fpir"] <= row["fpir_highest"] for row in rows)


def test_the_whole_gallery_is_measured_as_the_catalogue_s_calibration_does(
    herd: LabelledVectors,
) -> None:
    (row,) = growth(herd, sizes=(), seeds=1)
    learned = herd.rows("fit", "disjoint")
    calibration = calibrate(herd.vectors[learned], [herd.individuals[at] for at in learned])
    asked = protocol_queries(herd)
    nearest = asked.gallery.individual_distances(asked.unknown).min(axis=1)
    assert row["threshold"] == pytest.approx(calibration.threshold_at_fpir(0.05))
    assert row["fpir"] == pytest.approx((nearest <= calibration.threshold_at_fpir(0.05)).mean())
    assert (row["photos"], row["known_queries"], row["unknown_queries"]) == (192, 48, 50)


def test_nothing_is_told_where_a_gallery_is_too_small(herd: LabelledVectors) -> None:
    for row in herd.rows("unknown_query", "known_query"):
        herd.vectors[row] = herd.vectors[0]
    assert growth(herd, sizes=(), seeds=1)
    assert growth(herd, sizes=(0,), seeds=1) == []


def test_it_is_drawn(herd: LabelledVectors, tmp_path: Path) -> None:
    draw_growth(growth(herd, sizes=(10,), seeds=1), tmp_path / "growth.png", "herd")
    image = read_photo(tmp_path / "growth.png")
    assert image.width > 2 * image.height > 0
