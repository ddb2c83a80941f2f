"""training/run/loop.py: the same seed, the same checkpoint; stopped anywhere, resumed to the same;
refusals that help.
"""

from __future__ import annotations

import csv
import errno
import json
import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from embedding.checkpoint import CannotWrite, fingerprint_of, load_weights, read_header
from embedding.embedder import Embedder
from embedding.photos.photo import Box
from index.labels.reader import LabelledPhoto
from training.learning.first_weights import start_network
from training.learning.losses import WeightedLosses
from training.learning.resume import BadState
from training.recipes.choices import Recipe
from training.run import loop
from training.run.lock import LOCK, exclusive_folder
from training.run.loop import train
from training.run.run import BadRun, RunOptions
from training.splits.protocol import BadSplit, make_split, read_split

Fast = Callable[..., Recipe]
Train = Callable[..., Path]

# The last epoch is the best, so that the checkpoint tells of every step; a state after each of
# them.
EVERY_STEP = ("data.validation_share=0", "schedule.save_every_steps=1")


@pytest.fixture
def run(whales: list[LabelledPhoto], pixel_cache: Path, fast: Fast) -> Train:
    """Train the fast recipe with overrides into a folder; returns the checkpoint's path."""

    def _run(
        out: Path,
        *overrides: str,
        photos: Sequence[LabelledPhoto] = whales,
        extra: Sequence[LabelledPhoto] = (),
        **options: bool,
    ) -> Path:
        return train(
            fast(*overrides), photos, out, RunOptions(cache=pixel_cache, **options), extra=extra
        )

    return _run


def metrics_of(out: Path) -> list[dict[str, str]]:
    """metrics.csv without the time that it took."""
    with (out / "metrics.csv").open(newline="") as file:
        return [
            {name: value for name, value in row.items() if name != "seconds"}
            for row in csv.DictReader(file)
        ]


def test_a_run_leaves_what_its_folder_promises(
    run: Train, fast: Fast, whales: list[LabelledPhoto], tmp_path: Path
) -> None:
    best = run(tmp_path / "run")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "best.safetensors",
        "curves.png",
        "metrics.csv",
        "recipe.json",
        "run.json",
        "split.csv",
    ]
    assert best == tmp_path / "run" / "best.safetensors"
    assert json.loads((tmp_path / "run" / "recipe.json").read_text()) == json.loads(
        json.dumps(fast().to_dict())
    )
    assert read_split(tmp_path / "run" / "split.csv", whales) == make_split(whales, 0)
    rows = metrics_of(tmp_path / "run")
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert all(
        0 <= float(row[name]) <= 1 for row in rows for name in ("score", "known_map5", "auroc")
    )


def test_the_checkpoint_is_ready_for_use_and_tells_how_it_was_made(
    run: Train, tmp_path: Path
) -> None:
    best = run(tmp_path / "run")
    header = read_header(best)
    assert header.network["backbone"] == "test_resnet" and header.preprocessing.width_px == 32
    assert header.card["recipe"]["batches"]["individuals"] == 6
    assert header.card["validation"]["score"] == max(
        float(row["score"]) for row in metrics_of(tmp_path / "run")
    )
    vectors = Embedder.load(best, device="cpu").embed([Image.new("RGB", (40, 30), (9, 90, 200))])
    assert vectors.shape == (1, 16) and abs(float(np.linalg.norm(vectors)) - 1) < 1e-5


def test_training_teaches(run: Train, tmp_path: Path) -> None:
    run(tmp_path / "run", "schedule.epochs=6", "optimiser.rate=0.003")
    losses = [float(row["loss"]) for row in metrics_of(tmp_path / "run")]
    assert losses[-1] < 0.7 * losses[0]


def test_two_runs_of_one_seed_give_one_fingerprint(
    run: Train, whales: list[LabelledPhoto], tmp_path: Path
) -> None:
    first = fingerprint_of(run(tmp_path / "a"))
    torch.rand(7)  # whatever was drawn before
    assert fingerprint_of(run(tmp_path / "b", photos=whales[::-1])) == first
    assert metrics_of(tmp_path / "a") == metrics_of(tmp_path / "b")
    assert fingerprint_of(run(tmp_path / "c", "seed=1")) != first


def test_the_shipped_tiny_recipe_is_deterministic_too(
    whales: list[LabelledPhoto], pixel_cache: Path, tmp_path: Path
) -> None:
    from training.recipes.reading import read_recipe

    tiny = read_recipe("tiny", ["schedule.epochs=1"])
    found = {
        fingerprint_of(train(tiny, whales, tmp_path / name, RunOptions(cache=pixel_cache)))
        for name in "ab"
    }
    assert len(found) == 1


class Killed(BaseException):
    """What no handler of ours catches."""


def stopped_at_write(monkeypatch: pytest.MonkeyPatch, number: int, *, before: bool) -> None:
    """Stop the process's `number`-th atomic write, before or after the file is in its place."""
    replace, count = pathlib.Path.replace, 0

    def _replace(self: Path, target: Path) -> Path:
        nonlocal count
        count += 1
        if count == number and before:
            raise Killed
        done = replace(self, target)
        if count == number:
            raise Killed
        return done

    monkeypatch.setattr(pathlib.Path, "replace", _replace)


@pytest.mark.parametrize(
    "overrides",
    [
        EVERY_STEP,
        (*EVERY_STEP, "optimiser.kind=sgd", "network.dropout=0.2", "compute.precision=bf16"),
        # The network itself is validated, and lies otherwise in memory than an embedder's does.
        ("schedule.save_every_steps=2", "compute.ema_decay=0.0", "compute.channels_last=false"),
        (
            *EVERY_STEP,
            "schedule.kind=plateau",
            "schedule.epochs=3",
            "loss.0.kind=subcenter_arcface",
        ),
        (
            *(*EVERY_STEP, "schedule.epochs=3", "schedule.freeze_epochs=1", "first_stage.epochs=1"),
            *(
                "schedule.swa_epochs=1",
                "optimiser.backbone_rate_factor=0.3",
                "first_stage.fewest_photos=3",
            ),
        ),
    ],
    ids=[
        "adamw",
        "sgd, dropout, bf16",
        "no average",
        "plateau, sub-centres",
        "frozen, two stages, swa",
    ],
)
def test_stopped_at_any_write_a_run_resumes_to_the_same_result(
    overrides: tuple[str, ...], run: Train, tmp_path: Path, rng: np.random.Generator
) -> None:
    straight = fingerprint_of(run(tmp_path / "straight", *overrides))
    stops = 0
    for number in rng.integers(2, 6, size=60):
        with pytest.MonkeyPatch.context() as patch:
            stopped_at_write(patch, int(number), before=bool(stops % 2))
            try:
                run(tmp_path / "stopped", *overrides, resume=True)
                break
            except Killed:
                stops += 1
    assert stops >= 4
    assert fingerprint_of(tmp_path / "stopped" / "best.safetensors") == straight
    assert metrics_of(tmp_path / "stopped") == metrics_of(tmp_path / "straight")
    assert not (tmp_path / "stopped" / "resume.safetensors").exists()


@pytest.fixture
def start_training(
    start_python: Callable[..., subprocess.Popen[str]],
    whale_folder: Path,
    fast_options: list[str],
    pixel_cache: Path,
) -> Callable[..., subprocess.Popen[str]]:
    """Start `flukeprint train` on the fast recipe as a process of its own."""

    def _start(out: Path, *overrides: str, resume: bool = False) -> subprocess.Popen[str]:
        sets = [part for override in overrides for part in ("--set", override)]
        labels = (
            "--csv",
            whale_folder / "labels.csv",
            "--photos",
            whale_folder,
            "--cache",
            pixel_cache,
        )
        more = ("--resume",) if resume else ()
        return start_python(
            "-m", "flukeprint", "train", "tiny", *labels, "--out", out, *fast_options, *sets, *more
        )

    return _start


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait until the condition holds while the process lives."""
    while not condition():
        if process.poll() is not None:
            pytest.fail(f"ended before it could be killed:\n{process.communicate()[0]}")
        time.sleep(0.002)


def writes_seen(path: Path, wanted: int) -> Callable[[], bool]:
    """Holds once the file has been replaced `wanted` times."""
    seen: set[tuple[int, int]] = set()

    def _seen() -> bool:
        if path.exists():
            seen.add((path.stat().st_ino, path.stat().st_mtime_ns))
        return len(seen) > wanted

    return _seen


def test_killed_at_random_moments_a_run_resumes_to_the_same_result(
    run: Train,
    start_training: Callable[..., subprocess.Popen[str]],
    tmp_path: Path,
    rng: np.random.Generator,
) -> None:
    overrides = (*EVERY_STEP, "schedule.epochs=8")
    straight = fingerprint_of(run(tmp_path / "straight", *overrides))
    out = tmp_path / "killed"
    moments: list[Callable[[], bool]] = [
        (out / "recipe.json").exists,
        writes_seen(out / "resume.safetensors", 2),
        writes_seen(out / "resume.safetensors", 3),
    ]
    for moment in moments:
        process = start_training(out, *overrides, resume=moment is not moments[0])
        wait_for(moment, process)
        time.sleep(float(rng.uniform(0, 0.1)))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    process = start_training(out, *overrides, resume=True)
    said = process.communicate()[0]
    assert process.returncode == 0, said
    assert "continuing" in said and "best checkpoint" in said
    assert fingerprint_of(out / "best.safetensors") == straight
    assert metrics_of(out) == metrics_of(tmp_path / "straight")
    assert not [
        path.name for path in out.iterdir() if path.name.startswith(".")
    ]  # halves of files that kills left


def test_a_run_that_is_finished_is_left_as_it_is(run: Train, tmp_path: Path) -> None:
    best = run(tmp_path / "run")
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()}
    assert run(tmp_path / "run", resume=True) == best
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()} == written
    with pytest.raises(BadRun, match="holds a finished run of another recipe"):
        run(tmp_path / "run", "seed=3", resume=True)


@pytest.fixture
def begun(run: Train, tmp_path: Path) -> Path:
    """A run that was stopped in its first epoch."""
    with pytest.MonkeyPatch.context() as patch:
        stopped_at_write(patch, 4, before=False)
        with pytest.raises(Killed):
            run(tmp_path / "begun", *EVERY_STEP)
    assert (tmp_path / "begun" / "resume.safetensors").exists()
    return tmp_path / "begun"


def test_a_run_of_another_recipe_or_other_photos_is_not_resumed(
    run: Train, begun: Path, whales: list[LabelledPhoto]
) -> None:
    recipe = (begun / "recipe.json").read_bytes()
    with pytest.raises(BadState, match="another recipe"):
        run(begun, *EVERY_STEP, "optimiser.rate=0.002", resume=True)
    assert (begun / "recipe.json").read_bytes() == recipe
    other = [photo for photo in whales if photo.name != "w05_0.png"]
    with pytest.raises(BadState, match="other photos"):
        run(begun, *EVERY_STEP, photos=other, resume=True)


def test_a_folder_in_use_is_refused(run: Train, begun: Path, tmp_path: Path) -> None:
    with pytest.raises(BadRun, match="begun is not empty; give --resume"):
        run(begun)
    (tmp_path / "file").touch()
    with pytest.raises(BadRun, match="file is not empty"):
        run(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / "empty", "schedule.epochs=0").exists()


def test_two_never_train_in_one_folder(run: Train, begun: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in begun.iterdir()}
    with (
        exclusive_folder(begun),
        pytest.raises(
            BadRun, match=r"another process is training in .*; wait until it has finished"
        ),
    ):
        run(begun, resume=True)
    assert {path.name: path.read_bytes() for path in begun.iterdir()} == before
    with pytest.raises(RuntimeError), exclusive_folder(tmp_path / "nothing came of it"):
        raise RuntimeError
    assert not (tmp_path / "nothing came of it").exists()
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed" / LOCK).touch()  # what a process leaves that is killed at once
    assert run(tmp_path / "killed").exists()
    assert not (tmp_path / "killed" / LOCK).exists()


def test_no_epochs_write_the_first_weights(run: Train, fast: Fast, tmp_path: Path) -> None:
    best = run(tmp_path / "run", "schedule.epochs=0", "loss=[]", "seed=5")
    torch.manual_seed(5)
    wanted = start_network(fast("schedule.epochs=0").network).state_dict()
    found = load_weights(best)
    assert set(found) == set(wanted)
    for name, value in found.items():
        torch.testing.assert_close(
            value, wanted[name].half().float() if wanted[name].is_floating_point() else value
        )


def scripted_scores(monkeypatch: pytest.MonkeyPatch, *scores: float) -> None:
    """Let validations give these scores, one after the other."""
    left = iter(scores)
    monkeypatch.setattr(
        loop, "validation_metrics", lambda *_: {"score": (given := next(left)), "auroc": given}
    )


def test_early_stopping_keeps_the_best_epoch(
    run: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted_scores(monkeypatch, 0.1, 0.5, 0.4, 0.3, 0.9)
    best = run(tmp_path / "run", "schedule.epochs=9", "schedule.early_stop_epochs=2")
    assert [row["score"] for row in metrics_of(tmp_path / "run")] == ["0.1", "0.5", "0.4", "0.3"]
    assert read_header(best).card["validation"]["epoch"] == 2
    assert not (tmp_path / "run" / "resume.safetensors").exists()


def test_early_stopping_counts_on_after_a_resume(run: Train, tmp_path: Path) -> None:
    options = ("schedule.epochs=9", "schedule.early_stop_epochs=2")
    with pytest.MonkeyPatch.context() as patch:
        scripted_scores(patch, 0.5, 0.4)
        with pytest.raises(
            StopIteration
        ):  # the third validation has no score: the run breaks there
            run(tmp_path / "run", *options)
    with pytest.MonkeyPatch.context() as patch:
        scripted_scores(patch, 0.3, 0.9)
        run(tmp_path / "run", *options, resume=True)
    assert [row["score"] for row in metrics_of(tmp_path / "run")] == ["0.5", "0.4", "0.3"]


def test_a_plateau_lowers_the_rate(
    run: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted_scores(monkeypatch, 0.5, 0.4, 0.3, 0.6)
    plateau = (
        "schedule.kind=plateau",
        "schedule.plateau_patience=0",
        "schedule.plateau_factor=0.1",
    )
    run(tmp_path / "run", "schedule.epochs=4", "schedule.warmup_epochs=0", *plateau)
    rates = [float(row["rate"]) for row in metrics_of(tmp_path / "run")]
    assert rates == pytest.approx([1e-3, 1e-3, 1e-4, 1e-5])


def test_epochs_between_validations_have_no_metrics_and_the_last_has(
    run: Train, tmp_path: Path
) -> None:
    run(tmp_path / "run", "schedule.epochs=3", "schedule.validate_every_epochs=2")
    assert [bool(row["score"]) for row in metrics_of(tmp_path / "run")] == [False, True, True]


def test_without_validation_all_of_fit_is_learned_and_the_last_epoch_kept(
    run: Train, whales: list[LabelledPhoto], tmp_path: Path
) -> None:
    card = read_header(run(tmp_path / "a", "data.validation_share=0")).card
    split = make_split(whales, 0)
    assert card["photos"] == len(split.names("fit")) and card["validation"]["epoch"] == 2
    everything = read_header(
        run(tmp_path / "b", "data.validation_share=0", "data.hold_out_test=false")
    ).card
    assert (everything["photos"], everything["individuals"]) == (82, 20)


def test_held_out_photos_are_not_even_read(
    run: Train, whales: list[LabelledPhoto], tmp_path: Path, fast: Fast
) -> None:
    split = make_split(whales, 0)
    hidden = [
        photo
        if split.roles[photo.name] == "fit"
        else LabelledPhoto(photo.name, tmp_path / "gone", photo.individual)
        for photo in whales
    ]
    assert train(fast(), hidden, tmp_path / "run", RunOptions(cache=tmp_path / "cache")).exists()


@pytest.mark.parametrize(
    "overrides",
    [
        (
            "loss.0.kind=multi_similarity",
            "optimiser.kind=adam",
            "batches.flips_as_individuals=false",
        ),
        ("loss.0.kind=triplet", "loss.0.mining=semihard", "batches.new_whales=individuals"),
        (
            "input.fit=pad",
            "augmentation.erase_share=0.5",
            "augmentation.blur_share=0.5",
            "batches.new_whales=unused",
        ),
        (
            "network.embedding_dim=0",
            "network.pooling=average",
            "optimiser.clip_norm=0",
            "loss.0.dynamic_margin=true",
        ),
        ("batches.individuals=1", "batches.photos_each=2", "data.validation_share=0"),
        ("batches.photos_each=1", "loss.0.kind=triplet"),  # no positive pair ever
        (
            "network.pooling=vlad",
            "network.stride=8",
            "network.mirror=vertical",
            "network.clusters=8",
        ),
        (
            "network.pooling=vlad",
            "network.stride=8",
            "network.clusters=8",
            "network.mirror_fusion=separate",
        ),
        ("network.mirror_fusion=separate",),
    ],
)
def test_every_choice_trains(overrides: tuple[str, ...], run: Train, tmp_path: Path) -> None:
    assert run(tmp_path / "run", "schedule.epochs=1", *overrides).exists()
    assert np.isfinite(float(metrics_of(tmp_path / "run")[0]["loss"]))


def test_photos_with_boxes_train_a_locator_that_travels_with_the_checkpoint(
    run: Train, whales: list[LabelledPhoto], tmp_path: Path
) -> None:
    boxed = [
        LabelledPhoto(p.name, p.path, p.individual, box=Box(0.1, 0.2, 0.9, 0.8)) for p in whales
    ]
    options = (
        "input.crop=box",
        "locator.epochs=2",
        "locator.weights=random",
        "data.hold_out_test=false",
        *EVERY_STEP,
    )
    with pytest.MonkeyPatch.context() as patch:
        stopped_at_write(patch, 6, before=False)
        with pytest.raises(Killed):
            run(tmp_path / "run", *options, photos=boxed)
    best = run(tmp_path / "run", *options, photos=boxed, resume=True)
    assert fingerprint_of(run(tmp_path / "again", *options, photos=boxed)) == fingerprint_of(best)
    assert read_header(best).has_locator and 0 < read_header(best).card["locator_overlap"] <= 1
    assert Embedder.load(best, device="cpu").locator is not None


def test_photos_without_boxes_are_cropped_by_the_first_weights_own_locator(
    run: Train, whales: list[LabelledPhoto], tmp_path: Path
) -> None:
    boxed = [
        LabelledPhoto(p.name, p.path, p.individual, box=Box(0.1, 0.2, 0.9, 0.8)) for p in whales
    ]
    options = (
        "input.crop=box",
        "locator.epochs=2",
        "locator.weights=random",
        "data.hold_out_test=false",
        "schedule.epochs=0",
    )
    first = run(tmp_path / "first", *options, photos=boxed)
    tuned = run(tmp_path / "tuned", *options, f"network.weights={first}")
    assert read_header(tuned).has_locator and "locator_overlap" not in read_header(tuned).card
    inherited, given = (
        Embedder.load(tuned, device="cpu").locator,
        Embedder.load(first, device="cpu").locator,
    )
    assert inherited is not None and given is not None
    weights = given.state_dict()
    assert all(
        bool((value == weights[name]).all()) for name, value in inherited.state_dict().items()
    )


def test_with_few_boxes_no_locator_is_trained(
    run: Train, whales: list[LabelledPhoto], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    best = run(tmp_path / "run", "input.crop=box", "locator.epochs=2", "schedule.epochs=0")
    assert not read_header(best).has_locator
    assert "0 of" in capsys.readouterr().err


def test_too_little_to_learn_from_is_refused(
    run: Train, whales: list[LabelledPhoto], tmp_path: Path
) -> None:
    three = [photo for photo in whales if photo.individual in ("w03", "w07", "w11")]
    with pytest.raises(BadSplit, match="3 individuals can't be split"):
        run(tmp_path / "a", photos=three)
    one = [photo for photo in whales if photo.individual == "w03"]
    with pytest.raises(BadRun, match="1 individuals are left to learn from; at least 2"):
        run(tmp_path / "b", "data.hold_out_test=false", "data.validation_share=0", photos=one)
    once = [photo for photo in whales if photo.name.endswith("_0.png")]
    with pytest.raises(
        BadRun, match=r"no photo is left to choose the best epoch by.*validation_share=0"
    ):
        run(tmp_path / "c", photos=once)
    assert run(tmp_path / "d", "data.validation_share=0", photos=once).exists()
    assert not any((tmp_path / name).exists() for name in "abc")


def test_a_loss_that_is_no_number_ends_the_run_with_advice(
    run: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward, calls = WeightedLosses.forward, 0

    def _forward(self: Any, embeddings: torch.Tensor, identities: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return forward(self, embeddings, identities) * (float("nan") if calls == 6 else 1.0)

    monkeypatch.setattr(WeightedLosses, "forward", _forward)
    with pytest.raises(
        BadRun, match=r"the loss became nan in epoch 2, step 2; lower optimiser\.rate"
    ):
        run(tmp_path / "run")


def test_a_full_disk_ends_the_run_and_it_goes_on_when_there_is_room(
    run: Train, tmp_path: Path
) -> None:
    straight = fingerprint_of(run(tmp_path / "straight", *EVERY_STEP))
    fsync, calls = os.fsync, 0

    def full(file: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 7:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(file)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(CannotWrite, match="No space left on device"):
            run(tmp_path / "run", *EVERY_STEP)
    assert not list((tmp_path / "run").glob(".*"))
    assert fingerprint_of(run(tmp_path / "run", *EVERY_STEP, resume=True)) == straight


def test_the_seconds_of_a_resumed_run_count_on(run: Train, begun: Path) -> None:
    run(begun, *EVERY_STEP, resume=True)
    with (begun / "metrics.csv").open(newline="") as file:
        seconds = [float(row["seconds"]) for row in csv.DictReader(file)]
    assert len(seconds) == 2 and 0 < seconds[0] <= seconds[1]


def test_tensorboard_gets_the_metrics_where_it_is_asked_for(run: Train, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    run(tmp_path / "run", "schedule.epochs=1", tensorboard=True)
    assert list((tmp_path / "run" / "tensorboard").glob("events*"))


def test_a_device_that_is_not_there_is_refused(run: Train, tmp_path: Path) -> None:
    from training.recipes.choices import BadRecipe

    with pytest.raises(
        BadRecipe, match=r"compute\.device = 'abacus': .*Allowed are \"auto\", \"cpu\" and \"cuda\""
    ):
        run(tmp_path / "run", "compute.device=abacus")


def test_a_teacher_s_loss_is_part_of_every_step(run: Train, tmp_path: Path) -> None:
    teacher = run(tmp_path / "teacher", *EVERY_STEP, "seed=5")
    # No other term, so that the loss is the teacher's alone, and in proportion to its weight at the
    # first step.
    taught = (
        *EVERY_STEP,
        "loss=[{kind='triplet',weight=0.0}]",
        "schedule.epochs=1",
        "optimiser.rate=0.0",
    )
    losses = {
        weight: float(metrics_of(run_folder)[0]["loss"])
        for weight in (1.0, 3.0)
        for run_folder in [tmp_path / f"{weight}"]
        if run(
            run_folder, *taught, f"distillation.teacher={teacher}", f"distillation.weight={weight}"
        )
    }
    assert losses[1.0] > 0
    assert losses[3.0] == pytest.approx(3 * losses[1.0], rel=1e-5)


def test_extra_photos_are_learned_from_but_not_of_individuals_held_out(
    run: Train, whales: list[LabelledPhoto], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    roles = make_split(whales).roles
    held_out = next(photo for photo in whales if roles[photo.name] == "disjoint")
    fit = next(
        photo for photo in whales if roles[photo.name] == "fit" and photo.individual is not None
    )
    extra = [
        LabelledPhoto("extra/a.png", fit.path, fit.individual),
        LabelledPhoto("extra/b.png", fit.path, None),
        LabelledPhoto("extra/c.png", held_out.path, held_out.individual),
    ]
    options = (*EVERY_STEP, "schedule.epochs=1")
    best = run(tmp_path / "extra", *options, extra=extra)
    assert "1 of 3 extra photos are of individuals that are held out" in capsys.readouterr().err
    alone = run(tmp_path / "alone", *options)
    assert read_header(best).card["photos"] == read_header(alone).card["photos"] + 2
    assert read_header(best).card["individuals"] == read_header(alone).card["individuals"]
    assert set(read_split(tmp_path / "extra" / "split.csv", whales).roles) == {
        photo.name for photo in whales
    }


def test_without_labels_photos_are_learned_from_and_validated_by_their_labels(
    run: Train, fast: Fast, whales: list[LabelledPhoto], tmp_path: Path
) -> None:
    # Every third photo bears another's label: by the right ones alone all would be found.
    wrong = whales[::3]
    others = {
        one.name: other.individual for one, other in zip(wrong, [*wrong[1:], wrong[0]], strict=True)
    }
    mislabelled = [LabelledPhoto(p.name, p.path, others.get(p.name, p.individual)) for p in whales]
    options = (
        "data.labels=ignore",
        'loss=[{kind="multi_similarity",memory=16}]',
        "schedule.epochs=1",
    )
    best = run(tmp_path / "run", *options, photos=mislabelled)
    assert read_header(best).card["individuals"] == 0
    roles = make_split(mislabelled, 0).roles
    fit = [photo for photo in mislabelled if roles[photo.name] == "fit"]
    inner = make_split(fit, 1, fast().data.validation_share).roles
    asked = [photo for photo in fit if inner[photo.name] == "known_query"]
    gallery = [p for p in fit if inner[p.name] in ("fit", "disjoint") and p.individual is not None]
    embedder = Embedder.load(best, device="cpu")
    vectors = {
        photo.name: embedder.embed([Image.open(photo.path).convert("RGB")])[0]
        for photo in [*asked, *gallery]
    }
    nearest = [
        max(gallery, key=lambda other: float(vectors[other.name] @ vectors[one.name]))
        for one in asked
    ]
    right = [found.individual == one.individual for found, one in zip(nearest, asked, strict=True)]
    assert 0 < sum(right) < len(right)
    assert float(metrics_of(tmp_path / "run")[0]["known_top1"]) == pytest.approx(np.mean(right))


def test_a_run_with_a_memory_resumes_to_the_same(
    run: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = (*EVERY_STEP, 'loss=[{kind="multi_similarity",memory=20}]')
    whole = run(tmp_path / "whole", *options)
    with monkeypatch.context() as patch:
        stopped_at_write(patch, 7, before=False)
        with pytest.raises(Killed):
            run(tmp_path / "cut", *options)
    assert fingerprint_of(run(tmp_path / "cut", *options, resume=True)) == fingerprint_of(whole)


def test_another_teacher_is_another_run(
    run: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = tmp_path / "teacher.safetensors"
    first, second = (
        run(tmp_path / f"{seed}", "schedule.epochs=0", f"seed={seed}") for seed in (1, 2)
    )
    teacher.write_bytes(first.read_bytes())
    options = (*EVERY_STEP, f"distillation.teacher={teacher}")
    with monkeypatch.context() as patch:
        stopped_at_write(patch, 5, before=False)
        with pytest.raises(Killed):
            run(tmp_path / "run", *options)
    teacher.write_bytes(second.read_bytes())
    with pytest.raises(BadState, match="belongs to another recipe"):
        run(tmp_path / "run", *options, resume=True)
    teacher.write_bytes(first.read_bytes())
    best = run(tmp_path / "run", *options, resume=True)
    assert (
        read_header(best).card["recipe"]["distillation"]["teacher"] == "teacher.safetensors"
    )  # no folder


def test_extra_photos_without_a_place_or_a_box_are_refused(
    run: Train, whales: list[LabelledPhoto], tmp_path: Path
) -> None:
    extra = [LabelledPhoto("extra/a.png", whales[0].path, None)]
    with pytest.raises(BadRun, match="leaves the 1 unlabelled photos no place in a batch"):
        run(tmp_path / "a", "batches.unlabelled_share=0", extra=extra)
    boxed = [
        LabelledPhoto(p.name, p.path, p.individual, box=Box(0.1, 0.2, 0.9, 0.8)) for p in whales
    ]
    with pytest.raises(
        BadRun, match="the extra ones come without, and there is no locator to find them"
    ):
        run(tmp_path / "b", "input.crop=box", extra=extra, photos=boxed)
