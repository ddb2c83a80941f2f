"""The command that trains an aligner."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Mount this command."""
    app.command("train-aligner")(train_aligner)


def train_aligner(
    corners: Annotated[
        Path,
        typer.Option(
            "--corners", help="CSV: photo and the body part's corners, left_top_x to left_bottom_y."
        ),
    ],
    photos: Annotated[Path, typer.Option("--photos", help="Folder of the photographs.")],
    out: Annotated[
        Path, typer.Option("--out", help="The aligner's file, for a recipe's network.aligner.")
    ],
    weights: Annotated[
        str,
        typer.Option(
            "--weights",
            help="First weights of its MobileNetV2: pretrained (ImageNet), random, or a file.",
        ),
    ] = "pretrained",
    epochs: Annotated[
        int, typer.Option("--epochs", min=1, max=10_000, help="Passes over the photos.")
    ] = 25,
    seed: Annotated[int, typer.Option("--seed", help="Of what is drawn at random.")] = 0,
    threads: Annotated[
        int, typer.Option("--threads", min=0, help="0: as many as there are cores.")
    ] = 0,
    cache: Annotated[
        Path | None,
        typer.Option("--cache", help="Folder for decoded photos (default: .cache beside --out)."),
    ] = None,
) -> None:
    """Train an aligner: it finds a body part and turns it upright before the network sees it.

    For animals in many poses whose pattern has its place on the body, as flanks. The four corners
    are marked by hand on some hundred photos, as shares of the photo's width and height (0 to 1),
    named as one sees them in the photo. A recipe takes the file with --set network.aligner=FILE.
    """
    import torch

    from embedding.checkpoint import refuse_unwritable
    from training.localisation.train_aligner import read_corners, write_aligner
    from training.localisation.train_aligner import train_aligner as run_training

    if weights == "default":
        raise typer.BadParameter(
            '--weights default: an aligner begins with "pretrained", "random", or a file'
        )
    refuse_unwritable(out)
    marked = read_corners(corners, photos)
    if threads:
        torch.set_num_threads(threads)
    aligner, error = run_training(
        marked, epochs, seed, cache or out.parent / ".cache", weights=weights
    )
    write_aligner(out, aligner, error)
    print(
        f"{out}: corners are {error:.1%} of the photo's sides off, on photos that it didn't "
        "learn from"
    )
