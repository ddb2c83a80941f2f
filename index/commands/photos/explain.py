"""The command that shows which regions of two photos make them alike."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from index.commands.named_files import refuse_absent
from index.commands.options import (
    ApiKeyOption,
    CheckpointOption,
    PrecisionOption,
    RuntimeOption,
    ServerOption,
    load_embedder,
    refuse_mixture,
    refuse_out,
)
from index.messages import BadOut

if TYPE_CHECKING:
    from embedding.embedder import Embedder
    from embedding.explanation.side_by_side import ComparedPhoto
    from embedding.photos.photo import Box

_BOX_HELP = (
    "Where the fluke is in the {}: 'left top right bottom' as shares 0 to 1 (default: "
    "the locator finds it)."
)


def explain(
    context: typer.Context,
    query: Annotated[Path, typer.Argument(help="The photo in question.")],
    reference: Annotated[Path, typer.Argument(help="The photo that it was matched with.")],
    out: Annotated[
        Path, typer.Option("--out", help="The .png file to write; it appears when it is complete.")
    ],
    checkpoint: CheckpointOption = None,
    runtime: RuntimeOption = "auto",
    precision: PrecisionOption = "float32",
    query_box: Annotated[
        str | None, typer.Option("--query-box", help=_BOX_HELP.format("query"))
    ] = None,
    reference_box: Annotated[
        str | None, typer.Option("--reference-box", help=_BOX_HELP.format("reference"))
    ] = None,
    server: ServerOption = None,
    api_key: ApiKeyOption = None,
) -> None:
    """Draw why two photos are near each other, or far.

    The picture shows both flukes at one width, plain and with heat: red regions speak for the same
    animal, blue ones against. All heat of a photo adds up to 1 - distance. With --server a running
    service draws it.
    """
    refuse_mixture(
        context, server, ("checkpoint", "runtime", "precision", "query_box", "reference_box")
    )
    refuse_out(out)
    if out.suffix.lower() != ".png":
        raise BadOut(f"{out} is no .png; give the picture a name that ends in .png")
    if server is not None:
        _explain_by_service(server, api_key, query, reference, out)
        return
    from index.labels.reader import parse_box

    boxes = (
        parse_box(query_box or "", "--query-box"),
        parse_box(reference_box or "", "--reference-box"),
    )
    from embedding.checkpoint import write_atomically
    from embedding.explanation.heatmap import png_bytes
    from embedding.explanation.side_by_side import compare

    refuse_absent(query, reference)
    embedder = load_embedder(checkpoint, runtime, precision)
    compared = compare(
        embedder, _read(query, boxes[0], embedder), _read(reference, boxes[1], embedder)
    )
    write_atomically(out, png_bytes(compared.picture))
    print(f"{out}: {query} and {reference}, distance {compared.heat.distance:.3f}")


def _explain_by_service(
    server: str, api_key: str | None, query: Path, reference: Path, out: Path
) -> None:
    from embedding.checkpoint import write_atomically
    from index.commands.remote import explain_photos, open_client

    with open_client(server, api_key) as service:
        explanation = explain_photos(service, query, reference)
    write_atomically(out, explanation.png)
    print(f"{out}: {query} and {reference}, distance {explanation.distance:.3f}")


def _read(path: Path, box: Box | None, embedder: Embedder) -> ComparedPhoto:
    from embedding.explanation.side_by_side import ComparedPhoto
    from embedding.photos.photo import read_photo

    # Decoded as `identify` does it, so that the distance is the one that it tells.
    return ComparedPhoto(path.name, read_photo(path, at_least_px=embedder.input_px), box)
