"""The command that writes a checkpoint's graphs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from embedding.photos.photo import Image

_MOST_PHOTOS = 64
_DRAWN_OF_A_KIND = 2


def register(app: typer.Typer) -> None:
    """Mount this command."""
    app.command("export")(export)


def export(
    checkpoint: Annotated[
        Path | None, typer.Argument(help="The checkpoint (default: the shipped one).")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="The folder to write (default: NAME.graphs beside NAME.safetensors, where the "
            "checkpoint finds them).",
            show_default=False,
        ),
    ] = None,
    photos: Annotated[
        list[Path] | None,
        typer.Option(
            "--photos",
            help=f"Photos, or folders of them, to compare with PyTorch on: {_MOST_PHOTOS} at most, "
            "spread over them; repeatable (default: drawn pictures).",
            show_default=False,
        ),
    ] = None,
    weights: Annotated[
        str,
        typer.Option(
            "--weights",
            help="How weights are stored: `float16` as in the checkpoint, or `float32`, twice as "
            "large, for programs that can't cast them. The graphs compute in float32 either way.",
        ),
    ] = "float16",
) -> None:
    """Write a checkpoint's networks as graphs (ONNX), which need no PyTorch to answer.

    The graphs take photos' bytes, any number of them: the locator's gives boxes, each member's the
    embedding of one look and the maps that heat is drawn on. Each is compared with PyTorch; where
    one differs, nothing is written. Graphs beside their checkpoint are used from then on.
    """
    from embedding.checkpoint import DEFAULT_CHECKPOINT
    from embedding.exporting.export import export_graphs
    from embedding.runtime import BadRuntime
    from index.messages import print_message

    if weights not in ("float16", "float32"):
        raise BadRuntime(f"--weights {weights!r}; allowed are float16, float32")
    path = checkpoint or DEFAULT_CHECKPOINT
    done = export_graphs(
        path, comparison_pictures(photos), out=out, stored_as=weights, progress=print_message
    )
    print(
        f"{done.folder}: {done.size_bytes / 1e6:.1f} MB, least cosine to PyTorch "
        f"{done.least_cosine:.6f} on {done.photos} pictures"
    )


def write_trained_graphs(checkpoint: Path) -> None:
    """Write the graphs of a checkpoint that a training has made, so that it answers without
    PyTorch.

    Whatever goes wrong is told, and loses nothing: the checkpoint answers through PyTorch. Graphs
    of another checkpoint that lie there would be refused, so they are taken away.
    """
    from embedding.checkpoint import fingerprint_of
    from embedding.exporting.export import export_graphs
    from embedding.graphs.files import BadGraphs, folder_of, read_graphs
    from index.messages import print_message

    folder = folder_of(checkpoint)
    if folder.is_dir():
        try:
            read_graphs(folder, checkpoint, fingerprint_of(checkpoint))
            return  # a finished run was asked to go on
        except BadGraphs:
            shutil.rmtree(folder)
    print_message(f"Writing the graphs of {checkpoint}, which answer without PyTorch")
    try:
        done = export_graphs(checkpoint, comparison_pictures(None))
    except Exception as error:  # PyTorch's exporter raises nearly every kind
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        print_message(
            f"note: {checkpoint} is complete, but its graphs could not be written ({said}). It "
            f"answers through PyTorch; `flukeprint export {checkpoint}` tries again"
        )
        return
    print_message(f"{done.folder}: {done.size_bytes / 1e6:.1f} MB")


def comparison_pictures(photos: list[Path] | None) -> list[Image]:
    """The photos to compare on, or drawn pictures."""
    if not photos:
        import numpy as np

        from training.screening.drawings import KINDS, draw

        rng = np.random.default_rng(0)
        return [draw(kind, rng) for kind in KINDS for _ in range(_DRAWN_OF_A_KIND)]
    from embedding.photos.photo import read_photo
    from embedding.photos.photo_files import find_photos

    found = find_photos(photos)
    step = max(1, -(-len(found) // _MOST_PHOTOS))
    return [read_photo(path, name=path.name) for path in found[::step]]
