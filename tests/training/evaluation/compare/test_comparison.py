"""training/evaluation/compare/comparison.py: all sections, what can't be measured left empty, and
the page and picture of them.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from index.calibration.calibration import Calibration
from index.calibration.fitting import fit_trials
from index.calibration.trials import Trials
from index.labels.reader import LabelledPhoto
from training.evaluation.compare.comparison import abundance, compare, write_comparison
from training.evaluation.protocol import Answers, answers_of
from training.evaluation.queries import LabelledVectors
from training.splits.protocol import Split


@pytest.fixture
def answers(at) -> Answers:
    """Known queries 10 degrees away (right), 50 (right) and 1 (wrong); new whales 20 and 60 away
    from anybody.
    """
    whales = {
        "a1": ("a", 0, "fit"),
        "a2": ("a", 350, "known_query"),
        "a3": ("a", 310, "known_query"),
        "b1": ("b", 90, "fit"),
        "b2": ("b", 1, "known_query"),
        "n1": (None, 110, "unknown_query"),
        "n2": (None, 150, "unknown_query"),
    }
    photos = [
        LabelledPhoto(name, Path(name), individual) for name, (individual, _, _) in whales.items()
    ]
    split = Split({name: role for name, (_, _, role) in whales.items()})
    return answers_of(at(*(degrees for _, degrees, _ in whales.values())), photos, split)


def calibration(unknown: list[float]) -> Calibration:
    known = Trials(np.full((3, 1), 0.1), np.ones(3, np.int64))
    return fit_trials(known, np.array(unknown))


def test_abundance_takes_answers_unreviewed(answers: Answers) -> None:
    # 400 strangers: of them 3 % are within .1 (25 degrees), 30 % within .4 (53 degrees).
    found = abundance(answers, calibration([0.05] * 10 + [0.1] * 110 + [0.4] * 280))
    known, new_whale = found["up_to_known"], found["up_to_new_whale"]
    assert found["without_errors"]["lincoln_petersen"] == 1000
    # Of three known queries one is named rightly, one wrongly, one not at all; one new whale of two
    # is named.
    assert known["missed_or_wrong"] == pytest.approx(2 / 3) and known["unnamed"] == pytest.approx(
        1 / 3
    )
    assert known["mistaken"] == 0.5 and known["inflation"] == pytest.approx(3)
    assert known["missed_alone"]["lincoln_petersen"] == pytest.approx(3000)
    assert known["with_mistakes"]["recaptures_counted"] == pytest.approx(90 * 2 / 3 + 210 / 2)
    assert new_whale["missed_or_wrong"] == pytest.approx(1 / 3) and new_whale["unnamed"] == 0.0


def test_abundance_of_nothing_recaptured_is_no_number(answers: Answers) -> None:
    found = abundance(answers, calibration([0.0] * 400))["up_to_known"]
    assert found["missed_or_wrong"] == 1.0 and found["inflation"] is None
    assert (
        found["missed_alone"]["lincoln_petersen"] is None
        and found["missed_alone"]["chapman"] == 301 * 301 - 1
    )


def test_abundance_needs_a_calibration(answers: Answers) -> None:
    assert abundance(answers, calibration([0.1] * 3)) == {}


def test_a_comparison_has_all_sections_and_is_written(
    herd: LabelledVectors, answers: Answers, tmp_path: Path
) -> None:
    figures = {
        **compare(herd, sizes=(20,)),
        "abundance": abundance(answers, calibration([0.1] * 20)),
    }
    assert set(figures) == {"scores", "fusion", "open_set", "growth", "abundance"} and all(
        figures.values()
    )
    json.dumps(figures, allow_nan=False)
    write_comparison(figures, tmp_path, "herd")
    page = (tmp_path / "compare.md").read_text()
    top1 = f"{figures['scores']['blend']['known']['top1']:.3f}".lstrip("0")
    assert f"| blend |  | {top1} / ." in page
    assert (
        "\n## A growing gallery\n" in page
        and "Not measured" not in page
        and str(tmp_path) not in page
    )
    # Every table's rows are as long as its head.
    for line, after in zip(page.splitlines(), page.splitlines()[1:], strict=False):
        if line.startswith("|") and after.startswith("|"):
            assert line.count("|") == after.count("|"), after
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_measured_is_said(herd: LabelledVectors, tmp_path: Path) -> None:
    herd._roles = ["fit" for _ in herd._roles]  # pyright: ignore[reportPrivateUsage]
    figures = {**compare(herd), "abundance": {}}
    assert (figures["fusion"], figures["open_set"], figures["growth"]) == ({}, {}, [])
    write_comparison(figures, tmp_path, "herd")
    page = (tmp_path / "compare.md").read_text()
    assert page.count("Not measured: the labels hold too few photos of a kind.") == 4
    assert "| nearest |  | - / - | - |" in page
    assert not (tmp_path / "growth.png").exists()
