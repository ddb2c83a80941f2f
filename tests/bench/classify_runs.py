"""Repeat the figures of docs/experiments.md, "Classification": kinds learned from the shipped
checkpoint and, where provided, other weights.

    python tests/bench/classify_runs.py members --data ../shared/data --out runs/classify python
    tests/bench/classify_runs.py dogs repeat bees species --data ../shared/data --out runs/classify
    python tests/bench/classify_runs.py dogs bees species --data ../shared/data --out runs/classify
    --weights FILE python tests/bench/classify_runs.py reload --data ../shared/data --out
    runs/classify

Stopped at any moment, the same command goes on. OUT/figures.md and figures.json hold what is there
so far. `members` measures which member of the shipped ensemble suits plain pictures: a logistic
regression on its averaged maps, fitted to the photos learned from and measured on validation
photos; test photos are not looked at. `reload` asks `flukeprint classify` about the test photos of
the bees' run and compares the answers with those that training wrote.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

SEEDS = range(5)
PHOTOS_OF_SPECIES = 300
SETS = {"humpback": "train.csv", "right_whale": "train.csv", "nyala": "train.csv"}
KINDS = ("dogs_vs_cats", "bees")
SMALL = ["input.width_px=64", "input.height_px=64"]  # bees are 50 px
WHOLE = ["network.member=0", "network.stride=0"]
FIGURES = ("accuracy", "balanced_accuracy", "auc", "average_precision", "calibration_error")


def main() -> None:
    """Run what was asked for and write the figures of all runs that are there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "jobs", nargs="+", choices=("members", "dogs", "repeat", "bees", "species", "reload")
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--weights", default="default", help="first weights other than the shipped checkpoint's"
    )
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    for job in asked.jobs:
        if job == "members":
            (asked.out / "members.json").write_text(
                json.dumps(members(asked.data, asked.out), indent=2) + "\n"
            )
            continue
        if job == "reload":
            _reload(asked)
            continue
        for name, labels, photos, changes in _runs(job, asked):
            _train(name, labels, photos, [*changes, *asked.overrides], asked)
    figures = list(_figures(asked.out))
    (asked.out / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")
    (asked.out / "figures.md").write_text(_markdown(figures))
    print(_markdown(figures))


def _runs(job: str, asked: argparse.Namespace) -> Iterator[tuple[str, Path, Path, list[str]]]:
    dogs, bees = asked.data / "dogs_vs_cats", asked.data / "bees"
    if job == "dogs":
        for seed in SEEDS:
            yield (
                f"dogs-{seed}",
                dogs / "labels.csv",
                dogs / "photos",
                [f"seed={seed}", f"data.split_seed={seed}"],
            )
    elif job == "repeat":
        yield "dogs-0-again", dogs / "labels.csv", dogs / "photos", ["seed=0", "data.split_seed=0"]
    elif job == "bees":
        yield "bees", bees / "labels.csv", bees / "photos", SMALL
    else:
        yield "species", _species_labels(asked.data, asked.out), asked.data, SMALL


def _species_labels(data: Path, out: Path) -> Path:
    """Some photos of each species as one label file; an individual is its photos' encounter, so
    never in two parts.
    """
    rows: list[tuple[str, str, str]] = []
    for folder, labels in SETS.items():
        with (data / folder / labels).open(newline="", encoding="utf-8") as file:
            every = [(row["Image"], row["Id"]) for row in csv.DictReader(file)]
        photos = "photos" if (data / folder / "photos").is_dir() else "."
        kept = np.random.default_rng(0).permutation(len(every))[:PHOTOS_OF_SPECIES]
        for image, individual in (every[at] for at in kept):
            own = "" if individual == "new_whale" else f"{folder} {individual}"
            rows.append((f"{folder}/{photos}/{image}", folder, own))
    for folder in KINDS:
        with (data / folder / "labels.csv").open(newline="", encoding="utf-8") as file:
            every = [(row["image"], row["label"]) for row in csv.DictReader(file)]
        for label in sorted({label for _, label in every}):
            own = [image for image, each in every if each == label]
            kept = np.random.default_rng(0).permutation(len(own))[:PHOTOS_OF_SPECIES]
            rows += [(f"{folder}/photos/{own[at]}", label, "") for at in kept]
    path = out / "species.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("image", "label", "encounter"), *sorted(rows)])
    return path


def _train(
    name: str, labels: Path, photos: Path, changes: list[str], asked: argparse.Namespace
) -> None:
    start = "shipped" if asked.weights == "default" else Path(asked.weights).stem
    out = asked.out / start / name
    if (out / "report.json").exists():
        return
    changes = ["compute.threads=1", f"network.weights={asked.weights}", *changes]
    changes += [] if asked.weights == "default" else WHOLE
    command = [
        sys.executable,
        "-m",
        "flukeprint",
        "train",
        "classify",
        "--csv",
        str(labels),
        "--photos",
        str(photos),
    ]
    command += ["--out", str(out), "--cache", str(asked.out / "cache"), "--resume"]
    subprocess.run(
        [*command, *(word for change in changes for word in ("--set", change))], check=True
    )


def _reload(asked: argparse.Namespace) -> None:
    """Say of how many test photos of the bees a new process, from the file, gives the very answer
    of the training.
    """
    run = asked.out / "shipped" / "bees"
    before = (run / "test_predictions.csv").read_text("utf-8").splitlines()
    photos = [str(asked.data / "bees" / "photos" / row["image"]) for row in csv.DictReader(before)]
    out = asked.out / "bees_again.csv"
    command = [sys.executable, "-m", "flukeprint", "classify", *photos, "--out", str(out)]
    subprocess.run([*command, "--checkpoint", str(run / "best.safetensors")], check=True)
    after = out.read_text("utf-8").splitlines()
    same = sum(row in set(before) for row in after[1:])
    print(f"reload: {same} of {len(before) - 1} answers are the same to four decimals")


def _figures(out: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(out.glob("*/*/report.json")):
        report = json.loads(path.read_text("utf-8"))
        kept = report["methods"][report["method"]]
        checkpoint = hashlib.sha256((path.parent / "best.safetensors").read_bytes()).hexdigest()
        yield {
            "start": path.parts[-3],
            "run": path.parts[-2],
            "method": report["method"],
            "checkpoint": checkpoint,
            **{
                part: {name: kept[part][name] for name in FIGURES}
                for part in ("train", "validation", "test")
            },
        }


def _markdown(figures: list[dict[str, Any]]) -> str:
    lines = [
        "| start | run | kept | train | validation | test accuracy | balanced | AUC | average "
        "precision | ECE | file |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for one in figures:
        accuracies = [one[part]["accuracy"] for part in ("train", "validation", "test")]
        told = [*accuracies, *(one["test"][name] for name in FIGURES[1:])]
        cells = [
            one["start"],
            one["run"],
            one["method"],
            *(f"{value:.3f}" for value in told),
            one["checkpoint"][:12],
        ]
        lines.append("| " + " | ".join(cells) + " |")
    for start in sorted({one["start"] for one in figures}):
        seeds = [
            one["test"]
            for one in figures
            if one["start"] == start and one["run"] in map("dogs-{}".format, SEEDS)
        ]
        if len(seeds) > 1:
            told = ", ".join(
                f"{name} {np.mean(values):.3f} (sd {np.std(values, ddof=1):.3f}, "
                f"{min(values):.3f}-{max(values):.3f})"
                for name, values in ((name, [one[name] for one in seeds]) for name in FIGURES[:4])
            )
            lines += ["", f"{start}, {len(seeds)} seeds of dogs: {told}"]
    return "\n".join(lines) + "\n"


def members(data: Path, out: Path) -> dict[str, dict[str, float]]:
    """Validation accuracy of a linear head on each member's averaged maps, at 96 px, without any
    training.
    """
    import torch
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    from embedding.eager.eager_runtime import normalised
    from embedding.embedder import Embedder
    from embedding.networks.ensemble import Ensemble
    from embedding.photos.preprocessing import Preprocessing
    from index.labels.reader import read_labels
    from training.pixels.cache import cached_pixels
    from training.recipes.choices import DataChoices
    from training.splits.by_class import split_kinds

    ensemble = Embedder.load(device="cpu").network
    assert isinstance(ensemble, Ensemble)
    found: dict[str, dict[str, float]] = {}
    for name in KINDS:
        photos = read_labels(data / name / "labels.csv", data / name / "photos").photos
        parts = split_kinds(photos, DataChoices(validation_share=0.2))
        asked = [photo for photo in photos if parts[photo.name] != "test"]
        is_train = np.array([parts[photo.name] == "train" for photo in asked])
        kinds = np.array([photo.individual for photo in asked])
        preprocessing = Preprocessing(96, 96)
        pixels = cached_pixels(asked, preprocessing, out / "cache")
        for at, network in enumerate(ensemble.networks, start=1):
            with torch.inference_mode():
                maps = [
                    network.feature_maps(
                        normalised(
                            torch.from_numpy(np.array(pixels[start : start + 64])), preprocessing
                        )
                    )
                    for start in range(0, len(asked), 64)
                ]
            features = torch.cat([each.mean((2, 3)) for each in maps]).numpy()
            scaled = StandardScaler().fit(features[is_train]).transform(features)
            head = LogisticRegression(C=0.01, max_iter=1000).fit(scaled[is_train], kinds[is_train])
            found.setdefault(name, {})[f"member {at}"] = round(
                head.score(scaled[~is_train], kinds[~is_train]), 4
            )
            print(name, at, found[name][f"member {at}"], flush=True)
    return found


if __name__ == "__main__":
    main()
