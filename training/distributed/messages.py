"""One of several processes prints: the first."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from training.distributed.world import LostProcess, is_first_process

GRACE_SECONDS = 10.0


@contextmanager
def first_prints(grace_seconds: float = GRACE_SECONDS) -> Generator[None]:
    """Let the first process alone print: messages, progress, and an error that all have.

    Another one waits a moment with its error. If the first has an error too, torchrun ends all
    others meanwhile, and one error stands there. Otherwise it is the other's own, and is told.
    After Ctrl-C the others end without a word, with exit code 130, and so they do, with 1, where
    another process is lost.
    """
    if is_first_process():
        yield
        return
    errors = sys.stderr
    try:
        with (
            Path(os.devnull).open("w") as nowhere,
            redirect_stdout(nowhere),
            redirect_stderr(nowhere),
        ):
            yield
    except KeyboardInterrupt:
        sys.exit(130)
    except LostProcess:
        sys.exit(1)
    except Exception:
        try:
            time.sleep(grace_seconds)
        except KeyboardInterrupt:
            sys.exit(130)
        rank, size = os.environ["RANK"], os.environ.get("WORLD_SIZE", "?")
        print(f"in process {rank} of {size} (the first is 0):", file=errors)
        raise
