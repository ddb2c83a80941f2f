"""`flukeprint demo`: a drawn catalogue, indexed, served and asked, from nothing to an answer over
HTTP.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from demo.album import Album
    from demo.serving import Answer


def register(app: typer.Typer) -> None:
    """Mount the demo on the console command."""
    app.command("demo")(demo)


def demo(
    *,
    out: Annotated[
        Path, typer.Option(help="The folder to draw into; an earlier demo's is replaced.")
    ] = Path("demo-out"),
    individuals: Annotated[
        int, typer.Option(min=2, max=2000, help="How many whales the catalogue holds.")
    ] = 40,
    photos: Annotated[int, typer.Option(min=1, max=50, help="How many photos of each.")] = 5,
    queries: Annotated[
        int, typer.Option(min=0, max=500, help="How many questions about known whales.")
    ] = 6,
    unknown: Annotated[
        int, typer.Option(min=0, max=500, help="How many questions about new whales.")
    ] = 3,
    port: Annotated[
        int,
        typer.Option(min=0, max=65535, help="The loopback port to serve on; 0 takes a free one."),
    ] = 0,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            envvar="FLUKEPRINT_CHECKPOINT",
            help="The checkpoint to embed with; by default the shipped one.",
        ),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Go on serving until Ctrl-C.")] = False,
) -> None:
    """Draw whales, index them, start the service, ask it about known and new whales, and show the
    answers.
    """
    from demo.serving import build_index, free_port, handle_termination, serve_catalogue

    started = time.monotonic()
    with handle_termination():
        _print_step(f"1/4 Drawing {individuals} whales, {photos} photos of each, into {out}")
        album = _draw_album(out, individuals, photos, queries, unknown)
        options = f"--catalogue {album.catalogue} --csv {album.labels} --photos {album.photos}"
        _print_step(f"2/4 Indexing: flukeprint index build {options}")
        build_index(album.catalogue, album.labels, album.photos, checkpoint)
        port = port or free_port()
        _print_step(f"3/4 Starting: flukeprint serve --port {port} --catalogue {album.catalogue}")
        with serve_catalogue(album.catalogue, port, out / "serve.log", checkpoint) as url:
            _print_step(f"4/4 Asking {url}/v1/identify about {len(album.queries)} photos")
            _show(_identify_queries(url, album), album)
            _print_step(f"All of it took {time.monotonic() - started:.0f} s.")
            if keep:
                _stay(url, album)


def _draw_album(out: Path, individuals: int, photos: int, queries: int, unknown: int) -> Album:
    from demo.album import draw_album
    from index.progress import progress

    with progress(individuals * photos + queries + unknown, "Drawing photos") as advance:
        return draw_album(
            out,
            individuals=individuals,
            photos=photos,
            queries=queries,
            unknown=unknown,
            advance=advance,
        )


def _identify_queries(url: str, album: Album) -> list[Answer]:
    from demo.serving import identify
    from index.progress import progress

    answers: list[Answer] = []
    with progress(len(album.queries), "Asking") as advance:
        for query in album.queries:
            answers.append(identify(url, query))
            advance(1)
    return answers


def _show(answers: Sequence[Answer], album: Album) -> None:
    """Print the table and the summary, and save the picture."""
    from rich.console import Console

    from demo.picture import save_answers
    from demo.report import answers_table, summary

    picture = album.folder / "answers.png"
    save_answers(answers, album.photos, picture)
    Console().print(answers_table(answers))
    print(summary(answers))
    _print_step(f"Every question beside its best matches: {picture}")


def _stay(url: str, album: Album) -> None:
    """Wait for Ctrl-C, telling what can be tried meanwhile."""
    photo = album.queries[0].photo if album.queries else album.photos / "w_drawn_00_1.jpg"
    _print_step(f"Serving until Ctrl-C. Try it in a browser: {url}/docs")
    _print_step(f"or with: curl -F photos=@{photo} {url}/v1/identify")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        _print_step("Stopping the service.")


def _print_step(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
