"""training/tuning/runs/compare.py: what differs between two runs, from where on, and both in one
picture.
"""

from __future__ import annotations

import json
from pathlib import Path

from training.recipes.reading import read_recipe
from training.tuning.runs.compare import compare_runs, draw_comparison, run_labels
from training.tuning.runs.runs import RunFolder, read_run
from training.tuning.runs.tables import verdicts


def run(
    folder: Path,
    *overrides: str,
    metrics: str = "1,2.5,0.25,3\n2,1.5,0.5,9\n",
    weights: bytes = b"w",
) -> RunFolder:
    folder.mkdir(parents=True)
    (folder / "recipe.json").write_text(json.dumps(read_recipe("tiny", overrides).to_dict()))
    (folder / "split.csv").write_text("image,role\n")
    (folder / "metrics.csv").write_text("epoch,loss,score,seconds\n" + metrics)
    (folder / "best.safetensors").write_bytes(weights)
    return read_run(folder)


def test_a_run_made_over_again_is_identical_whatever_time_it_took(tmp_path: Path) -> None:
    again = run(tmp_path / "b", metrics="1,2.5,0.25,30\n2,1.5,0.5,90\n")
    found = compare_runs(run(tmp_path / "a"), again)
    assert (found.choices, found.parts_at) == ((), None)
    assert found.has_same_metrics and found.has_same_fingerprint and found.has_same_photos
    assert verdicts(found) == [
        "photos and their roles: identical",
        "figures of every epoch, to the last digit: identical",
        "checkpoint's fingerprint: identical",
    ]


def test_what_differs_is_named(tmp_path: Path) -> None:
    other = run(
        tmp_path / "b",
        "seed=1",
        "loss.0.kind=triplet",
        metrics="1,2.5,0.25,3\n2,1.25,0.75,9\n3,1,0.5,9\n",
        weights=b"v",
    )
    found = compare_runs(run(tmp_path / "a"), other)
    assert found.choices == (("loss.0.kind", "arcface", "triplet"), ("seed", 0, 1))
    (score,) = found.metrics
    assert (score.first, score.second, score.difference) == (0.5, 0.75, 0.25)
    assert (found.parts_at, found.parted) == (2, ("loss", "score"))
    assert found.has_same_fingerprint is False
    assert "different from epoch 2 on (loss, score)" in verdicts(found)[1]


def test_a_longer_run_parts_where_the_shorter_ends(tmp_path: Path) -> None:
    found = compare_runs(run(tmp_path / "a"), run(tmp_path / "b", metrics="1,2.5,0.25,3\n"))
    assert (found.parts_at, found.parted) == (2, ("epochs",))


def test_what_a_run_lacks_is_unknown(tmp_path: Path) -> None:
    first, second = run(tmp_path / "a"), run(tmp_path / "b", metrics="")
    (tmp_path / "b" / "best.safetensors").unlink()
    found = compare_runs(first, second)
    assert (found.has_same_metrics, found.has_same_fingerprint) == (None, None)
    assert found.metrics[0].second is None and found.metrics[0].difference is None
    assert verdicts(found)[2].endswith("unknown (a run lacks it)")


def test_both_are_drawn_and_told_apart(tmp_path: Path) -> None:
    first, second = run(tmp_path / "x" / "run"), run(tmp_path / "y" / "run", "seed=1")
    assert run_labels(first, second) == ("x/run", "y/run")
    draw_comparison(tmp_path / "curves.png", first, second)
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert run_labels(first, first) == ("run (A)", "run (B)")
