"""The command that writes photos' embeddings to a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from index.commands.named_files import refuse_absent
from index.commands.options import (
    ApiKeyOption,
    CheckpointOption,
    PhotoArguments,
    PrecisionOption,
    RuntimeOption,
    ServerOption,
    load_embedder,
    refuse_mixture,
    refuse_out,
)
from index.messages import photos_text, print_message, print_unread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike


def embed(
    context: typer.Context,
    photos: PhotoArguments,
    out: Annotated[
        Path, typer.Option("--out", help="The .npz file to write; it appears when it is complete.")
    ],
    checkpoint: CheckpointOption = None,
    runtime: RuntimeOption = "auto",
    precision: PrecisionOption = "float32",
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            help="A label file: its photos are embedded, with its boxes. PHOTOS is then the one "
            "folder that its "
            "names start from.",
        ),
    ] = None,
    server: ServerOption = None,
    api_key: ApiKeyOption = None,
) -> None:
    """Write the embeddings of photos to a file.

    The file holds three arrays: `photo` (the names: below the folder given, or the file name),
    `embedding` (float32, one row of unit length a photo) and `fingerprint` (of the checkpoint).
    Photos that can't be read are listed and left out, and the exit code is then 1; where none can
    be read nothing is written. With --server a running service embeds them.
    """
    refuse_mixture(context, server, ("checkpoint", "runtime", "precision", "csv"))
    if server is not None:
        _embed_by_service(server, api_key, photos, out)
        return
    from index.commands.photo_arguments import (
        embed_with_progress,
        photos_of_labels,
        uniquely_named_photos,
    )

    refuse_out(out)
    refuse_absent(checkpoint, csv)
    named = uniquely_named_photos(photos) if csv is None else photos_of_labels(csv, photos)
    from embedding.photos.photo import BadPhoto

    embedder = load_embedder(checkpoint, runtime, precision)
    print_message(f"Embedding {photos_text(len(named))} into {out}")
    read, unread = embed_with_progress(named, embedder, "Embedding photos")
    print_unread(unread)
    if not read:
        raise BadPhoto(
            f"no photo could be read ({photos_text(len(named))} given), so {out} is not written; "
            "mend them"
        )
    _write(out, [(each.photo.name, each.vector) for each in read], embedder.fingerprint)
    if unread:
        sys.exit(1)


def _embed_by_service(server: str, api_key: str | None, photos: Sequence[Path], out: Path) -> None:
    from embedding.photos.photo_files import BadPhoto
    from index.commands.named_files import files_by_unique_name
    from index.commands.remote import embed_photos, open_client

    refuse_out(out)
    named = files_by_unique_name(photos)
    print_message(f"Embedding {photos_text(len(named))} into {out}")
    with open_client(server, api_key) as service:
        results, fingerprint = embed_photos(service, named)
    print_unread(results.failures)
    if not results.answers:
        raise BadPhoto(
            f"no photo could be read ({photos_text(len(named))} given), so {out} is not written; "
            "mend them"
        )
    _write(out, [(name, answer.vector) for name, answer in results.answers], fingerprint)
    if results.failures:
        sys.exit(1)


def _write(out: Path, vectors: Sequence[tuple[str, ArrayLike]], fingerprint: str) -> None:
    import io

    import numpy as np

    from embedding.checkpoint import write_atomically

    rows = np.stack([np.asarray(vector, np.float32) for _, vector in vectors])
    names = np.array([name for name, _ in vectors], dtype=np.str_)
    content = io.BytesIO()
    np.savez(content, photo=names, embedding=rows, fingerprint=np.array(fingerprint))
    write_atomically(out, content.getvalue())
    print(
        f"{out}: {photos_text(len(rows))}, dimension {rows.shape[1]}, checkpoint {fingerprint[:12]}"
    )
