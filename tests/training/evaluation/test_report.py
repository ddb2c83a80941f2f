"""training/evaluation/report.py: figures that an independent scorer confirms, their intervals,
table and files.
"""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from index.calibration.calibration import Calibration
from index.calibration.fitting import calibrate
from index.labels.reader import LabelledPhoto
from training.evaluation.protocol import Answers, answers_of
from training.evaluation.report import figures_of, table_of, write_scorer_files
from training.splits.protocol import Split, make_split


class Measured:
    """260 photos of 40 individuals and 60 new whales, whose vectors cluster by individual, measured
    once.
    """

    def __init__(self) -> None:
        rng = np.random.default_rng(11)
        self.photos = [
            LabelledPhoto(f"{at:03}.jpg", Path("x"), f"w{at % 40:02}") for at in range(200)
        ]
        self.photos += [LabelledPhoto(f"{at:03}.jpg", Path("x"), None) for at in range(200, 260)]
        centres = np.concatenate(
            [np.tile(rng.normal(size=(40, 8)), (5, 1)), rng.normal(size=(60, 8))]
        )
        vectors = centres + 0.9 * rng.normal(size=(260, 8))
        self.vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
        self.split: Split = make_split(self.photos, 2)
        self.answers: Answers = answers_of(self.vectors, self.photos, self.split)
        learned = [
            at
            for at, p in enumerate(self.photos)
            if self.split.roles[p.name] in ("fit", "disjoint")
        ]
        self.calibration: Calibration = calibrate(
            self.vectors[learned], [self.photos[at].individual for at in learned]
        )
        self.figures: dict[str, Any] = figures_of(self.answers, self.calibration)


@pytest.fixture(scope="module")
def measured() -> Measured:
    return Measured()


def test_each_group_says_what_it_was_measured_on(measured: Measured) -> None:
    figures = measured.figures
    held = [
        p
        for p in measured.photos
        if p.individual and measured.split.roles[p.name] in ("fit", "disjoint")
    ]
    assert figures["gallery"] == {"photos": len(held), "individuals": 40}
    assert figures["known"]["queries"] == 32 and figures["disjoint"]["individuals"] == 8
    assert figures["disjoint"]["queries"] == 40
    assert (figures["open"]["known_queries"], figures["open"]["unknown_queries"]) == (32, 20)
    json.dumps(figures)  # plain numbers throughout


def test_an_interval_holds_its_figure(measured: Measured) -> None:
    for group in ("known", "disjoint", "open"):
        for name, (low, high) in measured.figures[group]["intervals_95"].items():
            assert low <= measured.figures[group][name] <= high and low < high


def test_few_queries_have_an_interval_too(measured: Measured) -> None:
    """Many of the draws hold known queries alone, as only one query is unknown."""
    unknown = measured.split.names("unknown_query")
    roles = {
        name: "fit" if name in unknown[1:] else role for name, role in measured.split.roles.items()
    }
    answers = answers_of(measured.vectors, measured.photos, Split(roles))
    found = figures_of(answers, measured.calibration)["open"]
    assert found["unknown_queries"] == 1
    for name, (low, high) in found["intervals_95"].items():
        assert 0 <= low <= found[name] <= high <= 1


def test_intervals_are_the_same_every_time(measured: Measured) -> None:
    assert figures_of(measured.answers, measured.calibration) == measured.figures


def test_thresholds_are_those_of_the_gallery_and_measured_on_queries(measured: Measured) -> None:
    found, unknown = measured.figures["calibrated"], measured.answers.unknown_distances
    thresholds = measured.calibration.thresholds()
    assert (found["threshold_known"], found["threshold_new_whale"]) == (
        thresholds.known,
        thresholds.new_whale,
    )
    assert found["fpir_measured_at_known"] == np.mean(
        [distance <= thresholds.known for distance in unknown]
    )
    assert found["baus"] == pytest.approx(
        np.mean([distance > thresholds.new_whale for distance in unknown])
    )
    assert found["new_whale_share_of_queries"] == 20 / 52
    # One known query an individual: the balanced accuracy is the plain share of right names within
    # the threshold.
    right = (measured.answers.known_ranks == 1) & (
        measured.answers.known_distances <= thresholds.new_whale
    )
    assert found["baks"] == pytest.approx(right.mean())
    assert 0 <= found["expected_calibration_error"] < 0.5


def test_a_split_without_queries_leaves_their_figures_out(measured: Measured) -> None:
    only_disjoint = Split({p.name: "disjoint" if p.individual else "fit" for p in measured.photos})
    answers = answers_of(measured.vectors, measured.photos, only_disjoint)
    assert set(figures_of(answers, measured.calibration)) == {"gallery", "disjoint", "big_gallery"}


def test_the_table_has_every_figure_with_its_interval(measured: Measured) -> None:
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(table_of(measured.figures, "a title"))
    text = console.export_text()
    low, high = measured.figures["known"]["intervals_95"]["top1"]
    assert "a title" in text and f"{measured.figures['known']['top1']:.4f}" in text
    assert f"{low:.3f}-{high:.3f}" in text and "32 + 20 new" in text
    for name in ("map5", "auroc", "fnir_at_fpir_0.01", "baks", "expected_calibration_error"):
        assert name in text


def test_scorer_files_name_every_photo_with_its_answer(measured: Measured, tmp_path: Path) -> None:
    disjoint = [p for p in measured.photos if measured.split.roles[p.name] == "disjoint"]
    write_scorer_files(tmp_path, measured.answers, disjoint)
    rows = {}
    for name in ("gallery", "queries", "disjoint"):
        with (tmp_path / f"{name}.csv").open(newline="") as file:
            rows[name] = {row["Image"]: row["Id"] for row in csv.DictReader(file)}
    assert rows["disjoint"] == {photo.name: photo.individual for photo in disjoint}
    queries = measured.split.names("known_query", "unknown_query")
    assert sorted(rows["queries"]) == queries
    assert sum(label == "new_whale" for label in rows["queries"].values()) == 20
    assert "new_whale" not in rows["gallery"].values() and not set(rows["gallery"]) & set(queries)


@pytest.mark.shared
def test_an_independent_scorer_agrees_to_four_decimals(
    measured: Measured, shared: Path, tmp_path: Path
) -> None:
    write_scorer_files(
        tmp_path,
        measured.answers,
        [p for p in measured.photos if measured.split.roles[p.name] == "disjoint"],
    )
    names = np.array([photo.name for photo in measured.photos])
    np.savez(tmp_path / "vectors.npz", photo=names, embedding=measured.vectors)

    def scored(*arguments: str) -> dict[str, Any]:
        script = shared / "tools" / "score.py"
        done = subprocess.run(
            [sys.executable, str(script), *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)

    theirs = scored(
        "vectors", "vectors.npz", "--gallery", "gallery.csv", "--queries", "queries.csv"
    )
    apart = scored("disjoint", "vectors.npz", "--labels", "disjoint.csv")
    pairs = [(theirs["known"], "known"), (apart, "disjoint"), (theirs["open_set"], "open")]
    compared = 0
    for scores, group in pairs:
        for name, value in scores.items():
            assert round(measured.figures[group][name], 4) == value, (group, name)
            compared += 1
    assert compared == 4 + 5 + 6
    assert theirs["gallery_photos"] == measured.figures["gallery"]["photos"]
