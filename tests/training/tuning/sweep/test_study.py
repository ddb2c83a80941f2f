"""training/tuning/sweep/study.py: trials that survive the process, are pruned by the others, and
say what decided.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from training.tuning.sweep.space import Space, read_space
from training.tuning.sweep.study import BadStudy, Plan, Study, best_of, grid_size

SPACE = read_space(None, ["optimiser.rate=log(1e-4,1e-1)", "optimiser.kind=adamw|sgd"])
GRID = read_space(None, ["batches.individuals=int(4,8,2)", "optimiser.kind=adamw|sgd"])


def study(folder: Path, plan: Plan, space: Space = SPACE) -> Study:
    return Study(folder / "study.db", space, plan)


def values_of(folder: Path, sampler: str, count: int, *, reopened: bool) -> list[dict[str, str]]:
    """The values of the first trials, each scored by its rate; with the study opened anew for each,
    or not.
    """
    folder.mkdir()
    plan = Plan(sampler, "none", trials=count)  # type: ignore[arg-type]
    opened = study(folder, plan)
    for _ in range(count):
        opened = study(folder, plan) if reopened else opened
        trial = opened.next_trial()
        opened.report(trial, 1, float(trial.values["optimiser.rate"]))
        opened.complete(trial, 1.0)
    return [each.values for each in opened.results()]


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_study_goes_on_as_if_it_had_not_been_stopped(sampler: str, tmp_path: Path) -> None:
    straight = values_of(tmp_path / "straight", sampler, 4, reopened=False)
    assert values_of(tmp_path / "stopped", sampler, 4, reopened=True) == straight
    assert len({each["optimiser.rate"] for each in straight}) == 4
    assert all(1e-4 <= float(each["optimiser.rate"]) <= 1e-1 for each in straight)


def test_a_grid_is_gone_through_once(tmp_path: Path) -> None:
    assert grid_size(GRID) == 6
    opened = study(tmp_path, Plan("grid", "none", trials=6), GRID)
    for _ in range(6):
        trial = opened.next_trial()
        opened.report(trial, 1, 0.5)
        opened.complete(trial, 1.0)
    found = [
        (each.values["batches.individuals"], each.values["optimiser.kind"])
        for each in opened.results()
    ]
    assert found == [(count, kind) for count in ("4", "6", "8") for kind in ("adamw", "sgd")]


def test_trials_under_way_are_found_again_with_what_they_reported(tmp_path: Path) -> None:
    first = study(tmp_path, Plan())
    trial = first.next_trial()
    first.report(trial, 1, 0.25)
    again = study(tmp_path, Plan())
    (found,) = again.unfinished()
    assert (found.number, found.values, found.curve) == (0, trial.values, {1: 0.25})
    again.report(found, 1, 0.75)  # known already
    again.report(found, 2, 0.5)
    again.complete(found, 9.0)
    (done,) = again.results()
    assert (done.standing, done.value, done.curve, done.seconds) == (
        "complete",
        0.5,
        {1: 0.25, 2: 0.5},
        9.0,
    )


def test_what_is_below_the_median_is_given_up_and_not_before_its_time(tmp_path: Path) -> None:
    opened = study(tmp_path, Plan(pruner="median", prune_after=2))
    for value in (0.2, 0.4, 0.6):
        trial = opened.next_trial()
        for epoch in (1, 2):
            assert not opened.report(trial, epoch, value)
        opened.complete(trial, 1.0)
    poor, good = opened.next_trial(), opened.next_trial()
    assert not opened.report(poor, 1, 0.1)
    assert opened.report(poor, 2, 0.3)
    assert not opened.report(good, 2, 0.5)
    opened.prune(poor, 3.0)
    opened.fail(good, "error: broken", 4.0)
    assert [each.standing for each in opened.results()] == ["complete"] * 3 + ["pruned", "failed"]
    assert opened.results()[3].value == 0.3 and opened.results()[4].error == "error: broken"
    best = best_of(opened.results())
    assert best is not None and best.number == 2


def test_importance_names_what_decided(tmp_path: Path) -> None:
    opened = study(tmp_path, Plan("random", "none"))
    assert opened.importance() == {}
    for _ in range(10):
        trial = opened.next_trial()
        opened.report(trial, 1, 0.9 if trial.values["optimiser.kind"] == "sgd" else 0.1)
        opened.complete(trial, 1.0)
    found = opened.importance()
    assert sum(found.values()) == pytest.approx(1)
    assert found["optimiser.kind"] > 0.8


def test_a_study_begun_otherwise_is_not_gone_on_with(tmp_path: Path) -> None:
    study(tmp_path, Plan()).check_settings({"recipe": "abc", "metric": "score"})
    study(tmp_path, Plan()).check_settings({"recipe": "abc", "metric": "score"})
    with pytest.raises(BadStudy, match="begun with other metric: score there, auroc now"):
        study(tmp_path, Plan()).check_settings({"recipe": "abc", "metric": "auroc"})
    (tmp_path / "study.db").write_bytes(b"no database, whatever its name says" * 100)
    with pytest.raises(BadStudy, match="can't be opened as a study"):
        study(tmp_path, Plan())
