"""Train variants of a recipe, each ingredient on or off within the same budget, and table their
validation figures.

    python tests/bench/ablation.py humpback-vlad --csv TRAIN.csv --photos PHOTOS --out runs/ablation
    \
        --set network.weights=FILE --set schedule.epochs=10 [--only focal --only memory] [--workers
        2]

Stopped at any moment, the same command goes on: finished variants are kept, the one in progress is
resumed. The table, OUT/ablation.md, holds the last validated epoch of every variant that has one.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from training.plots import figure

MS = 'kind="multi_similarity",memory=4096'
GEM = ["network.pooling=gem", "network.stride=0"]
VARIANTS: dict[str, list[str]] = {
    "as it is": [],
    "whole photo, not the box": ["input.crop=none"],
    "padded, not squashed": ["input.fit=pad"],
    "flips are the same animal": ["batches.flips_as_individuals=false"],
    "no new whales": ["batches.new_whales=unused"],
    "new whales as individuals": ["batches.new_whales=individuals"],
    "half new whales": ["batches.new_whale_share=0.5"],
    "all individuals alike (oversampling 1)": ["batches.oversampling=1.0"],
    "32 x 4": ["batches.individuals=32", "batches.photos_each=4"],
    "no memory": ["loss.0.memory=0"],
    "memory of 4,096": ["loss.0.memory=4096"],
    "batch-hard triplet": ['loss=[{kind="triplet"}]'],
    "ArcFace": ['loss=[{kind="arcface",dynamic_margin=true}]'],
    "sub-centre ArcFace beside it": [
        f'loss=[{{{MS}}},{{kind="subcenter_arcface",weight=0.05,dynamic_margin=true}}]'
    ],
    "focal head beside it": [f'loss=[{{{MS}}},{{kind="focal",weight=0.1}}]'],
    "GeM pooling of the whole backbone": GEM,
    "average pooling of the whole backbone": [*GEM, "network.pooling=average"],
    "GeM of two stages": [*GEM, "network.stages=2"],
    "GeM and its upper and lower halves": [*GEM, "network.branches=upper_lower"],
    "GeM and its left and right halves": [*GEM, "network.branches=left_right"],
    "vlad at stride 16": ["network.pooling=vlad", "network.stride=16"],
    "vlad at stride 8": ["network.pooling=vlad", "network.stride=8", "network.cell_dim=32"],
    "vlad, 32 centres": ["network.pooling=vlad", "network.stride=16", "network.clusters=32"],
    "no moving average": ["compute.ema_decay=0"],
    "the last two epochs' mean (SWA)": ["compute.ema_decay=0", "schedule.swa_epochs=2"],
    "no dropout, no drop path": ["network.dropout=0.0", "network.drop_path=0.0"],
    "strong augmentation": [
        "augmentation.rotation_degrees=25.0",
        "augmentation.brightness=0.5",
        "augmentation.contrast=0.5",
        "augmentation.blur_share=0.2",
        "augmentation.erase_share=0.3",
    ],
    "constant rate": ["schedule.kind=constant"],
    "no batch normalisation after the embedding": ["network.neck=false"],
    "64 px": ["input.width_px=64", "input.height_px=64"],
    "80 px": ["input.width_px=80", "input.height_px=80"],
    "96 px": ["input.width_px=96", "input.height_px=96"],
}
FIGURES = ("known_top1", "known_map5", "disjoint_top1", "disjoint_map5", "auroc", "score")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("recipe")
    for option in ("--csv", "--photos", "--out"):
        parser.add_argument(option, type=Path, required=True)
    parser.add_argument("--set", action="append", default=[], metavar="section.key=value")
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="a part of a variant's name"
    )
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    wanted = given.only or [""]
    chosen = {
        name: changed for name, changed in VARIANTS.items() if any(part in name for part in wanted)
    }
    if not chosen:
        sys.exit(f"no variant is named {given.only}; the variants are {', '.join(VARIANTS)}")
    given.out.mkdir(parents=True, exist_ok=True)

    def run(name: str) -> None:
        folder = folder_of(given.out, name)
        command = [
            Path(sys.executable).with_name("flukeprint"),
            "train",
            given.recipe,
            "--csv",
            given.csv,
        ]
        command += [
            "--photos",
            given.photos,
            "--out",
            folder,
            "--cache",
            given.out / ".cache",
            "--resume",
        ]
        shared = ["data.validation_share=0.1", "compute.threads=1", "locator.epochs=0", *given.set]
        for override in (*shared, *chosen[name]):
            command += ["--set", override]
        with (given.out / f"{folder.name}.log").open("a") as log:
            done = subprocess.run(
                [str(part) for part in command], stdout=log, stderr=log, check=False
            )
        print(
            f"{name}: {'done' if done.returncode == 0 else f'failed, see {log.name}'}", flush=True
        )
        write_table(given.out)

    with ThreadPoolExecutor(given.workers) as pool:
        list(pool.map(run, chosen))


def folder_of(out: Path, name: str) -> Path:
    """Where a variant's run is."""
    return out / re.sub(r"[^\w-]", "", name.replace(" ", "-"))


def last_rows(out: Path) -> dict[str, dict[str, str]]:
    """The last validated row of every variant's metrics.csv that has one."""
    found: dict[str, dict[str, str]] = {}
    for name in VARIANTS:
        path = folder_of(out, name) / "metrics.csv"
        if path.exists():
            with path.open(newline="") as file:
                rows = [row for row in csv.DictReader(file) if row.get("score")]
            found |= {name: rows[-1]} if rows else {}
    return found


def write_table(out: Path) -> None:
    """Write the last rows into ablation.md, and draw resolution.png where variants differ in it."""
    found = last_rows(out)
    lines = [
        "| variant | epoch | seconds | " + " | ".join(FIGURES) + " |",
        "| --- " * (3 + len(FIGURES)) + "|",
    ]
    for name, row in found.items():
        figures = " | ".join(f"{float(row[figure]):.3f}" for figure in FIGURES)
        lines.append(f"| {name} | {row['epoch']} | {row['seconds']} | {figures} |")
    (out / "ablation.md").write_text("\n".join([*lines, ""]), encoding="utf-8")
    by_side = {
        json.loads((folder_of(out, name) / "recipe.json").read_text())["input"]["width_px"]: row
        for name, row in found.items()
        if name == "as it is" or name.endswith(" px")
    }
    if len(by_side) > 1:
        sides = sorted(by_side)
        with figure(out / "resolution.png") as (axes,):
            for column, label in (
                ("known_top1", "known, top-1"),
                ("disjoint_top1", "disjoint, top-1"),
                ("auroc", "AUROC"),
            ):
                axes.plot(
                    sides, [float(by_side[side][column]) for side in sides], marker="o", label=label
                )
            axes.set(
                title="Resolution",
                xlabel="side of the input (px)",
                ylabel="validation (1 is best)",
                ylim=(0, 1),
            )
            axes.legend(loc="best", fontsize=10)


if __name__ == "__main__":
    main()
