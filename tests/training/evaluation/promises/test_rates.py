"""training/evaluation/promises/rates.py: measured rates are those of the queries, and what can't be
promised is refused.
"""

from __future__ import annotations

import numpy as np
import pytest

from training.evaluation.promises import rates
from training.evaluation.promises.answers import identifier_of
from training.evaluation.promises.draws import PhotoSet, draw_catalogue
from training.evaluation.promises.rates import compare_rates, compare_small


def test_rates_of_two_sizes(make_herd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "SIZES", (20, 5000))
    herd = make_herd(100, 4, 90)
    photos = PhotoSet.of(herd.vectors, herd.photos)
    rows = compare_rates(photos, 0)
    sizes = [(row["individuals"], row["promised"]) for row in rows]
    # 5,000 individuals can't be drawn. A fifth of the 100 are absent from the last.
    assert sizes == [(size, rate) for size in (20, 80) for rate in (0.3, 0.1, 0.05, 0.01)]
    # 80 individuals can't promise .01, and 20 not .05.
    assert [row["promised"] for row in rows if row["is_refused"]] == [0.05, 0.01, 0.01]
    assert rows[2]["smallest"] == pytest.approx(1 - 0.25 ** (1 / 20), rel=0.1)
    assert rows[2]["absent"] is rows[2]["new_whales"] is rows[2]["missed"] is None
    for row in rows:
        if not row["is_refused"]:
            # Of so few animals a rate is known to within some hundredths.
            assert row["absent"] <= row["promised"] + 0.07, row
    whole = {row["promised"]: row for row in rows if row["individuals"] == 80}
    assert whole[0.3]["absent"] > whole[0.05]["absent"]
    assert whole[0.3]["missed"] < whole[0.05]["missed"]


def test_rates_are_those_that_a_loop_counts(make_herd) -> None:
    herd = make_herd(60, 4, 30)
    photos = PhotoSet.of(herd.vectors, herd.photos)
    draw = draw_catalogue(photos, 5)
    threshold = identifier_of(photos, draw.gallery, draw.nobody).calibration.threshold_at_fpir(0.1)
    nearest = 1 - (photos.vectors @ photos.vectors[draw.gallery].T)
    is_near = nearest.min(axis=1) <= threshold
    first = photos.individuals[draw.gallery[nearest.argmin(axis=1)]]
    row = next(
        row
        for row in compare_rates(photos, 5)
        if row["promised"] == 0.1 and row["individuals"] == 48
    )
    assert row["absent"] == is_near[draw.absent].mean()
    assert row["new_whales"] == is_near[draw.new_whales].mean()
    is_found = is_near & (first == photos.individuals)
    assert row["missed"] == pytest.approx(1 - is_found[draw.known[:, 0]].mean())


def test_without_new_whales_that_column_is_empty(make_herd) -> None:
    herd = make_herd(60, 4, 0)
    rows = compare_rates(PhotoSet.of(herd.vectors, herd.photos), 0)
    assert {row["new_whales"] for row in rows} == {None}
    assert rows[0]["absent"] is not None


def test_small_catalogues_refuse_what_they_cannot_promise(make_herd) -> None:
    herd = make_herd(40, 4, 0)
    rows = compare_small(PhotoSet.of(herd.vectors, herd.photos), 4)
    # Of 40 individuals 20 are absent, so that 25 and 50 can't be drawn.
    assert [row["individuals"] for row in rows] == [5] * 4 + [12] * 4
    by = {(row["individuals"], row["promised"]): row for row in rows}
    assert {row["draws"] for row in rows} == {4}
    # Five animals are fewer than a calibration needs: ten strangers' photos, but five strangers.
    assert by[5, 0.01]["refused"] == by[5, 0.05]["refused"] == by[12, 0.01]["refused"] == 4
    assert by[12, 0.01]["measured"] is None
    assert by[12, 0.3]["refused"] == 0 and 0 <= by[12, 0.3]["measured"] <= 0.3


def test_a_set_that_is_too_small_has_no_rows(make_herd) -> None:
    herd = make_herd(6, 4, 0)
    assert compare_small(PhotoSet.of(herd.vectors, herd.photos), 2) == []


def test_small_rates_are_means_over_draws(make_herd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "SMALL_SIZES", (12,))
    herd = make_herd(40, 4, 0)
    photos = PhotoSet.of(herd.vectors, herd.photos)
    shares: list[float] = []
    for seed in range(3):
        draw = draw_catalogue(photos, seed, size=12)
        calibration = identifier_of(photos, draw.gallery, draw.nobody[:0]).calibration
        nearest = 1 - (photos.vectors[draw.absent] @ photos.vectors[draw.gallery].T).max(axis=1)
        shares.append(float((nearest <= calibration.thresholds(max_fpir=0.3).known).mean()))
    assert compare_small(photos, 3)[0]["measured"] == pytest.approx(np.mean(shares))
