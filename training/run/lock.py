"""One training in each run folder: a second one would write over the first one's files."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from training.run.run import BadRun

LOCK = ".running"


@contextmanager
def exclusive_folder(out: Path) -> Generator[None]:
    """Hold a run folder while one process trains in it.

    The folder is made where it is absent, and removed again if it stays empty. A killed process
    holds nothing any more, though its lock file stays. Raises BadRun where another process trains
    there.
    """
    is_new = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadRun(
            f"the folder {out} can't be made: {error.strerror}; give another --out"
        ) from error
    path = out / LOCK
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise BadRun(
            f"another process is training in {out}; wait until it has finished, stop it, or "
            "give another --out"
        ) from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # while it is held: whoever comes now makes one of their own
        lock.release()
        if is_new and not any(out.iterdir()):
            out.rmdir()
