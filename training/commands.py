"""The commands of the training wing: train, evaluate."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

CsvOption = Annotated[Path | None, typer.Option("--csv", help="Labels: Kaggle or generic CSV, or COCO JSON.")]
PhotosOption = Annotated[Path, typer.Option("--photos", help="Folder of the photographs.")]


def register(app: typer.Typer) -> None:
    """Mount this wing's commands."""
    app.command("train")(train)
    app.command("evaluate")(evaluate)


def train(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe's name, or a TOML file.")],
    photos: PhotosOption,
    out: Annotated[Path, typer.Option("--out", help="Folder for the run; new or empty, unless --resume.")],
    csv: CsvOption = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="Change one choice: section.key=value. Repeatable.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out where it stopped.")] = False,
    cache: Annotated[
        Path | None, typer.Option("--cache", help="Folder for decoded photos (default: .cache beside --out).")
    ] = None,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Log for TensorBoard too.")] = False,
) -> None:
    """Train a network by a RECIPE on labelled photos.

    Without --csv the folder holds one sub-folder per individual. The run leaves best.safetensors (the checkpoint
    that the other commands take), metrics.csv, curves.png, split.csv and recipe.json in --out. A run that was
    stopped, at any moment, continues with --resume.
    """
    from index.labels import read_labels
    from training.board import require_tensorboard
    from training.loop import train as run_training
    from training.recipe import read_recipe

    choices = read_recipe(recipe, overrides or ())
    if tensorboard:
        require_tensorboard()
    labels = read_labels(csv, photos)
    for warning in labels.warnings:
        print(f"note: {warning}", file=sys.stderr)
    try:
        path = run_training(
            choices,
            labels.photos,
            out,
            cache=cache or out.parent / ".cache",
            resume=resume,
            tensorboard=tensorboard,
        )
    except KeyboardInterrupt:
        if (out / "resume.safetensors").exists():
            print(f"\nstopped; the same command with --resume continues the run in {out}", file=sys.stderr)
        raise
    print(f"best checkpoint: {path}")


def evaluate(
    photos: PhotosOption,
    out: Annotated[Path, typer.Option("--out", help="Folder for report.json, curves and contact sheets.")],
    csv: CsvOption = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option("--checkpoint", envvar="FLUKEPRINT_CHECKPOINT", help="Checkpoint (default: the shipped one)."),
    ] = None,
    split: Annotated[
        Path | None, typer.Option("--split", help="A run's split.csv (default: made from --seed, as train does).")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the split, where none is given.")] = 0,
    score: Annotated[str, typer.Option("--score", help="nearest, centre or blend.")] = "nearest",
    ignore_boxes: Annotated[
        bool, typer.Option("--ignore-boxes", help="Measure as if no box were known: the checkpoint's locator finds it.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure a checkpoint by the protocol of docs/benchmarks.md: known, disjoint and open queries.

    Writes to --out: report.json, det.png, cmc.png, hits.png, misses.png, vectors.npz, and gallery.csv, queries.csv
    and disjoint.csv for scoring the vectors with any other program.
    """
    from training.measure import EvaluationChoices, measure

    choices = EvaluationChoices(
        csv=csv,
        photos=photos,
        out=out,
        checkpoint=checkpoint,
        split=split,
        seed=seed,
        score=score,
        with_boxes=not ignore_boxes,
    )
    measure(choices, as_json=as_json)
