"""The command that writes photos' embeddings to a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from index.options import CheckpointOption, PhotoArguments, counted, refuse_out, say, say_unread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from index.embed_photos import EmbeddedPhoto, PhotoEmbedder


def embed(
    photos: PhotoArguments,
    out: Annotated[Path, typer.Option("--out", help="The .npz file to write; it appears when it is complete.")],
    checkpoint: CheckpointOption = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            help="A label file: its photos are embedded, with its boxes. PHOTOS is then the one folder that its "
            "names start from.",
        ),
    ] = None,
) -> None:
    """Write the embeddings of photos to a file.

    The file holds three arrays: `photo` (the names: below the folder given, or the file name), `embedding` (float32,
    one row of unit length a photo) and `fingerprint` (of the checkpoint). Photos that can't be read are listed and
    left out, and the exit code is then 1; where none can be read nothing is written.
    """
    from index.given_photos import embedded, named_by, named_once

    refuse_out(out)
    named = named_once(photos) if csv is None else named_by(csv, photos)
    from embedding.embedder import Embedder
    from embedding.photo import BadPhoto

    embedder = Embedder.load(checkpoint)
    say(f"Embedding {counted(len(named))} into {out}")
    read, unread = embedded(named, embedder, "Embedding photos")
    say_unread(unread)
    if not read:
        raise BadPhoto(f"no photo could be read ({counted(len(named))} given), so {out} is not written; mend them")
    _write_vectors(out, read, embedder)
    print(f"{out}: {counted(len(read))}, dimension {embedder.dimension}, checkpoint {embedder.fingerprint[:12]}")
    if unread:
        sys.exit(1)


def _write_vectors(out: Path, read: Sequence[EmbeddedPhoto], embedder: PhotoEmbedder) -> None:
    import io

    import numpy as np

    from embedding.checkpoint import write_atomically

    vectors = np.zeros((len(read), embedder.dimension), np.float32)
    for row, each in enumerate(read):
        vectors[row] = each.vector
    names = np.array([each.photo.name for each in read], dtype=np.str_)
    content = io.BytesIO()
    np.savez(content, photo=names, embedding=vectors, fingerprint=np.array(embedder.fingerprint))
    write_atomically(out, content.getvalue())
