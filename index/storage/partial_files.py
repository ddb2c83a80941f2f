"""Hidden names of unfinished files, which say whether their process still lives; and fsync."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from index.processes import is_alive, this_worker

_MARK = ".unfinished~"
_LEFT = re.compile(r"\..+\.unfinished~(?P<host>[^~]+)~(?P<process>[0-9]+)~(?P<began>[^~]*)")


def unfinished_suffix() -> str:
    """The end of a hidden name for what this process writes."""
    return _MARK + "~".join(this_worker().rsplit(":", 2))


def remove_unfinished(folders: Iterable[Path]) -> None:
    """Remove from these folders what processes of this machine that have ended left unfinished.

    What can't be removed stays. Of another machine's process nobody can tell from here whether it
    lives.
    """
    for folder in folders:
        with contextlib.suppress(OSError):
            for path in [each for each in folder.iterdir() if _is_abandoned(each.name)]:
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)


def flush_files(folder: Path) -> None:
    """Bring a folder's files, and the names of all below it, onto the disk. Raises OSError.

    What is acknowledged after this outlasts a cut in the power.
    """
    for path in folder.rglob("*"):
        if not path.is_symlink():
            flush_folder(path)
    flush_folder(folder)


def flush_folder(path: Path) -> None:
    """Bring one folder's names, or one file's content, onto the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_abandoned(name: str) -> bool:
    found = _LEFT.fullmatch(name)
    if found is None or found["host"] != this_worker().rsplit(":", 2)[0]:
        return False
    return not is_alive(
        f"{found['host']}:{found['process']}:{found['began']}", None, datetime.now(UTC)
    )
