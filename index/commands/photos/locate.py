"""The command that finds the animals in photos."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from embedding.photos.box import Animal, as_rows
from index.commands.named_files import NamedFile, files_by_path, refuse_absent
from index.commands.options import (
    ApiKeyOption,
    CheckpointOption,
    JsonOption,
    PhotoArguments,
    PrecisionOption,
    RuntimeOption,
    ServerOption,
    load_embedder,
    refuse_mixture,
    refuse_out,
)
from index.messages import Unread, photos_text, print_unread

if TYPE_CHECKING:
    from embedding.embedder import Embedder
    from embedding.photos.photo import Image

_BAR_FROM_PHOTOS = 20
_BATCH_PHOTOS = 16
_COLUMNS = ("photo", "animal", "left", "top", "right", "bottom", "score")


class _Unread(NamedTuple):
    reason: str


class _Found(NamedTuple):
    """What was found, by the photo's name, what couldn't be read, and by which checkpoint."""

    animals: list[tuple[str, tuple[Animal, ...]]]
    unread: list[tuple[str, Unread]]
    fingerprint: str


def locate(
    context: typer.Context,
    photos: PhotoArguments,
    checkpoint: CheckpointOption = None,
    runtime: RuntimeOption = "auto",
    precision: PrecisionOption = "float32",
    server: ServerOption = None,
    api_key: ApiKeyOption = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            metavar="FILE",
            help="Write a CSV with a row an animal: photo, animal (from 1), left, top, right, "
            "bottom, score. A photo without any has one row that ends after its name.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Find the animals in photos: any number in each, with a box and a score.

    Boxes are left, top, right and bottom, as shares (0 to 1) of the upright photo's width and
    height. The surest animal comes first; it is the one that `identify` answers about. Photos that
    can't be read are listed; the others are answered, and the exit code is then 1. A checkpoint
    without a detector answers with one animal for each photo. With --server a running service
    answers.
    """
    refuse_mixture(context, server, ("checkpoint", "runtime", "precision"))
    if csv is not None:
        refuse_out(csv)
    refuse_absent(checkpoint)
    named = files_by_path(photos)
    if server is not None:
        found = _request(server, api_key, named)
    else:
        found = _find(load_embedder(checkpoint, runtime, precision), named)
    if csv is not None:
        _write_csv(found, csv)
    if as_json:
        print(json.dumps(_as_json(found), indent=2))
    elif csv is not None:
        count = sum(len(animals) for _, animals in found.animals)
        print(f"{csv}: {photos_text(len(found.animals))}, {count:,} animals")
    else:
        for name, animals in found.animals:
            print(f"{name}: {_animals_text(animals)}")
    print_unread([each for _, each in found.unread])
    if found.unread:
        sys.exit(1)


def _request(server: str, api_key: str | None, named: Sequence[NamedFile]) -> _Found:
    from index.commands.remote import locate_photos, open_client

    with open_client(server, api_key) as service:
        results, fingerprint = locate_photos(service, named)
    return _Found(results.answers, [(each.name, each) for each in results.failures], fingerprint)


def _find(embedder: Embedder, named: Sequence[NamedFile]) -> _Found:
    from embedding.photos.photo import BadPhoto, read_photo
    from index.prefetch import decoding_threads, prefetch
    from index.progress import no_progress, progress
    from index.search.embedded_images import find_animals

    def decode(photo: NamedFile) -> tuple[str, Image | BadPhoto]:
        try:
            read = read_photo(photo.path, name=photo.name, at_least_px=embedder.input_px)
        except BadPhoto as error:
            return photo.name, error
        return photo.name, read

    found = _Found([], [], embedder.fingerprint)
    show = progress if len(named) >= _BAR_FROM_PHOTOS else no_progress
    decoded = prefetch(named, decode, threads=decoding_threads(), most=2 * _BATCH_PHOTOS)
    with closing(decoded), show(len(named), "Locating animals") as advance:
        while batch := list(islice(decoded, _BATCH_PHOTOS)):
            images: list[Image] = []
            names: list[str] = []
            for name, read in batch:
                if isinstance(read, BadPhoto):
                    found.unread.append((name, _Unread(str(read))))
                else:
                    images.append(read)
                    names.append(name)
            found.animals.extend(zip(names, find_animals(embedder, images), strict=True))
            advance(len(batch))
    return found


def _animals_text(animals: Sequence[Animal]) -> str:
    if not animals:
        return "no animal"
    shown = [
        f"{' '.join(f'{side:.3f}' for side in animal.box)} (score {animal.score:.2f})"
        for animal in animals
    ]
    count = "1 animal" if len(animals) == 1 else f"{len(animals)} animals"
    return f"{count}: {'; '.join(shown)}"


def _as_json(found: _Found) -> dict[str, Any]:
    """The service's answer to `/v1/locate`, with the photos that couldn't be read in `errors`."""
    return {
        "results": [
            {"photo": name, "animals": as_rows(animals)} for name, animals in found.animals
        ],
        "errors": [{"photo": name, "reason": each.reason} for name, each in found.unread],
        "fingerprint": found.fingerprint,
    }


def _write_csv(found: _Found, out: Path) -> None:
    import csv
    import io

    from embedding.checkpoint import write_atomically

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for name, animals in found.animals:
        if not animals:
            writer.writerow([name, *[""] * (len(_COLUMNS) - 1)])
        for number, (box, score) in enumerate(animals, start=1):
            writer.writerow([name, number, *(f"{side:.6f}" for side in box), f"{score:.6f}"])
    write_atomically(out, text.getvalue().encode())
