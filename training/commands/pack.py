"""The command `flukeprint data pack`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from index.commands.options import BoxesOption, parse_boxes
from training.commands.split import SetLabelsArgument, SetPhotosOption

if TYPE_CHECKING:
    from embedding.photos.preprocessing import Preprocessing
    from training.pixels.packing import PackReport


def pack(
    photos: SetPhotosOption,
    out: Annotated[
        Path,
        typer.Option("--out", help="Folder for the pack; new, empty, or a pack that was stopped."),
    ],
    labels: SetLabelsArgument = None,
    boxes: BoxesOption = None,
    size: Annotated[
        str | None,
        typer.Option(
            "--size", help="Pixels of a side, 224, or width and height, 448x224 (default: 224)."
        ),
    ] = None,
    fit: Annotated[
        str | None,
        typer.Option(
            "--fit", help="squash stretches to the size, pad keeps the aspect (default: squash)."
        ),
    ] = None,
    crop: Annotated[
        str | None,
        typer.Option(
            "--crop", help="box cuts out the labels' boxes, none takes all (default: none)."
        ),
    ] = None,
    grey: Annotated[
        bool, typer.Option("--grey", help="Take the colour out: a third of the size.")
    ] = False,
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe", help="Take size, fit, crop and grey from a recipe's [input] instead."
        ),
    ] = None,
    skip_bad: Annotated[
        bool,
        typer.Option(
            "--skip-bad",
            help="Leave out photos that are absent or can't be read, and call it a success "
            "(exit code 0).",
        ),
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Throw away what --out holds of a pack.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Decode a labelled set once, into a folder that trainings map from disk: any number of photos
    in little memory.

    Train from it with `flukeprint train RECIPE --photos PACK --out RUN`, here or on another
    machine; the photos needn't be there. Stopped at any moment, the same command goes on where it
    was. Photos that can't be read are listed and left out, and the exit code is then 1. The memory
    that was held at most is told at the end.
    """
    from training.pixels.packing import pack as write_pack
    from training.sets.sets import read_sets

    preprocessing = _preprocessing(size, fit, crop, grey, recipe)
    absent: Literal["refuse", "skip"] = "skip" if skip_bad else "refuse"
    labelled, warnings = read_sets(labels or (), photos, absent=absent, boxes=parse_boxes(boxes))
    for warning in warnings:
        print(f"note: {warning}", file=sys.stderr)
    try:
        packed = write_pack(labelled, preprocessing, out, restart=restart)
    except KeyboardInterrupt:
        print(f"\nstopped; the same command goes on with the pack in {out}", file=sys.stderr)
        raise
    for reason in packed.unread.values():
        print(f"left out: {reason}", file=sys.stderr)
    _print(packed, preprocessing, out, as_json=as_json)
    if packed.unread and not skip_bad:
        sys.exit(1)


def _preprocessing(
    size: str | None, fit: str | None, crop: str | None, grey: bool, recipe: str | None
) -> Preprocessing:
    from embedding.photos.preprocessing import Preprocessing

    if recipe is None:
        width, height = _size(size or "224")
        return Preprocessing(width, height, crop=crop or "none", fit=fit or "squash", grey=grey)  # pyright: ignore[reportArgumentType]
    if grey or any(given is not None for given in (size, fit, crop)):
        raise typer.BadParameter(
            "--recipe says what --size, --fit, --crop and --grey would; give one or the others"
        )
    from training.recipes.reading import read_recipe

    wanted = read_recipe(recipe).input
    return Preprocessing(
        wanted.width_px,
        wanted.height_px,
        wanted.mean,
        wanted.std,
        wanted.crop,
        wanted.fit,
        grey=wanted.grey,
    )


def _size(given: str) -> tuple[int, int]:
    sides = given.lower().split("x")
    if len(sides) > 2 or not all(side.isascii() and side.isdigit() for side in sides):
        raise typer.BadParameter(
            f"--size {given}: give pixels, as 224, or width x height, as 448x224"
        )
    return int(sides[0]), int(sides[-1])


def _print(packed: PackReport, preprocessing: Preprocessing, out: Path, *, as_json: bool) -> None:
    import json

    from training.pixels.packing import peak_memory_bytes

    peak = peak_memory_bytes()
    megabytes = packed.photo_bytes / 1e6
    now = packed.photos + len(packed.unread) - packed.done_before
    if as_json:
        told = {
            "pack": str(out),
            "photos": packed.photos,
            "packed_now": now,
            "unread": packed.unread,
            "preprocessing": preprocessing.to_dict(),
            "pack_bytes": packed.pack_bytes,
            "photo_bytes": packed.photo_bytes,
            "seconds": round(packed.seconds, 3),
            "peak_memory_bytes": peak,
        }
        print(json.dumps(told, indent=2))
        return
    colour = "grey" if preprocessing.grey else "colour"
    print(
        f"{out}: {packed.photos:,} photos of {preprocessing.width_px} x "
        f"{preprocessing.height_px} px in {colour}, "
        f"{packed.pack_bytes / 1e6:,.1f} MB"
    )
    if now:
        print(
            f"{now:,} photos, {megabytes:,.1f} MB of files, in {packed.seconds:,.1f} s: "
            f"{now / max(packed.seconds, 1e-3):,.0f} photos/s, "
            f"{megabytes / max(packed.seconds, 1e-3):,.1f} MB/s"
        )
    else:
        print("all photos were packed already")
    if peak is not None:
        print(f"peak memory: {peak / 2**20:,.0f} MiB")
