"""Classes on the command line: `classify`, and what `train` does by a recipe for classes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from index.commands.named_files import refuse_absent
from index.commands.options import PhotoArguments, refuse_out
from index.messages import photos_text, print_message, print_unread

if TYPE_CHECKING:
    from index.labels.labelled_photo import BoxOrientation
    from training.recipes.choices import Recipe
    from training.run.run import RunOptions


def register(app: typer.Typer) -> None:
    """Mount this sub-package's commands."""
    app.command("classify")(classify)


def classify(
    photos: PhotoArguments,
    checkpoint: Annotated[
        Path,
        typer.Option(
            "--checkpoint", help="A checkpoint that `flukeprint train classify` left in its run."
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", help="The CSV to write; it appears when it is complete.")
    ],
) -> None:
    """Write which class each photo shows: a species, a genus, cat or dog.

    Writes image,label,probability,second_label,second_probability, one row a photo: the likeliest
    class and the next. A photo is called by its file name, or by its path below the folder given.
    Photos that can't be read are listed and left out, and the exit code is then 1; where none can
    be read nothing is written.
    """
    from collections import Counter

    import numpy as np

    from embedding.checkpoint import refuse_unwritable, write_atomically
    from embedding.embedder import Embedder
    from embedding.photos.photo import BadPhoto
    from index.commands.photo_arguments import embed_with_progress, uniquely_named_photos
    from index.progress import spinner
    from training.classification.classifier import read_classifier
    from training.classification.predictions import answers_csv, answers_of

    refuse_absent(checkpoint)
    refuse_out(out)
    refuse_unwritable(out)
    named = uniquely_named_photos(photos)
    classifier = read_classifier(checkpoint)
    with spinner("Loading the model"):
        embedder = Embedder.load(checkpoint)
    read, unread = embed_with_progress(named, embedder, "Classifying")
    print_unread(unread)
    if not read:
        raise BadPhoto(
            f"no photo could be read ({photos_text(len(named))} given), so {out} is not written; "
            "mend them"
        )
    answers = answers_of(
        classifier, [one.photo.name for one in read], np.stack([one.vector for one in read])
    )
    write_atomically(out, answers_csv(answers).encode())
    labels = Counter(answer.label for answer in answers).most_common(5)
    print(
        f"{out}: {photos_text(len(answers))}; most are "
        + ", ".join(f"{label} ({count:,})" for label, count in labels)
    )
    if unread:
        sys.exit(1)


def train_by_kinds(
    recipe: Recipe,
    csv: Sequence[Path],
    photos: Sequence[Path],
    out: Path,
    options: RunOptions,
    *,
    boxes: BoxOrientation | None = None,
) -> None:
    """Train on labels that are kinds, and print the figures and what to do with the run."""
    import json

    from rich.console import Console

    from training.classification.report import REPORT, table_of
    from training.classification.train_classes import train_kinds
    from training.distributed.world import is_first_process
    from training.sets.sets import read_sets

    if len(photos) != 1 or len(csv) > 1:
        raise typer.BadParameter(
            f"{len(csv)} label files and {len(photos)} folders; a recipe for classes takes one "
            "CSV, whose labels are the classes, and the folder of its photos"
        )
    labelled, warnings = read_sets(csv, photos, boxes=boxes)
    for warning in warnings:
        print_message(f"note: {warning}")
    try:
        best = train_kinds(recipe, labelled, out, options)
    except KeyboardInterrupt:
        if (out / "resume.safetensors").exists() or (out / "best.safetensors").exists():
            print_message(f"\nstopped; the same command with --resume continues the run in {out}")
        raise
    if not is_first_process():
        return
    Console().print(table_of(json.loads((out / REPORT).read_text("utf-8"))))
    print(f"report: {out / 'report.md'}")
    print(
        f"classify photos: flukeprint classify PHOTOS... --checkpoint {best} --out predictions.csv"
    )
