"""Say on stderr what a long step is doing, how far it is and how fast it goes."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TextIO

Advance = Callable[[int], None]

PLAIN_LINE_SECONDS = 5.0
SPINNER_AFTER_SECONDS = 1.0


class Progress(Protocol):
    """What a long step asks for: `with progress(total, "Reading") as advance: advance(1)`."""

    def __call__(self, total: int | None, description: str) -> AbstractContextManager[Advance]: ...


def progress(
    total: int | None, description: str, *, stream: TextIO | None = None
) -> AbstractContextManager[Advance]:
    """Show a bar on a terminal, and a plain line every few seconds elsewhere.

    `total` None means that the amount of work isn't known. Stdout stays free for answers.
    """
    out: TextIO = sys.stderr if stream is None else stream
    if out.isatty():
        return _bar(total, description, out)
    return plain_lines(total, description, out)


@contextmanager
def no_progress(total: int | None, description: str) -> Generator[Advance]:
    """Show nothing: for callers inside a service or a test."""
    del total, description
    yield lambda steps: None


@contextmanager
def spinner(
    description: str, *, stream: TextIO | None = None, after_seconds: float = SPINNER_AFTER_SECONDS
) -> Generator[None]:
    """Turn a spinner on a terminal while a step of unknown length takes more than a second.

    Elsewhere nothing is written. It leaves nothing on the terminal, also after Ctrl-C. No bar and
    no other spinner may be shown within it.
    """
    out: TextIO = sys.stderr if stream is None else stream
    if not out.isatty():
        yield
        return
    from rich.console import Console
    from rich.status import Status

    status = Status(f"{description} ...", console=Console(file=out))
    timer = threading.Timer(after_seconds, status.start)
    timer.name, timer.daemon = "spinner", True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # one that is just starting it
        status.stop()


@contextmanager
def _bar(total: int | None, description: str, stream: TextIO) -> Generator[Advance]:
    from rich import progress as rich_progress
    from rich.console import Console

    columns = (
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.MofNCompleteColumn(),
        rich_progress.TextColumn("{task.fields[rate]}"),
        rich_progress.TimeElapsedColumn(),
        rich_progress.TimeRemainingColumn(),
    )
    with rich_progress.Progress(*columns, console=Console(file=stream)) as bar:
        task = bar.add_task(description, total=total, rate="")

        def advance(steps: int) -> None:
            speed = bar.tasks[0].speed
            bar.update(task, advance=steps, rate="" if speed is None else f"{speed:.1f}/s")

        yield advance


@contextmanager
def plain_lines(
    total: int | None,
    description: str,
    stream: TextIO,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Generator[Advance]:
    """Print a line every `PLAIN_LINE_SECONDS`, and one at the end or the interruption.

    The last line is said once: where all is done, and the end is only to come, no line is due.
    """
    started = last = clock()
    done = printed = 0

    def line(ending: str = "") -> None:
        nonlocal printed
        printed = done
        of_total = "" if total is None else f" of {total}"
        seconds = clock() - started
        rate = f", {done / seconds:.1f}/s" if done and seconds > 0 else ""
        left = 0 if total is None or not rate or ending else (total - done) * seconds / done
        to_go = f", about {left:.0f} s left" if left > 0 else ""
        print(
            f"{description}: {done}{of_total}{ending}, {seconds:.0f} s{rate}{to_go}",
            file=stream,
            flush=True,
        )

    def advance(steps: int) -> None:
        nonlocal done, last
        done += steps
        if clock() - last >= PLAIN_LINE_SECONDS and done != total:
            last = clock()
            line()

    try:
        yield advance
    except BaseException:
        line(" (stopped)")
        raise
    if done != printed or done == total or not done:
        line()
