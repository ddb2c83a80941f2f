"""training/tuning/runs/runs.py and choosing_runs.py: runs read from folders, their spread over
seeds, filters and order.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from training.recipes.reading import read_recipe
from training.run.record import Recording
from training.tuning.runs.filters import facts_of_run, select_runs
from training.tuning.runs.runs import BadRuns, find_runs, flatten, over_seeds, read_run, spread
from training.tuning.runs.tables import run_dict, time_text


def write_run(
    folder: Path, *overrides: str, scores: tuple[float, ...] = (0.5,), **others: Any
) -> Path:
    """A run's folder as an earlier version left it: without a run.json."""
    folder.mkdir(parents=True)
    recipe = read_recipe("tiny", overrides)
    (folder / "recipe.json").write_text(json.dumps(recipe.to_dict()))
    (folder / "split.csv").write_text(others.get("split", "image,role\na,fit\n"))
    lines = [
        f"{at},{2.0 / at},0.1,{score},{score / 2},{at * 10.0}"
        for at, score in enumerate(scores, start=1)
    ]
    (folder / "metrics.csv").write_text(
        "\n".join(["epoch,loss,rate,score,auroc,seconds", *lines]) + "\n"
    )
    if others.get("is_finished", True):
        (folder / "best.safetensors").write_bytes(others.get("weights", b"weights"))
    return folder


def test_a_run_is_its_best_epoch(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "one", "seed=3", scores=(0.2, 0.6, 0.4)))
    assert (run.seed, run.best_epoch, run.metrics, run.seconds) == (
        3,
        2,
        {"score": 0.6, "auroc": 0.3},
        30.0,
    )
    assert (run.record, run.is_finished, len(run.history)) == (None, True, 3)
    told = run_dict(run)
    assert (told["commit"], told["metrics"], told["digest"]) == (
        None,
        {"score": 0.6, "auroc": 0.3},
        run.digest,
    )
    assert time_text(run.seconds) == "0:00:30" and time_text(3725.4) == "1:02:05"


def test_runs_are_found_below_folders_and_once(tmp_path: Path) -> None:
    write_run(tmp_path / "a" / "x")
    write_run(tmp_path / "a" / "deeper" / "y", is_finished=False)
    found = find_runs([tmp_path / "a", tmp_path / "a" / "x"])
    assert [run.path.name for run in found] == ["y", "x"]
    assert [run.is_finished for run in found] == [False, True]


def test_a_record_says_whether_a_run_is_finished(tmp_path: Path) -> None:
    run = write_run(
        tmp_path / "given up"
    )  # a sweep leaves it so: a checkpoint, and nothing to resume
    recording = Recording.begin(run, seed=0, recipe="r", photos="p", device="cpu", threads=1)
    assert not read_run(run).is_finished and read_run(run).seconds == 0.0
    recording.finish("f" * 64)
    assert read_run(run).is_finished


def test_seeds_are_summed_up_where_nothing_else_differs(tmp_path: Path) -> None:
    for seed, score in ((0, 0.4), (1, 0.5), (2, 0.9)):
        write_run(tmp_path / f"s{seed}", f"seed={seed}", scores=(score,))
    write_run(tmp_path / "again", "seed=2", scores=(0.9,))  # the same seed is no further sample
    write_run(tmp_path / "stopped", "seed=3", scores=(0.1,), is_finished=False)
    write_run(tmp_path / "other", "seed=4", "optimiser.rate=0.002")
    write_run(tmp_path / "photos", "seed=5", split="image,role\nb,fit\n")
    (group,) = over_seeds(find_runs([tmp_path]))
    assert (group.name, group.seeds) == ("tiny", (0, 1, 2))
    score = group.spreads["score"]
    assert (score.mean, score.lowest, score.highest) == (pytest.approx(0.6), 0.4, 0.9)
    assert score.deviation == pytest.approx((0.14 / 2) ** 0.5)  # .04 + .01 + .09 over n - 1
    assert spread([0.5]).deviation == 0.0


def test_runs_are_filtered_and_sorted(tmp_path: Path) -> None:
    write_run(tmp_path / "low", scores=(0.2,))
    write_run(tmp_path / "high", "optimiser.kind=sgd", scores=(0.8,))
    write_run(tmp_path / "mid", "optimiser.kind=sgd", "optimiser.rate=0.5", scores=(0.5,))
    write_run(tmp_path / "none", "data.validation_share=0")
    (tmp_path / "none" / "metrics.csv").write_text("epoch,loss,rate\n1,2,0.1\n")
    runs = find_runs([tmp_path])

    def names(*filters: str, sort: str = "score") -> list[str]:
        return [run.path.name for run in select_runs(runs, filters, sort)]

    assert names() == ["high", "mid", "low", "none"]
    assert names(sort="-score") == ["low", "mid", "high", "none"]
    assert names(sort="-run") == ["high", "low", "mid", "none"]
    assert names("optimiser.kind=sgd") == ["high", "mid"]
    assert names("optimiser.kind = sgd", "score<=0.5") == ["mid"]
    assert names("score>0.2") == ["high", "mid"]
    assert names("optimiser.kind!=sgd") == ["low", "none"]
    assert names("optimiser.rate=0.5") == ["mid"]
    assert names("compute.channels_last=true", "seed=0", "recipe=tiny", "finished=true") == names()
    assert names(f"digest={facts_of_run(runs[0])['digest'][:8]}") == [runs[0].path.name]
    for slip, said in (("optimiser.sort=1", "no run has that"), ("sgd", "give COLUMN=VALUE")):
        with pytest.raises(BadRuns, match=said):
            names(slip)
    with pytest.raises(BadRuns, match="--sort colour: no run has that; known are auroc"):
        names(sort="colour")


def test_folders_without_a_run_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRuns, match="there is no such folder"):
        find_runs([tmp_path / "absent"])
    with pytest.raises(BadRuns, match="holds no run"):
        find_runs([tmp_path])
    with pytest.raises(BadRuns, match=r"is no run: it has no recipe\.json"):
        read_run(tmp_path)
    run = write_run(tmp_path / "torn")
    (run / "recipe.json").write_text('{"name": ')
    with pytest.raises(BadRuns, match="can't be read"):
        read_run(run)


def test_choices_are_named_as_set_names_them() -> None:
    told = {
        "seed": 0,
        "loss": [{"kind": "arcface"}],
        "input": {"mean": [0.5, 0.5]},
        "data": {"species_boxes": {}},
    }
    assert flatten(told) == {
        "seed": 0,
        "loss.0.kind": "arcface",
        "input.mean": [0.5, 0.5],
        "data.species_boxes": {},
    }
