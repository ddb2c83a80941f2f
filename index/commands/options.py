"""Options that several commands share, the same everywhere, and how commands speak on stderr."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from embedding.errors import FlukeprintError
from index.messages import BadOut
from index.storage.address import CatalogueAddress, address_of

# typer knows no unions: it is told of a path, and the parser makes an address of either kind.
if TYPE_CHECKING:
    from embedding.embedder import Embedder
    from index.labels.labelled_photo import BoxOrientation
    from index.photos.embed import FileEmbedder

    _Address = CatalogueAddress
else:
    _Address = Path
CatalogueOption = Annotated[
    _Address,
    typer.Option(
        "--catalogue",
        envvar="FLUKEPRINT_CATALOGUE",
        parser=address_of,
        metavar="FILE|URL",
        help="The catalogue: a SQLite file, or postgresql://USER@HOST/DATABASE.",
    ),
]
FilesOption = Annotated[
    Path | None,
    typer.Option(
        "--files",
        envvar="FLUKEPRINT_FILES",
        help="The folder of a PostgreSQL catalogue's photos; those of a SQLite file lie beside it.",
    ),
]
SameAnimalsOption = Annotated[
    Path | None,
    typer.Option(
        "--same-animals",
        help="A CSV of ids that are known to be one animal: Kaggle's list (Id,SubId), or two "
        "ids a row. Their photos "
        "get the id that most of them have.",
    ),
]
_BOXES = ("upright", "stored")
BoxesOption = Annotated[
    str | None,
    typer.Option(
        "--boxes",
        help="Which pictures the boxes in the labels were measured on: `upright`, or `stored` (as "
        "in the file, before EXIF turns it). Default: as the label file tells.",
        show_default=False,
    ),
]
ColumnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="FIELD=COLUMN",
        help="Which column of a table is what, such as individual=Whale. Fields: photo, "
        "individual, date, place, side, species, encounter, region, sex, box. Repeatable. "
        "Default: as the columns are called.",
        show_default=False,
    ),
]
CheckpointOption = Annotated[
    Path | None,
    typer.Option(
        "--checkpoint",
        envvar="FLUKEPRINT_CHECKPOINT",
        help="The checkpoint to embed with (default: the one that comes with flukeprint).",
        show_default=False,
    ),
]
RuntimeOption = Annotated[
    str,
    typer.Option(
        "--runtime",
        envvar="FLUKEPRINT_RUNTIME",
        metavar="NAME",
        help="What computes the networks: `openvino` (the checkpoint's graphs, on the processor), "
        "`torch`, or `auto`: torch where there is a GPU or the checkpoint has no graphs.",
    ),
]
PrecisionOption = Annotated[
    str,
    typer.Option(
        "--precision",
        envvar="FLUKEPRINT_PRECISION",
        metavar="NAME",
        help="`float32`, or `bf16`: faster on some processors, with vectors of their own that "
        "are compared with no others.",
    ),
]
OnOption = Annotated[
    str | None,
    typer.Option(
        "--on",
        envvar="FLUKEPRINT_ON",
        metavar="ray://HOST:PORT",
        help="Embed on the nodes of a Ray cluster, which have the same flukeprint, and the "
        "checkpoint at the same path. After an interruption the same command goes on.",
        show_default=False,
    ),
]
NodesReadOption = Annotated[
    str | None,
    typer.Option(
        "--nodes-read",
        metavar="FOLDER=PLACE",
        help="Where the nodes of --on find the photos of a folder: another folder, "
        "s3://BUCKET/PREFIX or http://HOST/PATH. Default: at the same paths.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of text.")]
ServerOption = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        help="Use the service running there, such as http://127.0.0.1:8000, instead of a "
        "catalogue here.",
        show_default=False,
    ),
]
ApiKeyOption = Annotated[
    str | None,
    typer.Option(
        "--api-key",
        envvar="FLUKEPRINT_API_KEY",
        help="The key for --server, where it needs one. Other users here don't see it if it "
        "comes from the environment.",
        show_default=False,
    ),
]

PhotoArguments = Annotated[
    list[Path], typer.Argument(help="Photos, or folders that are searched for photos.")
]


class BadServerOptions(FlukeprintError):
    """Options for a service or a cluster beside those for what is here."""


def refuse_mixture(context: typer.Context, server: str | None, local: Sequence[str]) -> None:
    """Raise where options of a service and of a local catalogue are mixed.

    What only the environment says contradicts nothing.
    """
    on_command_line = [name for name in (*local, "api_key") if is_on_command_line(context, name)]
    if server is None and "api_key" in on_command_line:
        raise BadServerOptions(
            "--api-key is the key for a service: give its address with --server, too"
        )
    mixed = [f"--{name.replace('_', '-')}" for name in on_command_line if name != "api_key"]
    if server is not None and mixed:
        raise BadServerOptions(
            "--server uses a running service, which has its own catalogue and checkpoint: "
            f"leave out {', '.join(mixed)}"
        )


def is_on_command_line(context: typer.Context, name: str) -> bool:
    """Whether a parameter was given there, and not by the environment or its default."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def parse_boxes(given: str | None) -> BoxOrientation | None:
    """Read --boxes. Raises BadOut."""
    if given is None or given in _BOXES:
        return given
    raise BadOut(f"--boxes {given} isn't one of {', '.join(_BOXES)}")


def refuse_out(out: Path) -> None:
    """Raise, before any work, when a file can't be written at `out`."""
    if out.is_dir():
        raise BadOut(f"{out} is a folder; give the name of the file to write")
    if not out.parent.is_dir():
        raise BadOut(f"there is no folder {out.parent} to write {out.name} into; make it first")


def load_embedder(checkpoint: Path | None, runtime: str, precision: str) -> Embedder:
    """Load a checkpoint (None: the shipped one) as --runtime and --precision say.

    Raises BadCheckpoint, BadNetwork, BadGraphs and BadRuntime.
    """
    from embedding.embedder import Embedder  # a second where PyTorch computes: only when needed
    from embedding.runtime import checked_precision, checked_runtime
    from index.progress import spinner

    with spinner("Loading the model"):
        if (runtime, precision) == ("auto", "float32"):
            return Embedder.load(checkpoint)
        return Embedder.load(
            checkpoint, runtime=checked_runtime(runtime), precision=checked_precision(precision)
        )


def file_embedder(
    checkpoint: Path | None,
    runtime: str,
    precision: str,
    cluster: tuple[str | None, str | None],
    catalogue: CatalogueAddress,
) -> FileEmbedder:
    """Load a checkpoint as `load_embedder` does, or lead to the cluster of --on and --nodes-read.

    Raises BadRayCluster and BadStore, too.
    """
    on, nodes_read = cluster
    if on is None:
        if nodes_read is not None:
            raise BadServerOptions("--nodes-read is of a cluster: give its address with --on, too")
        return load_embedder(checkpoint, runtime, precision)
    from embedding.runtime import checked_precision, checked_runtime
    from index.nodes.embedder import RayCluster, RayEmbedder
    from index.nodes.places import PhotoPlaces
    from index.storage.originals import media_folder

    return RayEmbedder(
        RayCluster(on, PhotoPlaces.of(nodes_read, media_folder(catalogue))),
        checkpoint,
        checked_runtime(runtime),
        checked_precision(precision),
    )
