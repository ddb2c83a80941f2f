"""Options that several commands share, the same everywhere, and how commands speak on stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from embedding.errors import FlukeprintError

if TYPE_CHECKING:
    from index.embed_photos import UnreadPhoto

CatalogueOption = Annotated[
    Path, typer.Option("--catalogue", envvar="FLUKEPRINT_CATALOGUE", help="The catalogue's file.")
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
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of text.")]

PhotoArguments = Annotated[list[Path], typer.Argument(help="Photos, or folders that are searched for photos.")]

_UNREAD_TOLD = 20


class BadOut(FlukeprintError):
    """A file that can't be written where it was asked for."""


def say(words: str) -> None:
    """Tell what is being done; stdout stays free for answers."""
    print(words, file=sys.stderr, flush=True)


def counted(photos: int) -> str:
    """Count photos in words: `1 photo`, `2,000 photos`."""
    return f"{photos:,} photo{'' if photos == 1 else 's'}"


def say_unread(unread: Sequence[UnreadPhoto]) -> None:
    """List the photos that couldn't be read, the first twenty of them."""
    for each in unread[:_UNREAD_TOLD]:
        say(f"can't read {each.reason}")
    if len(unread) > _UNREAD_TOLD:
        say(f"and {len(unread) - _UNREAD_TOLD:,} more; --json lists all")


def refuse_out(out: Path) -> None:
    """Raise, before any work, when a file can't be written at `out`."""
    if out.is_dir():
        raise BadOut(f"{out} is a folder; give the name of the file to write")
    if not out.parent.is_dir():
        raise BadOut(f"there is no folder {out.parent} to write {out.name} into; make it first")
