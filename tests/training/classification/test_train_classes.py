from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from embedding.checkpoint import fingerprint_of, read_header
from embedding.embedder import Embedder
from index.commands.photo_arguments import embed_with_progress
from index.labels.reader import LabelledPhoto
from training.classification.classifier import read_classifier
from training.classification.predictions import answers_csv, answers_of
from training.classification.train_classes import train_kinds
from training.commands.classify import train_by_kinds
from training.pixels.packing import pack
from training.recipes.choices import Recipe
from training.run.decoding import preprocessing_of
from training.run.run import BadRun, RunOptions

Quick = Callable[..., Recipe]


def test_a_run_leaves_the_checkpoint_its_figures_and_its_pictures(
    learned: Path, kinds: list[LabelledPhoto]
) -> None:
    report = json.loads((learned / "report.json").read_text())
    assert report["classes"] == ["bumble", "honey", "wasp"]
    assert report["photos"] == {"train": 23, "validation": 6, "test": 7} | report["photos"]
    assert sum(report["photos"].values()) == 36, "new_whale has no kind"
    best = max(report["methods"].values(), key=lambda one: one["validation"]["balanced_accuracy"])
    kept = report["methods"][report["method"]]
    assert kept["validation"]["balanced_accuracy"] == best["validation"]["balanced_accuracy"]
    assert report["test"]["accuracy"] == kept["test"]["accuracy"]
    for name in ("roc_and_precision_recall.png", "confusion.png", "reliability.png", "curves.png"):
        assert (learned / name).read_bytes().startswith(b"\x89PNG")
    page = (learned / "report.md").read_text()
    assert f"Kept, as the best on validation: {report['method']}." in page
    assert all(f"| {name} | " in page for name in report["classes"])
    assert not list(learned.glob("resume*"))
    assert json.loads((learned / "run.json").read_text())["fingerprint"] == fingerprint_of(
        learned / "best.safetensors"
    )


def test_a_loaded_checkpoint_scores_the_same_as_the_run_said(
    learned: Path, kinds: list[LabelledPhoto]
) -> None:
    with (learned / "split.csv").open() as file:
        parts = {row["image"]: row["part"] for row in csv.DictReader(file)}
    test = [photo for photo in kinds if parts.get(photo.name) == "test"]
    read, _ = embed_with_progress(test, Embedder.load(learned / "best.safetensors"), "Embedding")
    classifier = read_classifier(learned / "best.safetensors")
    answers = answers_of(
        classifier, [one.photo.name for one in read], np.stack([one.vector for one in read])
    )
    assert answers_csv(answers) == (learned / "test_predictions.csv").read_text()
    accuracy = np.mean(
        [one.label == photo.individual for one, photo in zip(answers, test, strict=True)]
    )
    assert accuracy == json.loads((learned / "report.json").read_text())["test"]["accuracy"]


def test_the_same_seed_gives_the_same_file_and_figures(
    learned: Path, kinds: list[LabelledPhoto], quick: Quick, tmp_path: Path
) -> None:
    again = train_kinds(quick(), kinds, tmp_path / "again", RunOptions(cache=tmp_path / "cache"))
    assert fingerprint_of(again) == fingerprint_of(learned / "best.safetensors")
    assert (again.parent / "report.json").read_text() == (learned / "report.json").read_text()


def test_a_pack_without_the_photos_gives_the_same_file_and_figures(
    learned: Path,
    kinds: list[LabelledPhoto],
    quick: Quick,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "pack"
    pack(kinds, preprocessing_of(quick().input), folder)
    assert not (folder / kinds[0].name).exists()
    train_by_kinds(quick(), (), [folder], tmp_path / "run", RunOptions(cache=folder))
    assert "left out" in capsys.readouterr().err  # the photos of new_whale, which a pack has too
    assert fingerprint_of(tmp_path / "run" / "best.safetensors") == fingerprint_of(
        learned / "best.safetensors"
    )
    for name in ("report.json", "test_predictions.csv", "split.csv", "metrics.csv"):
        mine, theirs = ((run / name).read_text() for run in (tmp_path / "run", learned))
        if name == "metrics.csv":  # its last column is the time that it took
            mine, theirs = (
                [row.rpartition(",")[0] for row in text.splitlines()] for text in (mine, theirs)
            )
        assert mine == theirs, name


def test_the_pictures_of_a_run_speak_of_accuracy(
    kinds: list[LabelledPhoto], quick: Quick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(
        "training.run.loop.draw_curves", lambda *_, is_of_classes: asked.append(is_of_classes)
    )
    train_kinds(
        quick("schedule.epochs=1"), kinds, tmp_path / "run", RunOptions(cache=tmp_path / "cache")
    )
    assert asked == [True]


def test_a_run_that_was_stopped_before_its_report_gets_it(
    learned: Path, kinds: list[LabelledPhoto], quick: Quick, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    out.mkdir()
    for name in ("best.safetensors", "recipe.json", "report.json"):
        (out / name).write_bytes((learned / name).read_bytes())
    told = (out / "report.json").read_text()
    (out / "report.json").unlink()
    train_kinds(quick(), kinds, out, RunOptions(cache=tmp_path / "cache", resume=True))
    assert (out / "report.json").read_text() == told
    (out / "report.json").write_text("kept")
    train_kinds(quick(), kinds, out, RunOptions(cache=tmp_path / "cache", resume=True))
    assert (out / "report.json").read_text() == "kept", "a finished run is left as it is"


def test_a_used_folder_is_refused(
    learned: Path, kinds: list[LabelledPhoto], quick: Quick, tmp_path: Path
) -> None:
    with pytest.raises(BadRun, match="is not empty"):
        train_kinds(quick(), kinds, learned, RunOptions(cache=tmp_path / "cache"))


def test_few_kinds_fill_the_batch_with_several_photos_of_each(learned: Path) -> None:
    recipe = json.loads((learned / "recipe.json").read_text())
    assert (recipe["batches"]["individuals"], recipe["batches"]["photos_each"]) == (12, 4)
    assert read_header(learned / "best.safetensors").card["individuals"] == 3


def test_only_the_first_of_several_processes_reports(
    learned: Path,
    kinds: list[LabelledPhoto],
    quick: Quick,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "run"
    out.mkdir()
    for name in ("best.safetensors", "recipe.json"):
        (out / name).write_bytes((learned / name).read_bytes())
    monkeypatch.setenv("RANK", "1")
    train_kinds(quick(), kinds, out, RunOptions(cache=tmp_path / "cache", resume=True))
    assert sorted(path.name for path in out.iterdir()) == ["best.safetensors", "recipe.json"]
