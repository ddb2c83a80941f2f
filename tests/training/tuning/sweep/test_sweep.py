"""training/tuning/sweep/sweep.py: trials judged by metrics.csv, given up, broken, stopped and gone
on with.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock

from training.recipes.reading import read_recipe
from training.tuning.sweep import sweep, trial
from training.tuning.sweep.space import BadSpace, read_space
from training.tuning.sweep.study import BadStudy, Plan, Study, Trial, TrialResult
from training.tuning.sweep.sweep import BadSweep, SweepChoices, run_sweep

# In place of a training: scores are a rate's nearness to .01, epoch by epoch; sgd breaks; a poor
# one never ends.
STUB = """
import os, pathlib, signal, sys, threading, time, tomllib

def stop():
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=stop, daemon=True).start()
recipe = tomllib.loads(pathlib.Path(sys.argv[1]).read_text())
out = pathlib.Path(sys.argv[sys.argv.index("--out") + 1])
if recipe["optimiser"]["kind"] == "sgd":
    print("some words\\nerror: the loss became nan", file=sys.stderr)
    sys.exit(2)
score = 1 - abs(recipe["optimiser"]["rate"] - 0.01)
(out / "resume.safetensors").touch()
text = "epoch,loss,score\\n"
for epoch in range(1, recipe["schedule"]["epochs"] + 1):
    text += f"{epoch},1.5,{score}\\n"
    (out / "metrics.csv").write_text(text)
    if os.environ.get("STUB_WAITS") and not (out / "again").exists():
        (out / "again").touch()
        time.sleep(600)
    if score < 0.5:
        time.sleep(600)
(out / "resume.safetensors").unlink()
"""

Choose = Callable[..., SweepChoices]


@pytest.fixture
def choose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Choose:
    """Choices of a sweep whose trainings are the stub."""
    program = tmp_path / "stub.py"
    program.write_text(STUB)
    monkeypatch.setattr(trial, "PROGRAM", (str(program),))
    monkeypatch.setattr(sweep, "_POLL_SECONDS", 0.02)

    def _choose(
        *varied: str, plan: Plan | None = None, overrides: tuple[str, ...] = (), **others: object
    ) -> SweepChoices:
        space = read_space(None, varied or ["optimiser.rate=log(1e-4,1e-1)"])
        plan = plan or Plan("random", "none", trials=4)
        options = {"out": tmp_path / "sweep", **others}
        return SweepChoices("tiny", overrides, space, plan, ("--photos", "photos"), **options)  # type: ignore[arg-type]

    return _choose


def of(results: list[TrialResult]) -> list[tuple[int, str, float | None, dict[str, str]]]:
    return [(each.number, each.standing, each.value, each.values) for each in results]


def test_a_sweep_leaves_its_trials_its_best_recipe_and_pictures(choose: Choose) -> None:
    choices = choose(workers=2)
    results = run_sweep(choices)
    assert [each.standing for each in results] == ["complete"] * 4
    best = max(results, key=lambda each: each.value or 0)
    assert best.value == pytest.approx(1 - abs(float(best.values["optimiser.rate"]) - 0.01))
    assert best.curve == {1: best.value, 2: best.value}
    recipe = read_recipe(str(choices.out / "best.toml"))
    assert recipe == read_recipe("tiny", [f"optimiser.rate={best.values['optimiser.rate']}"])
    with (choices.out / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["trial"] for row in rows] == ["0", "1", "2", "3"]
    assert float(rows[best.number]["score"]) == best.value
    for name in ("history.png", "slices.png", "importance.png"):
        assert (choices.out / name).read_bytes().startswith(b"\x89PNG"), name
    assert not (choices.out / "sweep.lock").exists()
    written = tomllib.loads((choices.out / "trials" / "001" / "trial.toml").read_text())
    assert written["optimiser"]["rate"] == float(rows[1]["optimiser.rate"])


def test_a_trial_that_breaks_is_noted_and_the_sweep_goes_on(choose: Choose) -> None:
    plan = Plan("grid", "none", trials=9)
    choices = choose("optimiser.kind=sgd|adamw", "optimiser.rate=0.01|0.02", plan=plan)
    results = run_sweep(choices)
    assert [each.standing for each in results] == ["failed", "failed", "complete", "complete"]
    assert results[0].error == "error: the loss became nan"
    assert read_recipe(str(choices.out / "best.toml")).optimiser.rate == 0.01
    assert "error: the loss became nan" in (choices.out / "trials.csv").read_text()


def test_when_all_fail_alike_no_more_are_tried(choose: Choose) -> None:
    with pytest.raises(
        BadSweep, match="first 3 trials all failed, with error: the loss became nan"
    ):
        run_sweep(choose(overrides=("optimiser.kind=sgd",), plan=Plan("random", "none", trials=20)))


def test_when_none_came_to_an_end_the_last_error_is_told(choose: Choose) -> None:
    with pytest.raises(
        BadSweep, match="no trial of 2 came to an end; trial 1 says: error: the loss became nan"
    ):
        run_sweep(choose(overrides=("optimiser.kind=sgd",), plan=Plan("random", "none", trials=2)))
    with pytest.raises(BadSweep, match=r"metrics\.csv has no auroc; it has score"):
        run_sweep(
            choose(
                metric="auroc", out=choose().out / "other", plan=Plan("random", "none", trials=1)
            )
        )


def test_a_hopeless_trial_is_stopped(choose: Choose) -> None:
    rates = "optimiser.rate=0.01|0.011|0.012|0.7"  # the last would train for ten minutes
    results = run_sweep(choose(rates, plan=Plan("grid", "median", trials=4)))
    assert [each.standing for each in results] == ["complete"] * 3 + ["pruned"]
    assert results[3].curve == {1: pytest.approx(0.31)}
    assert not (choose().out / "trials" / "003" / "resume.safetensors").exists()


def test_a_trial_is_noted_as_pruned_before_what_is_for_resuming_goes(
    choose: Choose, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = "optimiser.rate=0.01|0.011|0.012|0.7"
    choices = choose(rates, plan=Plan("grid", "median", trials=4))
    unfinished = choices.out / "trials" / "003" / "resume.safetensors"
    prune = Study.prune

    def noted(study: Study, trial: Trial, seconds: float) -> None:
        assert (
            unfinished.exists()
        )  # without it --resume has nothing to go on with, and ends at once
        prune(study, trial, seconds)

    monkeypatch.setattr(Study, "prune", noted)
    assert run_sweep(choices)[3].standing == "pruned"
    assert not unfinished.exists()


def test_stopped_within_a_trial_a_sweep_goes_on_to_the_same_end(
    choose: Choose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = run_sweep(choose(out=tmp_path / "straight"))
    choices = choose(out=tmp_path / "stopped")

    def interrupted(seconds: float) -> None:
        del seconds
        if (choices.out / "trials" / "000" / "again").exists():
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setenv("STUB_WAITS", "1")
        patch.setattr(sweep, "time", SimpleNamespace(sleep=interrupted))
        with pytest.raises(KeyboardInterrupt):
            run_sweep(choices)
    assert (choices.out / "trials" / "000" / "resume.safetensors").exists()
    assert not (choices.out / "trials" / "001").exists()
    with pytest.raises(BadSweep, match="holds a sweep; give --resume"):
        run_sweep(choices)
    assert of(run_sweep(choose(out=choices.out, resume=True))) == of(straight)
    with pytest.raises(BadStudy, match="begun with other space"):
        run_sweep(choose("optimiser.rate=log(1e-4,1)", out=choices.out, resume=True))
    more = run_sweep(choose(out=choices.out, resume=True, plan=Plan("random", "none", trials=5)))
    assert of(more[:4]) == of(straight) and len(more) == 5


def test_what_cannot_be_swept_is_refused_before_a_trial(choose: Choose, tmp_path: Path) -> None:
    with pytest.raises(BadSweep, match="--metric loss is no validation figure"):
        run_sweep(choose(metric="loss"))
    with pytest.raises(BadSweep, match="leaves nothing to judge trials by"):
        run_sweep(choose(overrides=("data.validation_share=0",)))
    with pytest.raises(BadSpace, match="a grid needs values"):
        run_sweep(choose(plan=Plan("grid", "none")))
    with pytest.raises(BadSpace, match="is not for this recipe"):
        run_sweep(choose("optimiser.kind=adamw|adagrad"))
    assert not (tmp_path / "sweep").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").touch()
    with pytest.raises(BadSweep, match="not empty and holds no sweep"):
        run_sweep(choose(out=tmp_path / "full", resume=True))


def test_a_folder_has_one_sweep_at_a_time(choose: Choose) -> None:
    choices = choose(plan=Plan("random", "none", trials=1))
    run_sweep(choices)
    with (
        FileLock(choices.out / "sweep.lock"),
        pytest.raises(BadSweep, match="another process runs the sweep"),
    ):
        run_sweep(choose(resume=True))
    (choices.out / "sweep.lock").touch()  # left by a process that was killed
    assert len(run_sweep(choose(resume=True, plan=Plan("random", "none", trials=1)))) == 1
