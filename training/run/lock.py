"""One training a run folder: a second one would write over the first one's files, and both would be
lost.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from training.run.run import BadRun

LOCK = ".running"


@contextmanager
def alone_in(out: Path) -> Generator[None]:
    """Hold a run folder, which is made where it isn't there, and taken away again if nothing came
    of it.

    What is killed holds nothing any more, though its lock's file stays. Raises BadRun where another
    process holds it.
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
