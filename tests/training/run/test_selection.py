"""training/run/selection.py: held-out photos are never learned from, extra ones are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from embedding.checkpoint import read_header
from embedding.embedder import Embedder
from embedding.photos.photo import Box
from index.labels.reader import LabelledPhoto
from tests.training.run.conftest import EVERY_STEP, Fast, Train, metrics_of
from training.run.loop import train
from training.run.run import BadRun, RunOptions
from training.splits.protocol import BadSplit, make_split, read_split


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
