"""How many processor cores there are for this process."""

from __future__ import annotations

import os


def core_count() -> int:
    """Count the cores that this process may use, 1 or more."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
