"""Names of what is being written, which say by whom: what a killed process left is told from a
living one's work.
"""

from __future__ import annotations

import contextlib
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


def _is_abandoned(name: str) -> bool:
    found = _LEFT.fullmatch(name)
    if found is None or found["host"] != this_worker().rsplit(":", 2)[0]:
        return False
    return not is_alive(
        f"{found['host']}:{found['process']}:{found['began']}", None, datetime.now(UTC)
    )
