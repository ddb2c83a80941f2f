"""The command that makes a checkpoint's screening head."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from index.commands.options import BoxesOption, parse_boxes
from training.commands.options import SetCsvOption, SetPhotosOption


def register(app: typer.Typer) -> None:
    """Mount this command."""
    app.command("train-screening")(train_screening)


def train_screening(
    photos: SetPhotosOption,
    others: Annotated[
        list[Path],
        typer.Option(
            "--others", help="Folder of photos that show other things: dogs, bees; repeatable."
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", help="The checkpoint with its head; may be --checkpoint.")
    ],
    csv: SetCsvOption = None,
    boxes: BoxesOption = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint", help="The checkpoint that gets a head (default: the shipped)."
        ),
    ] = None,
    aerial: Annotated[
        list[str] | None,
        typer.Option(
            "--aerial",
            help="A species that is seen from above, so that no way up is right; repeatable.",
        ),
    ] = None,
    drawn: Annotated[
        int, typer.Option("--drawn", min=50, help="How many pictures of each kind are drawn.")
    ] = 500,
    vectors: Annotated[
        Path | None,
        typer.Option("--vectors", help="Folder for computed vectors (default: beside --out)."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of what is drawn at random.")] = 0,
) -> None:
    """Make a checkpoint's screening head: is there an animal, and how is the photo turned.

    It learns from the labelled animals, from photos of other things, and from pictures that are
    drawn: plain colours, noise, text, shapes, sea and boats. The head is fitted to the vectors of
    the checkpoint, which stay as they are: catalogues of the checkpoint remain valid.
    """
    from embedding.checkpoint import (
        DEFAULT_CHECKPOINT,
        fingerprint_of,
        refuse_unwritable,
        with_screening,
        write_atomically,
    )
    from embedding.embedder import Embedder
    from embedding.photos.photo_files import find_photos
    from index.messages import print_message
    from index.progress import spinner
    from training.screening.fit import fit_screening
    from training.screening.report import measured_text
    from training.screening.vectors import Sources, VectorFolder, described, examples_of
    from training.sets.sets import read_sets

    refuse_unwritable(out)
    path = checkpoint or DEFAULT_CHECKPOINT
    labelled, warnings = read_sets(csv or [], photos, absent="skip", boxes=parse_boxes(boxes))
    for warning in warnings:
        print_message(f"note: {warning}")
    sources = Sources(
        labelled, aerial or (), {_name_of(one): find_photos([one]) for one in others}, drawn, seed
    )
    with spinner("Loading the model"):
        embedder = Embedder.load(path)
    embedder.screening = None  # photos are embedded as they lie
    folder = VectorFolder(vectors or out.with_suffix(".vectors"), embedder, sources)
    examples, measured = examples_of(sources, folder)
    head = fit_screening(examples, seed)
    content = with_screening(
        path, {**head.described(), "made_from": described(sources)}, head.tensors()
    )
    write_atomically(out, content)
    print(f"{out}: the checkpoint {fingerprint_of(out)[:12]} with a screening head")
    print(measured_text(head, examples, measured))


def _name_of(folder: Path) -> str:
    """What a folder of other things is called: by its parent where it is named `photos`."""
    own = folder.resolve()
    return own.parent.name if own.name == "photos" else own.name
